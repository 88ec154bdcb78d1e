"""Patterns of texts: complete for Unicode, the same in MongoDB and Python, and never too large."""

import re
import sys
import unicodedata
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import LogEntry
from execution_monitor.storage.filters import MAX_TEXT_LENGTH, Contains, ContainsBetweenCodes
from execution_monitor.storage.text_patterns import containing, containing_between_codes
from tests.storage.reference import contains
from tests.storage.strategies import bounded

_CODES = ("\x1b[0m", "\x1b[31m", "\x1b[1;38;2;255;255;255m", "\x1b[K", "\x1b(B", "")


def test_each_letter_is_found_by_each_that_is_the_same_in_another_case() -> None:
    alike: dict[str, list[str]] = defaultdict(list)
    for character in map(chr, range(sys.maxunicode + 1)):
        if not "\ud800" <= character <= "\udfff" and unicodedata.normalize("NFC", character) == character:
            alike[character.casefold()].append(character)
    groups = [group for group in alike.values() if len(group) > 1]

    missed = [
        (sought, found)
        for group in groups
        for sought in group
        for found in group
        if not re.fullmatch(containing(sought), found)
    ]

    assert len(groups) > 1_000
    assert missed == []


@pytest.mark.parametrize(
    ("text", "line", "is_found"),
    [
        pytest.param(
            "FAILED", "\x1b[1m\x1b[31mFA\x1b[0m\x1b[31mILED\x1b[0m model orders", True, id="codes between letters"
        ),
        pytest.param("failed MODEL", "\x1b[31mFAILED\x1b[0m model", True, id="codes between words"),
        pytest.param("FAILED", "FAILED", True, id="no codes"),
        pytest.param("31", "\x1b[31mFAILED\x1b[0m", False, id="a number within a code"),
        pytest.param("m", "\x1b[38;2;255;255;255mFAILED\x1b[0m", False, id="the end of a code"),
        pytest.param("[0", "FAILED\x1b[0m", False, id="the beginning of a code"),
        pytest.param("[0", "FAILED [0]", True, id="what looks like one"),
        pytest.param("\x1b[31mFAILED", "FAILED", True, id="codes in what is sought"),
        pytest.param("\x1b[31m", "FAILED", True, id="nothing but codes"),
        pytest.param("stra\xdfe", "STRA\x1b[0mSSE", True, id="a sharp s"),
    ],
)
async def test_codes_are_never_in_the_way_of_a_search(
    database: Database, text: str, line: str, *, is_found: bool
) -> None:
    where = ContainsBetweenCodes("message", text)
    lines = database.collection(LogEntry)
    await lines.insert_one({"message": line})

    assert where.matches({"message": line}) is is_found
    assert await lines.count_documents(where.to_mongo()) == is_found


_LETTERS = st.sampled_from(["a", "A", "s", "S", "\xdf", "\xe9", "e\u0301", "E", "\u03c2", "\u03a3", "m", "1", "[", ";"])


@bounded(max_examples=25)
@given(
    wanted=st.lists(st.lists(_LETTERS, min_size=1, max_size=3).map("".join), min_size=4, max_size=8),
    lines=st.lists(st.lists(st.tuples(_LETTERS, st.sampled_from(_CODES)), max_size=6), min_size=8, max_size=12),
)
async def test_what_is_found_between_codes_is_what_is_found_without_them(
    database: Database, wanted: list[str], lines: list[list[tuple[str, str]]]
) -> None:
    plain = ["".join(letter for letter, _ in line) for line in lines]
    coloured = ["".join(letter + code for letter, code in line) for line in lines]
    stored = database.collection(LogEntry)
    await stored.delete_many({})
    await stored.insert_many([{"_id": place, "message": line} for place, line in enumerate(coloured)])

    for text in wanted:
        where = ContainsBetweenCodes("message", text)
        found = {row["_id"] async for row in stored.find(where.to_mongo())}

        assert found == {place for place, line in enumerate(coloured) if where.matches({"message": line})}
        assert found == {place for place, line in enumerate(plain) if contains(line, text)}


@pytest.mark.parametrize("letter", ["a", "s", "\xe9", "\u0390", "\U00010400", ".", "\0"], ids=ascii)
async def test_mongodb_takes_the_pattern_of_the_longest_text(database: Database, letter: str) -> None:
    text = letter * MAX_TEXT_LENGTH
    stored = database.collection(LogEntry)
    await stored.insert_one({"message": f"before {text} after"})

    for where in (Contains("message", text), ContainsBetweenCodes("message", text)):
        assert where.matches({"message": f"before {text} after"})
        assert await stored.count_documents(where.to_mongo()) == 1


def test_a_text_without_letters_of_its_own_is_in_every_text() -> None:
    assert containing("") == containing_between_codes("\x1b[0m") == ""
