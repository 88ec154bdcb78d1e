"""Error patterns: error messages with what varies from run to run left out, so that failures alike have one pattern.

A message is read from its beginning, token by token: white space, quoted texts, words up to white space or a bracket.
Words with a digit, long words, paths, hosts, mail addresses and URLs vary; so do quoted texts. Of Chinese, Japanese,
Korean, Thai and others that write no spaces, each letter is a token. A pattern ends where it is long enough; all
messages that begin with it then share it.

MongoDB finds the messages of a pattern by a regular expression that reads them in the same way: each token is an atomic
group, so that it never tries another reading. A property test holds `pattern_of` and `expression_of` together.
"""

import re
from functools import lru_cache

from execution_monitor.storage.text_patterns import literal

# What stands for what varies, in a pattern. Characters of control in messages count as white space.
_VARYING, _ENDLESS, _QUOTED = "\x00", "\x01", "\x02"
_SHOWN = str.maketrans(dict.fromkeys((_VARYING, _ENDLESS, _QUOTED), "\N{HORIZONTAL ELLIPSIS}"))

# A pattern ends behind the token with which it has so many characters, or its expression is so long: MongoDB takes
# 32,764 bytes. A part that varies takes 3.4 kB; a quote that opens nothing, or endless white space, a tenth of it.
_ENOUGH, _LONGEST_EXPRESSION = 200, 70
MAX_PATTERN_LENGTH = 300
# A word of more characters varies whatever it is; one of more than `_LONGEST_WORD` ends the pattern.
_LONGEST_LITERAL, _LONGEST_WORD, _LONGEST_LISTED, _LONGEST_QUOTED = 100, 300, 32, 256
# All that a pattern depends on: 200 times 8 spaces, 7 words with 3 listed ones each, and a word behind.
EXAMINED = 7_000

# No class of `\s` or `\d`: MongoDB's are of ASCII, Python's of Unicode.
_SPACES = "\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_SPACE = rf"[\x00-\x20\x7f{_SPACES}]"
_DIGITS = "0-9\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef\u0e50-\u0e59\uff10-\uff19"
_OPENING, _CLOSING = (
    "\u2018\u201a\u201c\u201e\xab\u2039\u300c\u300e\u300a",
    "\u2019\u201c\u201d\xbb\u203a\u300d\u300f\u300b",
)
# Letters of words: of ASCII all but white space, quotes, brackets and , ; = |
_OF_WORDS = (
    r"#-&*+\-/0-9@-Z\\^_a-z~"
    "\xa1-\xaa\xac-\xba\xbc-\u0dff\u0e50-\u0e59\u10a0-\u10ff\u1200-\u167f\u1681-\u177f\u1800-\u1fff"
    "\u2010-\u2017\u2030-\u2038\u2070-\u2e7f\ua4d0-\uabff\ufb00-\ufe2f\uff10-\uff19"
    "\U00010000-\U0001ffff"
)
_ENDS = ".:!?\u2026"  # within a word they belong to it, before and behind it they do not
_WORD, _CORE = f"[{_OF_WORDS}{_ENDS}]", f"[{_OF_WORDS}]"

_HOSTS = "com|org|net|io|dev|app|cloud|internal|local|localdomain|lan|corp|svc|edu|gov|de|uk|fr|eu|us|ch|nl|jp|cn|ru|br"
_UNITS = "[KMGTPkmgtp]i?[Bb]|[Bb]ytes?|[mnu\xb5]?s|secs?|seconds?|mins?|minutes?|hours?|days?"
_WITHIN = (
    f"[{_DIGITS}]",
    "[A-Za-z_.+-]@[A-Za-z]",
    rf"/{_WORD}{{0,{_LONGEST_WORD}}}?[/.]{_CORE}",
    rf"\\{_WORD}{{0,{_LONGEST_WORD}}}?\\",
)
_WHOLE = (
    rf"~?/{_CORE}",
    r"[A-Za-z]:\\",
    rf"(?:[A-Fa-f]{{8,}}|(?:[a-z_-]+\.)+(?:{_HOSTS}))[{_ENDS}]*(?!{_WORD})",
    f"{_WORD}{{{_LONGEST_LITERAL + 1}}}",
)
_IS_ENDLESS = f"{_WORD}{{{_LONGEST_WORD + 1}}}"


def _up_to_its_end(longest: int) -> str:
    return f"{_CORE}(?:{_WORD}{{0,{longest}}}{_CORE})?"


_VARIES = f"(?=(?:{_WORD}{{0,{_LONGEST_WORD}}}?(?:{'|'.join(_WITHIN)})|{'|'.join(_WHOLE)}))"
_VARYING_WORD = f"(?!{_IS_ENDLESS}){_VARIES}{_up_to_its_end(_LONGEST_WORD)}"
_IS_LISTED = f"(?!{_WORD}{{{_LONGEST_LISTED + 1}}})(?={_WORD}{{0,{_LONGEST_LISTED}}}?[{_DIGITS}])"
_LISTED_WORD = f"{_IS_LISTED}{_up_to_its_end(_LONGEST_LISTED)}"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.:\-]{0,30}://"
_IN_URL = f"[{_OF_WORDS}{_ENDS},;=]"
_ENDLESS_URL = f"{_SCHEME}{_IN_URL}{{{_LONGEST_WORD + 1}}}"
_URL = f"(?!{_ENDLESS_URL}){_SCHEME}(?:{_IN_URL}{{0,{_LONGEST_WORD}}}[{_OF_WORDS}=])?"
# Beside a varying word stand more of them, as in dates with a time, or its unit.
_MORE = f"(?:(?:, ?| )(?:{_LISTED_WORD}|(?:{_UNITS})(?=[{_ENDS}]{{0,8}}(?!{_WORD})))){{0,3}}"
_EXPRESSIONS = {
    _VARYING: f"(?>(?:{_URL}|{_VARYING_WORD}){_MORE})",
    _ENDLESS: f"(?:{_ENDLESS_URL}|(?!{_SCHEME}){_IS_ENDLESS})",
    " ": f"(?>{_SPACE}{{1,8}})",
}


def _quotation(opening: str, closing: str) -> str:
    """The expression for a text between two quotes, one line; an apostrophe within a word is no quote."""
    one_line = rf"\n{opening}{closing}" if opening in "\"'`" else rf"\n{_OPENING}{_CLOSING}"
    content = f"[^{one_line}]{{0,{_LONGEST_QUOTED}}}"
    found = f"{opening}{content}{closing if len(closing) == 1 else f'[{closing}]'}"
    return f"(?<!{_CORE}){found}(?!{_CORE})" if opening == "'" else found


def _any_quotation(opening: str) -> str:
    return _quotation(opening, opening if opening in "\"'`" else _CLOSING)


_QUOTES = frozenset("\"'`" + _OPENING)
_QUOTATIONS = {quote: re.compile(_any_quotation(quote)) for quote in _QUOTES}
_VARYING_MATCHER, _ENDLESS_MATCHER = (re.compile(_EXPRESSIONS[each]) for each in (_VARYING, _ENDLESS))
_SPACE_MATCHER = re.compile(_EXPRESSIONS[" "])
_WORD_MATCHER = re.compile(f"{_CORE}{_WORD}*")
_CORE_MATCHER = re.compile(_CORE)
_LAST_WORD = re.compile(f"{_CORE}{_WORD}*$")
_MARKS = re.compile("[\x00-\x1f]")
_LONE_QUOTE = re.compile(f"(?<!{_QUOTED})[{''.join(sorted(_QUOTES))}](?!{_QUOTED})")
_QUOTED_MATCHER = re.compile(f"[{''.join(sorted(_QUOTES))}]{_QUOTED}[\"'`{_CLOSING}]")
_MORE_SPACES = re.compile("(?<= ) ")


@lru_cache(maxsize=4_096)
def pattern_of(message: str) -> str:
    """The pattern of a message, of at most 300 characters. It depends on the first `EXAMINED` characters alone."""
    tokens, token, length, size, place = list[str](), "", 0, 0, 0
    end = min(len(message), EXAMINED)
    while place < end and length < _ENOUGH and size < _LONGEST_EXPRESSION and token != _ENDLESS:
        before = token
        token, place = _token_at(message, place)
        tokens.append(token)
        length += len(token)
        if token == " ":  # noqa: S105 - no password
            size += before == " "
        elif not token.isalnum():
            size += _size_of(token)
    return "".join(tokens)


def _token_at(message: str, place: int) -> tuple[str, int]:  # noqa: PLR0911 - one for each kind of token
    """The token of the pattern at a place in a message, and the place behind it."""
    character = message[place]
    if character in _QUOTES:
        found = _QUOTATIONS[character].match(message, place)
        if found is not None:
            return f"{character}{_QUOTED}{message[found.end() - 1]}", found.end()
        return character, place + 1
    space = _SPACE_MATCHER.match(message, place)
    if space is not None:
        return " ", space.end()
    if _CORE_MATCHER.match(character) is None:
        return character, place + 1
    varying = _VARYING_MATCHER.match(message, place)
    if varying is not None:
        return _VARYING, varying.end()
    if _ENDLESS_MATCHER.match(message, place) is not None:
        return _ENDLESS, len(message)
    word = _WORD_MATCHER.match(message, place)
    assert word is not None  # noqa: S101 - it begins with a letter of a word
    return word.group(), word.end()


def is_beginning(pattern: str) -> bool:
    """Whether messages of the pattern begin with it, rather than being just like it."""
    return len(pattern) >= _ENOUGH or pattern.endswith(_ENDLESS) or _size_of(pattern) >= _LONGEST_EXPRESSION


def _size_of(pattern: str) -> int:
    """The size of the expression, of which 10 are a part that varies."""
    varying = len(_MARKS.findall(pattern))
    return 10 * varying + len(_LONE_QUOTE.findall(pattern)) + len(_MORE_SPACES.findall(pattern))


def is_pattern(text: str) -> bool:
    """Whether `text` is written as patterns are, so that its expression is one that MongoDB takes."""
    marks = _MARKS.findall(text)
    return (
        len(text) <= MAX_PATTERN_LENGTH
        and _size_of(text) < _LONGEST_EXPRESSION + 10
        and {*marks} <= {_VARYING, _ENDLESS, _QUOTED}
        and _ENDLESS not in text[:-1]
        and len(_QUOTED_MATCHER.findall(text)) == marks.count(_QUOTED)
    )


def show_pattern(pattern: str) -> str:
    """A pattern as people read it: with an ellipsis for each part that varies."""
    shown = pattern.translate(_SHOWN)
    return (
        shown
        if pattern.endswith(_ENDLESS) or not is_beginning(pattern)
        else f"{shown.rstrip()} \N{HORIZONTAL ELLIPSIS}"
    )


@lru_cache(maxsize=256)
def expression_of(pattern: str) -> str:
    """The regular expression, for PCRE2 and Python alike, that finds the messages whose pattern is `pattern`."""
    parts, place = ["^"], 0
    while place < len(pattern):
        character = pattern[place]
        if pattern[place + 1 : place + 2] == _QUOTED:
            parts.append(f"(?>{_quotation(character, pattern[place + 2])})")
            place += 2
        elif character in _QUOTES:
            parts.append(f"(?!{_any_quotation(character)}){literal(character)}")
        else:
            parts.append(_EXPRESSIONS.get(character) or literal(character))
        place += 1
    if not is_beginning(pattern):
        parts.append(r"(?![\s\S])")
    elif _LAST_WORD.search(pattern) is not None:
        parts.append(f"(?!{_WORD})")
    return "".join(parts)
