"""Bodies of one event and of several, as clients send them and as they should not."""

import orjson
import pytest

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.openlineage import decoding
from execution_monitor.ingest.openlineage.decoding import MAX_EVENT_BYTES, MAX_EVENTS, decode_events
from execution_monitor.ingest.openlineage.events import RunEvent
from tests.ingest.openlineage.captures import capture

EVENT = {
    "eventTime": "2026-11-28T04:00:00Z",
    "eventType": "START",
    "run": {"runId": "run-1"},
    "job": {"namespace": "prod", "name": "nightly"},
}
BAD = b'{"eventTime": 5}'


def kinds_of(content: bytes) -> list[type]:
    return [type(each) for each in decode_events(content)]


@pytest.fixture(params=["at one go", "one by one"])
def anyhow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode arrays at one go, as short ones are, and element by element, as long ones are."""
    if request.param == "one by one":
        monkeypatch.setattr(decoding, "_AT_ONE_GO_BYTES", 0)


@pytest.mark.usefixtures("anyhow")
@pytest.mark.parametrize("option", [0, orjson.OPT_INDENT_2])
def test_an_array_has_its_events_in_their_order(option: int):
    events = list(capture("airflow-run-2"))

    decoded = list(decode_events(b" \n" + orjson.dumps(events, option=option) + b"\r\n"))

    assert [each.run.run_id for each in decoded if isinstance(each, RunEvent)] == [
        each["run"]["runId"] for each in events
    ]


@pytest.mark.usefixtures("anyhow")
@pytest.mark.parametrize("content", [b"[]", b" [ ] "])
def test_an_empty_array_has_no_events(content: bytes):
    assert kinds_of(content) == []


@pytest.mark.usefixtures("anyhow")
def test_a_bad_event_costs_no_other():
    good = orjson.dumps(EVENT)
    bad = [BAD, b"{}", b"5", b"null", b'"text"', b"[]", orjson.dumps({**EVENT, "run": {"runId": ""}})]
    surrogate = orjson.dumps({**EVENT, "producer": "?"}).replace(b"?", b"\\ud800")

    kinds = kinds_of(b"[" + b",".join([good, *bad, surrogate, good]) + b"]")

    assert kinds == [RunEvent, *[BadUserInput] * len(bad), RunEvent, RunEvent]


@pytest.mark.usefixtures("anyhow")
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"[1", id="no end"),
        pytest.param(b"[1 2]", id="no comma"),
        pytest.param(b"[1,]", id="a comma too many"),
        pytest.param(b"[,1]", id="a comma first"),
        pytest.param(b"[1]]", id="more behind"),
        pytest.param(b"[\xff]", id="no UTF-8"),
        pytest.param(b"[" * 100_000, id="nested too deep"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="nested too deep and closed"),
    ],
)
def test_an_array_that_is_not_json_is_refused_as_a_whole(content: bytes):
    with pytest.raises(BadUserInput, match="JSON"):
        kinds_of(content)


@pytest.mark.parametrize(
    "content",
    [b"", b" ", b"{", b"nothing", b"{}{}", b'\xef\xbb\xbf{"a": 1}', b'{"a":' * 100_000 + b"1" + b"}" * 100_000],
)
def test_a_body_that_is_not_json_is_refused(content: bytes):
    with pytest.raises(BadUserInput, match="not JSON"):
        kinds_of(content)


@pytest.mark.parametrize("value", [b"NaN", b"-Infinity", b'"\\udc80"', b'"\\uD83D"'])
def test_what_json_does_not_have_and_python_sends_costs_no_event(value: bytes):
    content = orjson.dumps({**EVENT, "sent": 1}).replace(b'"sent":1', b'"sent":' + value)

    assert kinds_of(content) == [RunEvent]


@pytest.mark.parametrize("about", ["job", "dataset"])
def test_events_about_no_run_are_passed_over(about: str):
    assert kinds_of(orjson.dumps({"eventTime": EVENT["eventTime"], about: {"namespace": "a", "name": "b"}})) == [
        type(None)
    ]


def test_an_event_that_is_too_long_is_refused_alone():
    long = orjson.dumps({**EVENT, "producer": "a" * MAX_EVENT_BYTES})

    assert kinds_of(b"[" + long + b"," + orjson.dumps(EVENT) + b"]") == [BadUserInput, RunEvent]
    with pytest.raises(BadUserInput, match="2,097,152 bytes"):
        kinds_of(long)


def test_a_batch_of_too_many_events_is_refused():
    assert len(kinds_of(b"[" + b",".join([b"{}"] * MAX_EVENTS) + b"]")) == MAX_EVENTS
    with pytest.raises(BadUserInput, match="10,000 events"):
        kinds_of(b"[" + b",".join([b"{}"] * (MAX_EVENTS + 1)) + b"]")
