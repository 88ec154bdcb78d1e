"""Patterns that find a text in another whatever its case and normal form, with the same meaning in MongoDB and Python.

Two spellings of a text are the same where Unicode's caseless matching says so: "É" is "é", composed or decomposed;
the final sigma is a sigma; the sharp s is "ss". MongoDB compares code points, so a pattern has all spellings of each
letter. The `i` option would fold differently in PCRE2 and Python (U+0130, U+017F).
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

# The letters that `upper`, `lower` and `casefold` do not lead to one from another (Unicode's CaseFolding.txt).
_GROUPS = (
    *("kK\u212a", "sS\u017f", "\u03bc\u039c\xb5", "\xe5\xc5\u212b", "\xdf\u1e9e", "\u03b9\u0399\u1fbe\u0345"),
    *("\u0390\u1fd3", "\u03b2\u0392\u03d0", "\u03b5\u0395\u03f5", "\u03b8\u0398\u03d1\u03f4", "\u03ba\u039a\u03f0"),
    *("\u03c0\u03a0\u03d6", "\u03c1\u03a1\u03f1", "\u03c3\u03a3\u03c2", "\u03c6\u03a6\u03d5", "\u03c9\u03a9\u2126"),
    *("\u03b0\u1fe3", "\u0432\u0412\u1c80", "\u0434\u0414\u1c81", "\u043e\u041e\u1c82", "\u0441\u0421\u1c83"),
    *("\u0442\u0422\u1c84\u1c85", "\u044a\u042a\u1c86", "\u0463\u0462\u1c87", "\ua64b\ua64a\u1c88"),
    *("\u1e61\u1e60\u1e9b", "\ufb05\ufb06"),
)
_GROUP_OF = {letter: group for group in _GROUPS for letter in group}
_SHARP_S = _GROUP_OF["\xdf"]

# So many letters may have several spellings, the first ones: PCRE2 takes 64 kB of compiled pattern, and a letter with
# an accent up to 100 bytes. So many may have codes between them.
MAX_SPELLED = 200
MAX_WITH_CODES = 100

# Codes that colour or style what a terminal shows (ECMA-48, section 5.4), and the one that chooses its letters.
ANSI_CODE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\(B)"
_BETWEEN = f"(?:{ANSI_CODE})*"
# A match does not begin within a code, of which the longest that programs write are colours: 38;2;255;255;255.
_LONGEST_CODE = 20
_OUTSIDE = r"(?<!\x1b)" + "".join(rf"(?<!\x1b\[[0-?]{{{length}}})" for length in range(_LONGEST_CODE))


def literal(character: str) -> str:
    """The pattern of one character alone."""
    # BSON patterns end at a NUL byte.
    return r"\x00" if character == "\0" else re.escape(character)


def containing(text: str) -> str:
    """The pattern of texts that contain `text`, in any case and normal form."""
    return "".join(_letters(text))


def containing_between_codes(text: str) -> str:
    """As `containing`, in texts with ANSI escape codes before, after and between the letters of `text`."""
    letters = list(_letters(re.sub(ANSI_CODE, "", text)))
    if not letters:
        return ""
    joined = _BETWEEN.join(letters[:MAX_WITH_CODES])
    return _OUTSIDE + joined + "".join(letters[MAX_WITH_CODES:])


def _letters(text: str) -> Iterator[str]:
    composed, place, spelled = unicodedata.normalize("NFC", text), 0, 0
    while place < len(composed):
        pair = composed[place : place + 2]
        letter = pair if pair.casefold() == "ss" and len(pair) == 2 else pair[0]  # noqa: PLR2004 - a pair
        yield _spellings(letter) if spelled < MAX_SPELLED else "".join(map(_cases, letter))
        spelled += not (letter.isascii() and len(letter) == 1)
        place += len(letter)


@lru_cache(maxsize=1_024)
def _spellings(letter: str) -> str:
    """All spellings of a letter, or of "ss"."""
    if letter.isascii() and len(letter) == 1:
        return _cases(letter)
    decomposed, folded = unicodedata.normalize("NFD", letter), letter.casefold()
    found = [_cases(_SHARP_S[0]) if folded == "ss" else _cases(letter)]
    found += ["".join(map(_cases, each)) for each in (decomposed, folded) if len(each) > 1]
    different = dict.fromkeys(found)
    return found[0] if len(different) == 1 else f"(?:{'|'.join(different)})"


def _cases(character: str) -> str:
    """The cases of one character."""
    if character.isascii() and not character.isalpha():
        return literal(character)
    folded = character.casefold()
    alike = {character, character.lower(), character.upper(), character.title(), folded, *_GROUP_OF.get(folded, "")}
    alike |= {each.upper() for each in alike} | {each.lower() for each in alike} | {*_GROUP_OF.get(character, "")}
    cases = sorted(each for each in alike if len(each) == 1 and each.casefold() == folded)
    return literal(character) if len(cases) == 1 else f"[{''.join(map(re.escape, cases))}]"
