import json
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.ingest.redaction import Redaction
from tests.storage.strategies import bounded

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
WITHHOLDING, KEEPING = Redaction(), Redaction(keeps_payloads=True)
BOTH = pytest.mark.parametrize("redaction", [WITHHOLDING, KEEPING])
PAYLOADS = ("input_parameters", "final_result", "input_data", "result")

# As Airflow's workers send the parameters of a run, and OpenInference those of a model.
CONF: dict[str, Any] = {"api_token": "hunter2", "customer": "acme", "retries": 3}
MODEL: dict[str, Any] = {
    "llm.invocation_parameters": json.dumps({"model": "m", "max_tokens": 100, "api_key": "hunter2"}),
    "llm.token_count.prompt": 12,
    "http.request.header.authorization": ["Bearer hunter2"],
    "nested": [{"deeper": {"Password": "hunter2", "user": "ada"}}],
}


@pytest.mark.parametrize("field", PAYLOADS)
def test_payloads_are_kept_only_where_the_setting_says_so(field: str):
    assert WITHHOLDING.clean(field, {"prompt": "hello"}) is None
    assert KEEPING.clean(field, {"prompt": "hello"}) == {"prompt": "hello"}


@pytest.mark.parametrize("field", ["attributes", "performance_data"])
def test_without_payloads_numbers_and_what_says_why_something_failed_are_kept(field: str):
    given = {"rows": 5, "ok": True, "prompt": "hello", "list": ["hello"], "exception.type": "IOError", "in": {"s": 0.5}}
    assert WITHHOLDING.clean(field, given) == {"rows": 5, "ok": True, "exception.type": "IOError", "in": {"s": 0.5}}
    assert WITHHOLDING.clean(field, {"prompt": "hello"}) is None
    assert KEEPING.clean(field, given) == given


def test_values_of_secret_names_are_masked_at_any_depth_and_in_json_within_texts():
    assert KEEPING.clean("input_parameters", CONF) == {"api_token": "***", "customer": "acme", "retries": 3}
    assert KEEPING.clean("input_data", MODEL) == {
        "llm.invocation_parameters": json.dumps({"model": "m", "max_tokens": 100, "api_key": "***"}),
        "llm.token_count.prompt": 12,
        "http.request.header.authorization": "***",
        "nested": [{"deeper": {"Password": "***", "user": "ada"}}],
    }


@pytest.mark.parametrize(
    "value",
    [
        [{"key": "password", "value": "hunter2"}],
        [{"name": "password", "value": {"stringValue": "hunter2"}}],
        [["authorization", "Digest hunter2"], ["accept", "*/*"]],
        {"secrets": ["hunter2"]},
        {"token": 41112222},
        json.dumps({"credentials": [["hunter2"]]}),
        '{"pass\\u0077ord": "hunter2"}',
        json.dumps(json.dumps({"password": "hunter2"})),
        json.dumps({"arguments": json.dumps({"password": ["hunter2"]})}),
        '{"password": ["hunter2"], "text": "cut in the mid',
        {"https://ada:hunter2@example.com": 1},
    ],
)
def test_secrets_are_masked_in_every_form_that_a_payload_gives_them(value: Any):
    kept = repr(KEEPING.clean("input_data", value))
    assert "***" in kept
    assert "hunter2" not in kept
    assert "41112222" not in kept


def test_that_a_secret_is_missing_is_not_masked():
    assert KEEPING.clean("result", {"token": None, "has_password": True}) == {"token": None, "has_password": True}


@BOTH
@pytest.mark.parametrize("field", ["message", "status_detail", "workflow_name"])
def test_texts_are_stored_without_secrets(redaction: Redaction, field: str):
    assert redaction.clean(field, "failed: password=hunter2") == "failed: password=***"
    assert redaction.clean(field, json.dumps({"conf": CONF})) == json.dumps({"conf": {**CONF, "api_token": "***"}})


@BOTH
def test_errors_are_stored_without_secrets(redaction: Redaction):
    error = {"message": "no postgres://ada:hunter2@db", "type": "E", "stack_trace": "line\npassword='hunter2'"}
    stored = {"message": "no postgres://ada:***@db", "type": "E", "stack_trace": "line\npassword='***'"}
    assert redaction.clean("error_details", {**error, "retryable": True}) == {**stored, "retryable": True}


@BOTH
def test_tags_are_stored_without_secrets(redaction: Redaction):
    tags = [{"key": "env", "value": "prod"}, {"key": "deploy_token", "value": "x"}, {"key": "url", "value": "//?pwd=x"}]
    assert [tag["value"] for tag in redaction.clean("tags", tags)] == ["prod", "***", "//?pwd=***"]


@BOTH
def test_ids_that_refer_to_documents_are_stored_as_they_are(redaction: Redaction):
    assert redaction.clean("parent_execution_id", "token=abc") == "token=abc"
    assert redaction.clean("depends_on", ["secret: a", "b"]) == ["secret: a", "b"]


def test_what_ones_own_patterns_match_is_masked_and_so_are_values_of_names_that_they_match():
    redaction = Redaction(keeps_payloads=True, patterns=[r"\bEMP-\d+", "(?i)card_?number", r"\b(?:\d[ -]?){13,19}\b"])
    assert redaction.clean("message", "EMP-12 paid by 4111 1111 1111 1111.") == "*** paid by ***."
    stored = redaction.clean("result", {"cardNumber": "4", "by": "EMP-12", "EMP-13": 1})
    assert stored == {"cardNumber": "***", "by": "***", "***": "***"}
    assert redaction.clean("result", json.dumps({"a": {"by": "EMP-12"}})) == json.dumps({"a": {"by": "***"}})


def test_a_payload_is_cut_at_64_kb_where_a_reader_sees_it():
    assert KEEPING.clean("result", "x" * 100_000) == "x" * 65_536 + "… [34,464 bytes left out]"
    kept = KEEPING.clean("result", {"first": "x" * 60_000, "second": "y" * 60_000, "third": 1})
    assert kept["second"].startswith("yyy")
    assert "bytes left out]" in kept["second"]
    assert kept["…"] == "… [1 values left out]"
    assert 65_000 < len(bson.encode(kept)) < 67_000
    numbers = KEEPING.clean("result", list(range(100_000)))
    assert numbers[:3] == [0, 1, 2]
    assert numbers[-1] == f"… [{100_000 - len(numbers) + 1:,} values left out]"


def test_attributes_are_at_most_128_and_tags_too():
    attributes = KEEPING.clean("attributes", {f"a{number}": number for number in range(200)})
    assert (len(attributes), attributes["…"]) == (129, "… [72 values left out]")
    tags = KEEPING.clean("tags", [{"key": f"k{number}", "value": "v"} for number in range(200)])
    assert (len(tags), tags[-1]) == (129, {"key": "…", "value": "… [72 tags left out]"})


def test_a_stack_trace_keeps_both_ends_in_32_kb_whatever_the_message_takes():
    stack = "Traceback\n" + "  at x\n" * 30_000 + "ValueError: no"
    stored = KEEPING.clean("error_details", {"message": "m" * 100_000, "stack_trace": stack, "code": "c"})
    assert stored["stack_trace"].startswith("Traceback\n")
    assert stored["stack_trace"].endswith("ValueError: no")
    assert "bytes left out]\n" in stored["stack_trace"]
    assert 32_000 < len(stored["stack_trace"]) < 33_000
    assert stored["message"].startswith("m" * 16_384 + "… [")
    assert stored["code"] == "c"


def test_a_secret_that_a_cut_divides_is_masked():
    text = "x" * 65_520 + " password=hunter2hunter2hunter2 " + "y" * 200_000
    assert "hunter2" not in KEEPING.clean("result", text)
    assert "hunter2" not in KEEPING.clean("result", "x" * 65_530 + " https://ada:hunter2hunter2@db/")


def test_what_is_nested_deeper_than_64_levels_is_left_out():
    value: Any = "deep"
    for _ in range(100):
        value = [value]
    kept = KEEPING.clean("result", value)
    for _ in range(64):
        (kept,) = kept
    assert kept == "… [more than 64 levels left out]"
    assert KEEPING.clean("result", '{"password": ' * 5_000).startswith('{"password"')


def test_values_that_bson_cannot_hold_are_stored_all_the_same():
    odd = {"a\0b": 2**70, "": "\ud83d", "$where": "$user_id", "a.b": float("nan"), 5: b"\0", "at": NOON}
    kept = KEEPING.clean("result", odd)
    assert list(kept) == ["a␀b", "", "$where", "a.b", "5", "at"]
    assert kept["a␀b"] == str(2**70)
    assert RawBSONDocument(bson.encode({"kept": kept}))["kept"]["$where"] == "$user_id"
    assert KEEPING.clean("result", {"\ud83d" * 5_000: 1}) == {"\\ud83d" * 170 + "\\ud8… [28,976 bytes left out]": 1}
    assert KEEPING.clean("tokens_used", 2**70) == 2**63 - 1
    assert KEEPING.clean("total_cost", float("inf")) is None
    assert KEEPING.clean("created", NOON.replace(microsecond=999)) == NOON


ODD_TEXTS = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["password=hunter2", '{"token": "hunter2"}', "\ud800"]
)
ODD_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD_TEXTS | st.datetimes() | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ODD_TEXTS | st.just("api_key"), inner, max_size=4),
    max_leaves=12,
)


@bounded(150)
@given(ODD_VALUES, st.sampled_from([*PAYLOADS, "attributes", "performance_data", "progress"]))
def test_any_value_becomes_one_that_is_stored_without_secrets_and_then_stays_as_it_is(value: Any, field: str):
    for redaction in (WITHHOLDING, KEEPING):
        kept = redaction.clean(field, value)
        assert bson.encode({"kept": kept})
        assert "hunter2" not in repr(kept)
        assert repr(redaction.clean(field, value)) == repr(kept)
    assert repr(KEEPING.clean(field, KEEPING.clean(field, value))) == repr(KEEPING.clean(field, value))
