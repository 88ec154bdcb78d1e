"""What secrets look like: names whose values are secret, and secrets within a text.

All patterns are matched against lower case, and none can match in two ways, so that each takes one walk over the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MASK = "***"

# A count of tokens is no secret, nor is what says how tokens are counted.
_SINGULAR = r"token(?!s|i[sz]|[-_. ]?(?:bucket|budget|count|length|limit|price|rate|type|usage)|s?[-_. ]?used)"
_TOKENS = r"(?:access|api|auth|bearer|refresh|security|session)[-_. ]?tokens?"
_KEYS = r"(?:access|account|api|encryption|master|private|service|shared|signing|ssh)[-_. ]?key"
_SECRET = (
    r"(?:authorization|cookie|credential|pass(?:code|phrase|wd|word)|pwd|secret|"
    r"(?:admin|database|db|mysql|pg|redis|root|smtp|user)[-_. ]?pass(?![a-z])|"
    rf"{_KEYS}|{_TOKENS}|{_SINGULAR})"
)
_SECRET_NAME = re.compile(rf"{_SECRET}|(?<![a-z])(?:auth|jwt)$")

# After a name: the rest of it, its closing quote, and what separates it from its value, also in JSON within JSON.
_ASSIGNED = r"""[\w.-]{0,40}+\\{0,3}["']?\s{0,8}(?:=>|[:=])\s{0,8}(?:b(?=["']))?+"""
_VALUE = (
    r"""(?:"(?P<a>(?:[^"\\]|\\.)*+)|'(?P<b>(?:[^'\\]|\\.)*+)|\\{1,3}["'](?P<c>[^"'\\]*+)|"""
    r"""(?P<d>[\[{(][^\[\]{}()]*+[\]})]?|digest\s[^\r\n]*+|"""
    r"""(?:(?:apikey|basic|bearer|negotiate|token)\s{1,8})?+[^\s,;&"'<>()\[\]{}\\]++))"""
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern whose named groups are what must be masked; `signs`: every match contains one of them."""

    signs: tuple[str, ...]
    pattern: re.Pattern[str]


_RULES = (
    _Rule(
        ("pass", "pwd", "secret", "token", "key", "authorization", "credential"),
        re.compile(rf"{_SECRET}{_ASSIGNED}{_VALUE}", re.DOTALL),
    ),
    # A header has several cookies, with semicolons between.
    _Rule(("cookie",), re.compile(rf"""cookie{_ASSIGNED}["']?(?P<a>[^"'\r\n]++)""")),
    # Options of a command line.
    _Rule(
        ("--",), re.compile(rf"--(?:[a-z]{{1,20}}-){{0,3}}{_SECRET}[\w-]{{0,40}}+\s{{1,8}}(?P<a>[^\s\"'-][^\s\"']*+)")
    ),
    _Rule(
        ("bearer", "basic"),
        re.compile(
            r"\b(?:bearer(?:\s{1,8}|%20)(?!(?:auth|realm|scheme|token)[a-z]*\b)(?P<a>[\w.~+/=-]{6,}+)"
            r"|basic\s{1,8}(?P<b>(?=[a-z+/]{0,200}[0-9=])[\w+/=-]{8,}+))"
        ),
    ),
    # Elements of XML, such as settings and SOAP.
    _Rule(
        ("</",),
        re.compile(rf"{_SECRET}[\w.-]{{0,40}}+(?:\s[^<>]{{0,200}}+)?>\s{{0,8}}+(?P<a>[^<>\s][^<>]*+)</"),
    ),
    # User and password of a URL; the last @ before the path ends them. A long user without one is a token.
    _Rule(
        ("://",),
        re.compile(
            r"""://(?:[^\s/:@?\#"'<>]{0,256}+:(?P<a>[^\s/"'<>]{1,512})@|(?P<b>[^\s/:@?\#"'<>]{20,512}+)@)""", re.VERBOSE
        ),
    ),
    _Rule(("eyj",), re.compile(r"\b(?P<a>eyj[\w-]{5,}+\.[\w-]{5,}+(?:\.[\w-]*+){0,3})")),
    # Keys of this server, whatever is before them, such as the "%20" of a variable; and of services that mark theirs.
    _Rule(("em_",), re.compile(r"(?P<a>\bem_[a-z0-9]{4,64}_[\w-]{16,}+|em_[0-9a-f]{24}_[0-9a-z]{43})")),
    _Rule(
        ("gh", "glpat-", "xox", "sk-", "akia", "aiza"),
        re.compile(
            r"\b(?P<a>gh[oprsu]_[a-z0-9]{20,}+|github_pat_\w{20,}+|glpat-[\w-]{16,}+|xox[abeoprs]-[\w-]{10,}+"
            r"|sk-[\w-]{20,}+|akia[0-9a-z]{16}\b|aiza[\w-]{30,}+)"
        ),
    ),
    _Rule(
        ("-----begin",),
        re.compile(r"-----begin [a-z0-9 ]{0,40}private key-----(?P<a>(?:[^-]|-(?!----end))*+)", re.DOTALL),
    ),
)


_SIGNS = tuple(sign for rule in _RULES for sign in rule.signs)


def is_secret_name(name: str) -> bool:
    """Whether values of this name are secret: passwords, tokens, keys, whatever its case and its prefix."""
    return _SECRET_NAME.search(name.lower()) is not None


def may_hold_secrets(text: str) -> bool:
    """Whether `mask_secrets` has to look closer at `text`; quickly, and True too often."""
    return _has_signs(text.lower())


def mask_secrets(text: str) -> str:
    """Replace each secret that `text` shows by `***`."""
    lowered = _lower(text)
    if not _has_signs(lowered):
        return text
    found = [
        span
        for rule in _RULES
        if any(sign in lowered for sign in rule.signs)
        for match in rule.pattern.finditer(lowered)
        for span in _spans(match)
    ]
    return _replace(text, sorted(found)) if found else text


def _has_signs(lowered: str) -> bool:
    # Each search takes some tens of nanoseconds; one pattern of all of them takes more.
    for sign in _SIGNS:  # noqa: SIM110 - any() takes twice as long
        if sign in lowered:
            return True
    return False


def _lower(text: str) -> str:
    lowered = text.lower()
    # A few letters become two.
    return lowered if len(lowered) == len(text) else "".join(each.lower() if each.isascii() else each for each in text)


def _spans(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    for name in match.re.groupindex:
        start, end = match.span(name)
        if start < end:
            yield start, end


def _replace(text: str, spans: list[tuple[int, int]]) -> str:
    pieces: list[str] = []
    place = 0
    for start, end in spans:
        if start >= place:
            pieces += [text[place:start], MASK]
        place = max(place, end)
    return "".join([*pieces, text[place:]])
