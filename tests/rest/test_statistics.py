"""Statistics through REST: names and numbers of the answer, its parameters, and who may see what."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from execution_monitor.app import create_app
from execution_monitor.auth.caller import Scope
from execution_monitor.rest.openapi import STATISTICS_PATH, describe
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AuditEvent
from tests.rest.client import Fetch, Store
from tests.rest.documents import A_FAILED_EXECUTION, START, an_execution
from tests.support.client import EXECUTIONS_PATH
from tests.support.servers import served, wait_until_ready

JANUARY = "start_date=2026-01-01&end_date=2026-01-02"
NO_VALUES = {"count": 0, "mean": None, "p50": None, "p90": None, "p95": None, "p99": None, "max": None}
TWO_DAYS = [
    an_execution("e1", status="completed", total_duration=10.0, total_cost=0.5, tokens_used=7, tags=[]),
    an_execution("e2", status="failed", error_details={"message": "x", "code": "E1"}, workflow_template_id="t"),
    an_execution("e3", status="timed_out", created=START + timedelta(hours=25), user_id="grace"),
    an_execution("e4", status="running", created=START - timedelta(hours=1)),
]


def by_status(**counts: int) -> dict[str, int]:
    names = ("pending", "running", "paused", "completed", "failed", "cancelled", "timed_out")
    return {name: counts.get(name, 0) for name in names}


async def statistics(fetch: Fetch, query: str, **options: Any) -> Any:
    response = await fetch(f"{STATISTICS_PATH}?{query}", **options)
    assert response.status_code == 200, response.text
    return response.json()


async def test_sums_have_the_names_of_the_list(fetch: Fetch, store: Store):
    await store(TWO_DAYS)

    found = await statistics(fetch, JANUARY)

    assert found.pop("as_of")
    assert found.pop("documents_examined") >= 2
    assert found.pop("duration")["p95"] == pytest.approx(10, rel=0.01)
    assert found.pop("cost") == {**found_cost(0.5), "count": 1}
    assert found == {
        "count": 2,
        "by_status": by_status(completed=1, failed=1),
        "success_rate": 0.5,
        "total_cost": 0.5,
        "tokens_used": 7,
        "series": None,
        "groups": None,
        "basis": "exact",
        "relative_error": None,
    }


def found_cost(value: float) -> dict[str, Any]:
    close = pytest.approx(value, rel=0.01)
    return {"mean": value, "p50": close, "p90": close, "p95": close, "p99": close, "max": close}


async def test_a_series_has_all_buckets_in_the_time_zone(fetch: Fetch, store: Store):
    await store(TWO_DAYS)

    found = await statistics(fetch, f"{JANUARY}&interval=1d&timezone=Europe/Berlin")

    assert [(each["start"], each["end"], each["count"]) for each in found["series"]] == [
        ("2025-12-31T23:00:00.000Z", "2026-01-01T23:00:00.000Z", 2),
        ("2026-01-01T23:00:00.000Z", "2026-01-02T23:00:00.000Z", 0),
        ("2026-01-02T23:00:00.000Z", "2026-01-03T23:00:00.000Z", 0),
    ]
    assert found["series"][1] == {
        "start": "2026-01-01T23:00:00.000Z",
        "end": "2026-01-02T23:00:00.000Z",
        "count": 0,
        "by_status": by_status(),
        "success_rate": None,
        "duration": NO_VALUES,
        "total_cost": 0.0,
        "tokens_used": 0,
    }


@pytest.mark.parametrize(
    ("interval", "buckets"), [("1h", 48), ("1M", 1), ("auto", 48)], ids=["hours", "months, not minutes", "what fits"]
)
async def test_the_interval_sets_the_number_of_buckets(fetch: Fetch, interval: str, buckets: int):
    assert len((await statistics(fetch, f"{JANUARY}&interval={interval}"))["series"]) == buckets


@pytest.mark.parametrize(
    ("query", "groups"),
    [
        pytest.param("group_by=status", [("completed", None, 1), ("failed", None, 1)], id="by status"),
        pytest.param("group_by=error_code", [("E1", None, 1), (None, None, 1)], id="by code, one without"),
        pytest.param("group_by=workflow_name&limit=1", [("nightly", None, 2)], id="the first alone"),
        pytest.param("group_by=tag", [("team", {"key": "team", "value": "a"}, 1), (None, None, 2)], id="by tag"),
    ],
)
async def test_groups_come_with_their_value(fetch: Fetch, store: Store, query: str, groups: list[Any]):
    await store(TWO_DAYS)
    if "tag" in query:
        await store([an_execution("e5", tags=[{"key": "team", "value": "a"}])])

    found = await statistics(fetch, f"{JANUARY}&{query}")

    shown = [(each["value"], each["tag"], each["count"]) for each in found["groups"]]
    assert sorted(shown, key=str) == sorted(groups, key=str)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        pytest.param("status=failed,timed_out", 1, id="statuses"),
        pytest.param("workflow_id=t", 1, id="a template under its other name"),
        pytest.param("start_date=2025-12-31", 3, id="a start"),
        pytest.param("end_date=2025-12-31", 1, id="an end, and the 30 days before"),
    ],
)
async def test_parameters_of_the_list_select_what_is_added_up(fetch: Fetch, store: Store, query: str, count: int):
    await store(TWO_DAYS)
    within = query if "date" in query else f"{JANUARY}&{query}"

    assert (await statistics(fetch, within))["count"] == count


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        pytest.param("interval=1m", "interval makes more than 100 buckets; 1h would do", id="too many buckets"),
        pytest.param("interval=1H", "interval must be one of 1m, 5m, 15m, 1h", id="a wrong case"),
        pytest.param("timezone=Berlin", 'timezone must be an IANA name, such as "Europe/Berlin"', id="no time zone"),
        pytest.param("timezone=../../etc/passwd", "timezone must be an IANA name", id="a path"),
        pytest.param("group_by=id", "group_by must be one of workflow_name, user_id", id="no group"),
        pytest.param("limit=101&group_by=tag", "limit must be a whole number from 1 to 100", id="too many groups"),
        pytest.param("time_zone=UTC", "There is no parameter time_zone; did you mean timezone?", id="a typo"),
        pytest.param("page=2", "There is no parameter page", id="a page"),
        pytest.param("allow_sampling=1", "allow_sampling must be one of false, true", id="no truth"),
    ],
)
async def test_a_mistake_is_a_problem_that_says_what_to_do(fetch: Fetch, query: str, detail: str):
    response = await fetch(f"{STATISTICS_PATH}?{JANUARY}&{query}")

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].startswith(detail)


async def test_nobody_counts_what_they_may_not_see(fetch: Fetch, store: Store, token_for: Callable[..., str]):
    tokens = {
        "operator": token_for("olivia", "acme", Scope.EXECUTIONS_READ_TENANT),
        "owner": token_for("ada", "acme"),
        "colleague": token_for("grace", "acme"),
        "namesake": token_for("ada", "globex", Scope.EXECUTIONS_READ_TENANT),
    }
    await store(TWO_DAYS)

    found = {
        name: (await statistics(fetch, f"{JANUARY}&interval=1d&group_by=user_id", token=token))
        for name, token in tokens.items()
    }

    counts = {name: (each["count"], sum(bucket["count"] for bucket in each["series"])) for name, each in found.items()}
    assert counts == {"operator": (3, 3), "owner": (2, 2), "colleague": (1, 1), "namesake": (0, 0)}
    assert [each["value"] for each in found["colleague"]["groups"]] == ["grace"]


async def test_an_execution_of_that_name_is_listed_and_left_to_graphql(fetch: Fetch, store: Store):
    await store([an_execution("statistics"), A_FAILED_EXECUTION])

    listed, found = await fetch(EXECUTIONS_PATH), await fetch(STATISTICS_PATH)

    assert "statistics" in [each["execution_id"] for each in listed.json()["executions"]]
    assert "by_status" in found.json()
    assert b"GraphQL alone has those whose id is `export`, `statistics`" in describe()


async def test_statistics_cost_what_they_may_return_and_are_audited(
    database: Database, settings: Settings, token_for: Callable[..., str]
):
    async with served(create_app(settings.model_copy(update={"rate_limit": "200/hour", "audit": "strict"}))) as url:
        await wait_until_ready(url)
        async with httpx2.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token_for('ada', 'acme')}"}
        ) as client:
            query = f"{JANUARY}&interval=1h&group_by=tag&limit=20&timezone=UTC"
            responses = [await client.get(f"{STATISTICS_PATH}?{query}") for _ in range(2)]

    trail = await database.collection(AuditEvent).find({"operation_name": "getStatistics"}).sort("_id").to_list()
    assert [response.status_code for response in responses] == [200, 429]
    # Of 200 points: 51, 100 for buckets and 20 for groups.
    assert "r=29" in responses[0].headers["ratelimit"]
    assert [event["outcome"] for event in trail] == ["succeeded", "denied"]
    assert trail[0]["arguments"] == {
        "getStatistics": {
            "start_date": "2026-01-01",
            "end_date": "2026-01-02",
            "interval": "1h",
            "group_by": "tag",
            "limit": "20",
            "timezone": "UTC",
        }
    }
