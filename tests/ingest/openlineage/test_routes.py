"""The endpoints of OpenLineage: what they respond with, to one event and to several, and what observers see."""

from typing import Any

import orjson
import pytest

from execution_monitor.errors import DatabaseUnavailable, RateLimited, ServerBusy
from execution_monitor.ingest.openlineage.routes import BATCH_PATH, LINEAGE_PATH, openlineage_routes
from tests.ingest.http.storing_nothing import Endpoint
from tests.ingest.openlineage.captures import capture, documents_of, facts_of

EVENTS = list(capture("airflow-run-2"))
EXECUTION_ID = EVENTS[0]["run"]["runId"]
NOT_YOURS = "There is no such execution that you may write."


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint(openlineage_routes, LINEAGE_PATH)


def summary(received: int, failed: int) -> dict[str, int]:
    counts = {"received": received, "successful": received - failed, "failed": failed}
    return {**counts, "retriable": 0, "non_retriable": failed}


async def test_an_event_is_stored_and_responded_to_without_a_body(endpoint: Endpoint):
    response = await endpoint.post(orjson.dumps(EVENTS[0]))

    operation, outcome = await endpoint.observer.last()
    assert (response.status, response.body) == (201, b"")
    assert documents_of(endpoint.ingest.given[0]) == documents_of(facts_of(EVENTS[:1]))
    assert operation.arguments() == {"ingestOpenLineage": {"events": 1}}
    assert (operation.cost, outcome.execution_ids, outcome.codes) == (1, [EXECUTION_ID], [])


# Beyond what is decoded at one go and what is stored at once.
@pytest.mark.parametrize("times", [1, 20, 70])
async def test_a_list_of_events_is_one_operation_however_long_it_is(endpoint: Endpoint, times: int):
    response = await endpoint.post(orjson.dumps(EVENTS * times))

    operation, _ = await endpoint.observer.last()
    assert (response.status, response.body, len(endpoint.observer.ended)) == (201, b"", 1)
    assert len(endpoint.ingest.given) == 1 + len(EVENTS) * times // 500
    for facts in endpoint.ingest.given:
        assert documents_of(facts) == documents_of(facts_of(EVENTS))
    assert operation.cost == len(EVENTS) * times


async def test_a_batch_is_responded_to_with_a_summary(endpoint: Endpoint):
    response = await endpoint.post(orjson.dumps(EVENTS), path=BATCH_PATH)

    operation, _ = await endpoint.observer.last()
    assert (response.status, response.json) == (
        200,
        {"status": "success", "summary": summary(len(EVENTS), 0), "failed_events": []},
    )
    assert operation.name == "ingestOpenLineageBatch"


@pytest.mark.parametrize("path", [LINEAGE_PATH, BATCH_PATH])
async def test_a_bad_event_costs_no_other(endpoint: Endpoint, path: str):
    response = await endpoint.post(orjson.dumps([{"eventType": "START"}, *EVENTS]), path=path)

    operation, outcome = await endpoint.observer.last()
    (failed,) = response.json["failed_events"]
    assert (response.status, response.json["status"]) == (200, "partial_success")
    assert response.json["summary"] == summary(len(EVENTS) + 1, 1)
    assert (failed["index"], failed["retriable"]) == (0, False)
    assert failed["reason"].startswith("eventTime: ")
    assert documents_of(endpoint.ingest.given[0]) == documents_of(facts_of(EVENTS))
    assert operation.arguments() == {operation.name: {"events": len(EVENTS) + 1}}
    assert outcome.codes == ["BAD_USER_INPUT"]


async def test_events_of_an_execution_of_another_owner_are_told_from_the_others(endpoint: Endpoint):
    endpoint.ingest.refused = {EXECUTION_ID: NOT_YOURS}
    other = {**EVENTS[0], "run": {"runId": "run-2"}}

    response = await endpoint.post(orjson.dumps([EVENTS[0], other]), path=BATCH_PATH)

    _, outcome = await endpoint.observer.last()
    assert response.json["failed_events"] == [{"index": 0, "reason": NOT_YOURS, "retriable": False}]
    assert (outcome.execution_ids, outcome.codes) == (["run-2"], ["BAD_USER_INPUT"])


async def test_an_event_of_an_execution_of_another_owner_is_refused(endpoint: Endpoint):
    endpoint.ingest.refused = {EXECUTION_ID: NOT_YOURS}

    response = await endpoint.post(orjson.dumps(EVENTS[0]))

    _, outcome = await endpoint.observer.last()
    assert (response.status, response.json["detail"]) == (400, NOT_YOURS)
    assert (outcome.executions, outcome.codes) == (0, ["BAD_USER_INPUT"])


BAD: list[Any] = [b"", b"{", b"5", b"{}", b"[5]", b"[{}, {}]", b"[" * 10_000, b'{"run": {}}']


@pytest.mark.parametrize("content", BAD)
async def test_what_holds_no_event_is_refused_and_recorded(endpoint: Endpoint, content: bytes):
    response = await endpoint.post(content)

    _, outcome = await endpoint.observer.last()
    assert (response.status, response.json["code"]) == (400, "BAD_USER_INPUT")
    assert set(outcome.codes) == {"BAD_USER_INPUT"}
    assert [each for facts in endpoint.ingest.given for each in facts.execution_ids] == []


async def test_a_long_list_that_is_not_json_in_the_end_is_not_stored_in_part(endpoint: Endpoint):
    response = await endpoint.post(orjson.dumps(EVENTS * 70)[:-1])

    assert (response.status, endpoint.ingest.given) == (400, [])


async def test_a_batch_must_be_a_list(endpoint: Endpoint):
    response = await endpoint.post(orjson.dumps(EVENTS[0]), path=BATCH_PATH)

    assert (response.status, endpoint.ingest.given) == (400, [])


async def test_an_event_about_no_run_is_taken_and_passed_over(endpoint: Endpoint):
    event = {"eventTime": EVENTS[0]["eventTime"], "dataset": {"namespace": "a", "name": "b"}}

    response = await endpoint.post(orjson.dumps(event))

    assert (response.status, endpoint.ingest.given[0].execution_ids) == (201, [])


@pytest.mark.parametrize("path", [LINEAGE_PATH, BATCH_PATH])
@pytest.mark.parametrize("failure", [ServerBusy("Later."), DatabaseUnavailable("Later.")])
async def test_clients_are_told_to_come_again(endpoint: Endpoint, path: str, failure: Exception):
    endpoint.ingest.failure = failure

    response = await endpoint.post(orjson.dumps(EVENTS), path=path)

    assert response.status == 503
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("path", [LINEAGE_PATH, BATCH_PATH])
@pytest.mark.parametrize("when", ["before the body", "behind the body"])
async def test_a_caller_without_points_is_told_to_come_again_by_503(endpoint: Endpoint, path: str, when: str):
    limit = RateLimited("Wait.", 7, {"RateLimit": '"caller";r=0;t=7'})
    if when == "before the body":
        endpoint.exhausted = limit
    else:
        endpoint.observer.refusal = limit

    response = await endpoint.post(orjson.dumps(EVENTS), path=path)

    _, outcome = await endpoint.observer.last()
    assert (response.status, response.json["code"], outcome.codes) == (503, "RATE_LIMITED", ["RATE_LIMITED"])
    assert (response.headers["retry-after"], response.headers["ratelimit"]) == ("7", '"caller";r=0;t=7')
    assert endpoint.ingest.given == []
