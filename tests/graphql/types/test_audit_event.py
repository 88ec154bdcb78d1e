"""`auditEvents`: the audit trail of a tenant, for its auditors, page by page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AuditEvent
from tests.support.client import execute
from tests.support.documents import NOON

Token = Callable[..., str]
AUDITED = "audit:read"
AUDITOR = Caller("olga", "acme", scopes=frozenset({Scope.AUDIT_READ}))
LIST = """query List($filter: AuditEventFilter, $first: Int, $after: String, $last: Int, $before: String) {
  auditEvents(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    nodes { requestId } edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor startCursor } } }"""


def event(number: int, **fields: Any) -> dict[str, Any]:
    """The event of the request `r<number>`, `number` minutes after noon."""
    return {
        "_id": ObjectId(),
        "at": NOON + timedelta(minutes=number),
        "kind": "query",
        "outcome": "succeeded",
        "codes": [],
        "tenant_id": "acme",
        "subject": "ada",
        "request_id": f"r{number}",
        "executions": 0,
        "execution_ids": [],
        **fields,
    }


async def keep(database: Database, *events: dict[str, Any]) -> None:
    await database.collection(AuditEvent).insert_many(events)


async def ids_of(server: str, token: str, **variables: Any) -> list[str]:
    # Without the events of these requests themselves, whose ids are longer.
    answer = await execute(server, token, LIST, **variables)
    return [each["requestId"] for each in answer.data["auditEvents"]["nodes"] if len(each["requestId"]) < 5]


@pytest.fixture
def auditor(token_for: Token) -> str:
    return token_for("olga", "acme", AUDITED)


async def test_an_auditor_sees_every_field_of_an_event(server: str, database: Database, auditor: str):
    stored = event(
        1,
        kind="subscription_ended",
        outcome="denied",
        codes=["FORBIDDEN"],
        token_id="t-1",  # noqa: S106 - an id
        operation_name="Page",
        arguments={"executions": {"first": 5}},
        executions=2,
        execution_ids=["a", "b"],
        seconds=0.25,
        address="192.0.2.1",
        user_agent="curl",
        begun_by=ObjectId("65f000000000000000000001"),
        reason="none",
        lost=3,
    )
    await keep(database, stored)

    answer = await execute(
        server,
        auditor,
        """{ auditEvents(filter: { kind: { eq: SUBSCRIPTION_ENDED } }) { nodes {
          id at kind outcome codes subject tokenId operationName arguments executionCount executionIds durationSeconds
          address userAgent requestId begunBy reason lostEvents } } }""",
    )

    assert answer.data["auditEvents"]["nodes"] == [
        {
            "id": str(stored["_id"]),
            "at": "2026-11-01T12:01:00.000+00:00",
            "kind": "SUBSCRIPTION_ENDED",
            "outcome": "DENIED",
            "codes": ["FORBIDDEN"],
            "subject": "ada",
            "tokenId": "t-1",
            "operationName": "Page",
            "arguments": {"executions": {"first": 5}},
            "executionCount": 2,
            "executionIds": ["a", "b"],
            "durationSeconds": 0.25,
            "address": "192.0.2.1",
            "userAgent": "curl",
            "requestId": "r1",
            "begunBy": "65f000000000000000000001",
            "reason": "none",
            "lostEvents": 3,
        }
    ]


async def test_an_event_with_few_fields_is_returned(server: str, database: Database, auditor: str):
    bare: dict[str, Any] = {
        "_id": ObjectId(),
        "at": NOON,
        "kind": "lost",
        "outcome": "failed",
        "codes": [],
        "tenant_id": "acme",
    }
    await keep(database, bare)

    answer = await execute(
        server,
        auditor,
        "{ auditEvents(filter: { kind: { eq: LOST } }) { nodes { arguments subject executionCount lostEvents } } }",
    )

    assert answer.data["auditEvents"]["nodes"] == [
        {"arguments": None, "subject": None, "executionCount": 0, "lostEvents": 0}
    ]


@pytest.mark.parametrize(
    "scopes",
    [
        pytest.param((), id="a viewer"),
        pytest.param(("executions:read:tenant", "executions:payload"), id="an operator"),
        pytest.param(("manage",), id="a manager"),
    ],
)
async def test_without_the_scope_the_trail_is_forbidden(
    server: str, database: Database, token_for: Token, scopes: tuple[str, ...]
):
    await keep(database, event(1))

    answer = await execute(server, token_for("ada", "acme", "executions:read", *scopes), LIST)

    assert answer.codes == ["FORBIDDEN"]
    assert "r1" not in str(answer.body)


async def test_events_of_other_tenants_and_without_a_tenant_are_hidden(server: str, database: Database, auditor: str):
    without_tenant = {name: value for name, value in event(3).items() if name != "tenant_id"}
    await keep(database, event(1), event(2, tenant_id="globex"), without_tenant)

    assert await ids_of(server, auditor) == ["r1"]
    assert await ids_of(server, auditor, filter={"subject": {"eq": "ada"}}) == ["r1"]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        pytest.param({}, ["r4", "r3", "r2", "r1"], id="no filter, newest first"),
        pytest.param({"kind": {"in": ["REST", "REVOCATION"]}}, ["r2"], id="kinds"),
        pytest.param({"kind": {"eq": "REST"}, "outcome": {"eq": "FAILED"}}, [], id="two that must both hold"),
        pytest.param({"kind": {"notIn": ["QUERY"]}}, ["r2"], id="other kinds"),
        pytest.param({"outcome": {"eq": "DENIED"}}, ["r3"], id="an outcome"),
        pytest.param({"outcome": {"in": []}}, [], id="no outcome at all"),
        pytest.param({"code": {"eq": "FORBIDDEN"}}, ["r3"], id="a code"),
        pytest.param({"subject": {"eq": "grace"}}, ["r4"], id="a subject"),
        pytest.param({"operationName": {"eq": "Page"}}, ["r1"], id="an operation"),
        pytest.param({"executionId": {"eq": "run-7"}}, ["r4", "r1"], id="an execution"),
        pytest.param({"executionId": {"in": ["run-6", "run-7"]}}, ["r4", "r1"], id="executions, each event once"),
        pytest.param({"code": {"notIn": ["FORBIDDEN", "x"]}}, ["r4", "r2", "r1"], id="without a code"),
        pytest.param({"subject": None, "kind": {"eq": None}, "outcome": {"eq": "DENIED"}}, ["r3"], id="nulls"),
        pytest.param({"at": {"gt": "NOON+1", "lte": "NOON+3"}}, ["r3", "r2"], id="a time"),
    ],
)
async def test_each_operator_of_the_filter_finds_its_events(
    server: str, database: Database, auditor: str, where: dict[str, Any], found: list[str]
):
    await keep(
        database,
        event(1, operation_name="Page", execution_ids=["run-6", "run-7"]),
        event(2, kind="rest"),
        event(3, outcome="denied", codes=["FORBIDDEN", "NOT_FOUND"]),
        event(4, subject="grace", execution_ids=["run-7"]),
    )
    times = {f"NOON+{each}": (NOON + timedelta(minutes=each)).isoformat() for each in range(5)}
    if "at" in where:
        where = {"at": {name: times[value] for name, value in where["at"].items()}}

    assert await ids_of(server, auditor, filter={"subject": {"notIn": ["olga"]}, **where}) == found


async def test_pages_go_forward_and_back(server: str, database: Database, auditor: str):
    # The last two have the same time.
    await keep(database, *(event(number, at=NOON + timedelta(minutes=min(number, 4))) for number in range(1, 6)))
    mine = {"subject": {"eq": "ada"}}
    seen: list[list[str]] = []
    page: Any = {"pageInfo": {"endCursor": None}}
    while len(seen) < 3:
        after = page["pageInfo"]["endCursor"]
        page = (await execute(server, auditor, LIST, filter=mine, first=2, after=after)).data["auditEvents"]
        seen.append([each["requestId"] for each in page["nodes"]])

    back = (await execute(server, auditor, LIST, filter=mine, last=2, before=page["pageInfo"]["endCursor"])).data[
        "auditEvents"
    ]

    assert [len(each) for each in seen] == [2, 2, 1]
    assert {each for page in seen for each in page} == {f"r{number}" for number in range(1, 6)}
    assert [each["requestId"] for each in back["nodes"]] == seen[1]
    assert (page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_a_cursor_of_another_tenant_or_filter_is_refused(
    server: str, database: Database, auditor: str, token_for: Token
):
    await keep(database, event(1), event(2), event(3, tenant_id="globex"))
    cursor = (await execute(server, auditor, LIST, first=1)).data["auditEvents"]["pageInfo"]["endCursor"]

    elsewhere = await execute(server, token_for("olga", "globex", AUDITED), LIST, after=cursor)
    filtered = await execute(server, auditor, LIST, after=cursor, filter={"subject": {"eq": "ada"}})

    assert elsewhere.codes == filtered.codes == ["INVALID_CURSOR"]


async def test_a_page_costs_a_point_and_one_for_each_item(server: str, auditor: str):
    answer = await execute(server, auditor, "{ auditEvents(first: 50) { nodes { at } } }")

    assert answer.body["extensions"]["cost"]["requested"] == 51
