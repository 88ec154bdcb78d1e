"""Error patterns: what of a message varies, and that query and predicate find the messages of one pattern alike."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from execution_monitor.development.synthetic import failures
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.error_patterns import (
    EXAMINED,
    MAX_PATTERN_LENGTH,
    expression_of,
    is_pattern,
    pattern_of,
    show_pattern,
)
from tests.storage.strategies import bounded

_PARTS = (
    *(
        "a",
        "b",
        "1",
        "42",
        " ",
        "  ",
        "\n",
        "\t",
        "\0",
        ".",
        ":",
        ",",
        ", ",
        "…",
        "=",
        "(",
        ")",
        "[",
        "/",
        "\\",
        "@",
        "-",
    ),
    *(
        "'",
        '"',
        "`",
        "“",
        "”",
        "„",
        "’",  # noqa: RUF001
        "‘",  # noqa: RUF001
        "«",
        "»",
        "word",
        "don't",
        "ms",
        "s",
        "MiB",
        "http://",
        "https://h/p?q=1,2",
    ),
    *(
        "db.internal",
        "/var/lib/x.csv",
        "C:\\",
        "a@b.c",
        "deadbeef",
        "018f5b1e-7d3a-7c4e-9e3d-0a1b2c3d4e5f",
        "10.0.0.1:80",
    ),
    *(
        "第",
        "行",
        "３",  # noqa: RUF001
        "é",
        "e\u0301",
        "تعذر",
        "١٢",
        "💥",
        "\u00a0",
        "\u2028",
        "\ufffe",
        "x" * 99,
        "y" * 101,
        "z" * 301,
    ),
    *("1" * 33, "u=v;" * 80, "q" * 256, "q" * 257, "a" * 150, " " * 9, "." * 9),
)
messages = st.lists(st.sampled_from(_PARTS), max_size=14).map("".join) | st.text(max_size=8)
# So that many share a pattern: what varies in them is drawn twice.
_VARIES = st.sampled_from(
    ["1", "42", "7 ms", "1, 2", "10.0.0.1:80", "/a/b", "'x'", "'y z'", '"x"', "x", "", "http://a", "1."]
)
templates = st.lists(st.sampled_from(_PARTS) | st.none(), max_size=8)


@st.composite
def _alike(draw: st.DrawFn) -> list[str]:
    template = draw(templates)
    return ["".join(draw(_VARIES) if part is None else part for part in template) for _ in range(4)]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        pytest.param("row 7 of 12 failed", "row … of … failed", id="numbers"),
        pytest.param("after 20.00 MiB and 3 s.", "after … and ….", id="numbers with their units"),
        pytest.param("at 2026-11-28 22:22:43 and 22:22Z", "at … and …", id="dates with times"),
        pytest.param("ids [1, 2, 3]: no", "ids […]: no", id="lists of numbers"),
        pytest.param("job 018f5b1e-7d3a-7c4e-9e3d-0a1b2c3d4e5f died", "job … died", id="UUIDs"),
        pytest.param("run 01ARZ3NDEKTSV4RRFFQ69G5FAV, key deadbeef", "run …, key …", id="ULIDs and hexadecimal ids"),
        pytest.param("key " + "aBcDeFgH" * 13, "key …", id="long tokens without digits"),
        pytest.param("read 10.4.7.17:443 [::1]:80", "read … [::…]:…", id="addresses and ports"),
        pytest.param("no route to db.internal: down", "no route to …: down", id="hosts"),
        pytest.param("to ada@example.com!", "to …!", id="mail addresses"),
        pytest.param("GET https://a.example/x?b=c,d;e returned", "GET … returned", id="URLs"),
        pytest.param("no /var/lib/a.csv or C:\\a\\b or data/a.csv", "no … or … or …", id="paths"),
        pytest.param("column 'a b' is \"c\", not `d`", "column '…' is \"…\", not `…`", id="quoted texts"),
        pytest.param("can't open 'x': don't", "can't open '…': don't", id="an apostrophe is no quote"),
        pytest.param("第3行解析失败：列“价格”无效", "第…行解析失败：列“…”无效", id="Chinese, without spaces"),  # noqa: RUF001
        pytest.param("تعذر ١٢٣ خادم", "تعذر … خادم", id="Arabic, and its digits"),
        pytest.param("java.lang.OutOfMemoryError: heap and/or stack", "java.lang.OutOfMemoryError: heap and/or stack",
                     id="names of classes, and words with a slash, are kept"),
        pytest.param("a \n\t b", "a b", id="white space is one space"),
        pytest.param("", "", id="nothing"),
        pytest.param("word " * 100, "word " * 40 + "…", id="a long message is cut"),
        pytest.param("cause=1," * 20, "cause=…," * 6 + "cause=… …", id="a message in which much varies is cut"),
        pytest.param("a " + "9" * 301 + " b", "a …", id="an endless word ends it"),
    ],
)  # fmt: skip
def test_what_varies_in_a_message_is_left_out(message: str, shown: str):
    assert show_pattern(pattern_of(message)) == shown


_FAILURES = [each for each in vars(failures).values() if isinstance(each, failures.Failure)]


def test_failures_of_one_kind_have_one_pattern_and_those_of_others_another():
    messages = [[str(kind.describe(n, "s")["message"]) for n in (3, 77, 1_234)] for kind in _FAILURES]

    patterns = [{pattern_of(message) for message in each} for each in messages]

    assert all(len(each) == 1 for each in patterns)
    assert len(set[str]().union(*patterns)) == len(_FAILURES)


@bounded(max_examples=300)
@given(message=messages)
@example("x" * 2_000_000)
@example(("a" * 99 + ".") * 20_000)
@example("'" * 1_000_000)
@example('" ' * 500_000)
@example("a/" * 500_000)
@example("a." * 500_000)
@example(("1 2 " + "(" * 99) * 10_000)
@example(" " * 1_000_000)
@example("1-\t" * 1_000 + "1")
@example(("'a " * 9 + "1 ") * 99)
def test_a_pattern_is_short_and_depends_on_the_beginning_of_the_message(message: str):
    pattern = pattern_of(message)

    assert len(pattern) <= MAX_PATTERN_LENGTH
    assert is_pattern(pattern)
    assert pattern == pattern_of(message[:EXAMINED])
    assert len(expression_of(pattern).encode()) < 32_764
    assert re.search(expression_of(pattern), message)


@bounded(max_examples=90)
@given(alike=_alike(), others=st.lists(messages, max_size=3))
def test_the_expression_of_a_pattern_finds_exactly_its_messages(alike: list[str], others: list[str]):
    given = [*alike, *others]

    for pattern in map(pattern_of, given):
        found = [bool(re.search(expression_of(pattern), message)) for message in given]
        assert found == [pattern_of(message) == pattern for message in given]


@bounded(max_examples=60)
@given(groups=st.lists(_alike(), min_size=3, max_size=6), others=st.lists(messages, min_size=3, max_size=12))
async def test_mongodb_finds_exactly_the_messages_of_a_pattern(
    database: Database, groups: list[list[str]], others: list[str]
):
    stored = list(dict.fromkeys([*(message for each in groups for message in each), *others]))
    rows = database.collection(Execution)
    await rows.delete_many({})
    await rows.insert_many([{"execution_id": str(place), "m": each} for place, each in enumerate(stored)])

    for pattern in set(map(pattern_of, stored)):
        query: dict[str, Any] = {"m": {"$regex": expression_of(pattern)}}
        found = {row["m"] async for row in rows.find(query, {"m": 1})}
        assert found == {message for message in stored if pattern_of(message) == pattern}


@pytest.mark.parametrize(
    "text",
    ["\x02", "'\x02", "x\x02'", "\x01a", "a" * 301, "\x03", "\x00 " * 9],
)
def test_what_is_not_written_as_patterns_are_is_none(text: str):
    assert not is_pattern(text)
