"""Error groups: which executions are in which, and that the filter of a group finds exactly its executions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.cursors import encode_token
from execution_monitor.storage.database import Database
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.error_groups import MAX_GROUPS_IN_FILTER, ErrorGroup, in_one_of
from execution_monitor.storage.filters import Filter
from tests.storage.strategies import bounded, objects

DIGEST = digest_of("ErrorGroup")
TIMEOUT = ErrorGroup("DB", "OperationalError", "no answer from \x00")


def failed(message: Any = None, code: Any = None, kind: Any = None) -> dict[str, Any]:
    found = {"message": message, "code": code, "type": kind}
    return {"error_details": {name: value for name, value in found.items() if value is not None}}


@pytest.mark.parametrize(
    ("document", "group"),
    [
        pytest.param(failed("no answer from 10.0.0.1:80", "DB", "OperationalError"), TIMEOUT, id="by all three"),
        pytest.param(failed("a 1"), ErrorGroup(None, None, "a \x00"), id="without a code and a type"),
        pytest.param(failed(code="OOM"), ErrorGroup("OOM", None, None), id="without a message"),
        pytest.param(failed(""), ErrorGroup(None, None, ""), id="an empty message is one"),
        pytest.param({"status": "failed"}, None, id="without an error"),
        pytest.param({"error_details": {"stack_trace": "at 1"}}, None, id="with a stack trace alone"),
        pytest.param({"error_details": "text"}, None, id="an error that is no object"),
        pytest.param({"error_details": [{"code": "a"}]}, None, id="several errors"),
        pytest.param(failed(["a"], "b"), None, id="several messages"),
        pytest.param(failed("a", 5), None, id="a code that is no text"),
        pytest.param(failed("a", "c" * 1_001), None, id="a code that is too long"),
        pytest.param(failed("a", "c" * 1_000), ErrorGroup("c" * 1_000, None, "a"), id="a long code"),
    ],
)
def test_an_execution_is_in_the_group_of_its_error(document: dict[str, Any], group: ErrorGroup | None):
    assert ErrorGroup.of(document) == group


def test_an_id_holds_the_group():
    longest = ErrorGroup("\U0001f600" * 1_000, "\U0001f600" * 1_000, "\U0001f600" * 299)

    assert ErrorGroup.from_id(TIMEOUT.id) == TIMEOUT
    assert ErrorGroup.from_id(longest.id) == longest
    assert len(longest.id) < 16_384


_DAMAGED = "This id of an error group is damaged, or of another version of the server; pass one that errorGroups"
_FOREIGN = "This id is not that of an error group; pass one that errorGroups returned."


@pytest.mark.parametrize(
    ("group_id", "sentence"),
    [
        pytest.param("", _DAMAGED, id="empty"),
        pytest.param("abc", _DAMAGED, id="no token"),
        pytest.param(TIMEOUT.id[:-3] + "AAA", _DAMAGED, id="changed"),
        pytest.param(encode_token(digest_of("Execution"), ("acme", "run-1", None)), _FOREIGN, id="of an execution"),
        pytest.param(encode_token(DIGEST, ("a", "b")), _FOREIGN, id="too short"),
        pytest.param(encode_token(DIGEST, ("a", 1, None)), _FOREIGN, id="with a number"),
        pytest.param(encode_token(DIGEST, ("a", {"b": 1}, None)), _FOREIGN, id="with an object"),
        pytest.param(encode_token(DIGEST, (None, None, None)), _FOREIGN, id="of no error"),
        pytest.param(encode_token(DIGEST, ("a", None, "a" * 301)), _FOREIGN, id="with a long pattern"),
        pytest.param(encode_token(DIGEST, ("a", None, "\x00 " * 8)), _FOREIGN, id="with an endless expression"),
        pytest.param(encode_token(DIGEST, ("a" * 1_001, None, None)), _FOREIGN, id="with a long code"),
    ],
)
def test_an_id_that_the_server_did_not_make_is_refused(group_id: str, sentence: str):
    with pytest.raises(BadUserInput) as refusal:
        in_one_of([TIMEOUT.id, group_id])

    assert refusal.value.message.startswith(sentence)
    assert refusal.value.code == "BAD_USER_INPUT"


def test_a_filter_names_a_hundred_groups_and_no_more():
    assert in_one_of([TIMEOUT.id] * MAX_GROUPS_IN_FILTER)
    with pytest.raises(BadUserInput, match="at most 100 error groups at once; send fewer"):
        in_one_of([TIMEOUT.id] * (MAX_GROUPS_IN_FILTER + 1))


# Texts of few groups, and what engines should not write.
_texts = st.sampled_from(["row 1", "row 22", "row", "", "a"])
_value = _texts | st.none() | st.sampled_from([5, ["a"], [None], ["row 1", 2], {"a": "row 1"}])
_error = objects({}, message=_value, code=_value, type=_value)
_rows = st.lists(
    objects({}, error_details=_error | _error | st.lists(_error, max_size=2) | _value), min_size=10, max_size=30
)


@bounded(max_examples=120)
@given(rows=_rows)
async def test_the_filter_of_a_group_finds_exactly_the_executions_in_it(database: Database, rows: list[dict[str, Any]]):
    collection = database.collection(Execution)
    await collection.delete_many({})
    await collection.insert_many([{**row, "execution_id": str(place)} for place, row in enumerate(rows)])
    stored = await collection.find().to_list()
    groups = {group for row in stored if (group := ErrorGroup.of(row)) is not None}

    for group in groups | {TIMEOUT}:
        where: Filter = in_one_of([group.id])
        expected = {row["execution_id"] for row in stored if ErrorGroup.of(row) == group}
        assert {row["execution_id"] for row in stored if where.matches(row)} == expected
        assert {row["execution_id"] async for row in collection.find(where.to_mongo())} == expected
