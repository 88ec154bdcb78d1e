"""Pages while MongoDB, or a shard, does not answer: they fail in time with a code, and `/readyz` reports it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from pymongo import MongoClient

from execution_monitor.app import create_app
from execution_monitor.settings import Settings
from execution_monitor.storage.deadlines import NO_REPLY, SHARD_DOWN
from tests.faults.faulty_proxy import FaultyProxy, faulty_proxy
from tests.faults.sharded_cluster import ShardedCluster, sharded_cluster
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.servers import served, wait_until_ready
from tests.support.tokens import SECRET

# A call may take this much longer than the query limit, on a busy machine.
QUERY_LIMIT_MS, MARGIN_SECONDS = 1_000, 2.0
LISTS = (
    "{ executions(first: 5) { nodes { executionId } } }",
    "{ executions(first: 5) { nodes { executionId } totalCount } }",
    "{ executions(first: 5) { nodes { executionId steps { nodes { name } } logs { nodes { message } } } liveCursor } }",
)


def settings_of(uri: str) -> Settings:
    return Settings(
        mongodb_uri=SecretStr(uri),
        database="unanswered",
        jwt_secret=SecretStr(SECRET),
        environment="production",
        query_timeout_ms=QUERY_LIMIT_MS,
    )


@pytest.fixture
async def proxied(tmp_path: Path) -> AsyncGenerator[FaultyProxy]:
    mongod = SingleNodeReplicaSet(tmp_path)
    try:
        await asyncio.to_thread(mongod.start)
        host, _, port = mongod.address.partition(":")
        async with faulty_proxy(host, int(port)) as proxy:
            yield proxy
    finally:
        await asyncio.to_thread(mongod.close)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncGenerator[ShardedCluster]:
    async with sharded_cluster(tmp_path) as cluster:
        yield cluster


async def codes(client: httpx2.AsyncClient, query: str) -> tuple[set[str], set[str], float]:
    """The codes and messages of the errors, and the seconds that the request took."""
    began = time.monotonic()
    answer = (await client.post("/graphql", json={"query": query})).json()
    errors: list[dict[str, Any]] = answer.get("errors", [])
    return (
        {each["extensions"]["code"] for each in errors},
        {each["message"] for each in errors},
        time.monotonic() - began,
    )


async def test_a_silent_mongodb_fails_a_page_at_its_limit(proxied: FaultyProxy, token_for: Callable[..., str]):
    async with (
        served(create_app(settings_of(proxied.uri))) as url,
        httpx2.AsyncClient(base_url=url, timeout=30) as client,
    ):
        await wait_until_ready(url)
        client.headers["Authorization"] = f"Bearer {token_for('ada', 'acme', 'executions:read')}"
        before = [await codes(client, query) for query in LISTS]
        proxied.blackhole()

        silent = await asyncio.gather(*(codes(client, query) for query in LISTS for _ in range(5)))
        ready = await client.get("/readyz")
        proxied.restore()
        await wait_until_ready(url)
        after = [await codes(client, query) for query in LISTS]

    assert [found for found, _, _ in (*before, *after)] == [set[str]()] * 6
    assert {code for found, _, _ in silent for code in found} == {"DATABASE_UNAVAILABLE"}
    assert all(found for found, _, _ in silent)
    assert {message for _, found, _ in silent for message in found} <= {NO_REPLY}
    # Promised by a bound of ours, not by the speed of anything.
    assert max(seconds for _, _, seconds in silent) < QUERY_LIMIT_MS / 1_000 + MARGIN_SECONDS
    assert ready.status_code == HTTPStatus.SERVICE_UNAVAILABLE


async def test_a_mongodb_that_is_killed_fails_a_page_within_two_seconds(tmp_path: Path, token_for: Callable[..., str]):
    mongod = SingleNodeReplicaSet(tmp_path)
    try:
        await asyncio.to_thread(mongod.start)
        async with (
            served(create_app(settings_of(mongod.uri).model_copy(update={"query_timeout_ms": 20_000}))) as url,
            httpx2.AsyncClient(base_url=url, timeout=30) as client,
        ):
            await wait_until_ready(url)
            client.headers["Authorization"] = f"Bearer {token_for('ada', 'acme', 'executions:read')}"
            mongod.kill()

            found = await asyncio.gather(*(codes(client, query) for query in LISTS))
            ready = await client.get("/readyz")
    finally:
        await asyncio.to_thread(mongod.close)

    assert [each for each, _, _ in found] == [{"DATABASE_UNAVAILABLE"}] * 3
    assert max(seconds for _, _, seconds in found) < 2 + 1
    assert ready.status_code == HTTPStatus.SERVICE_UNAVAILABLE


async def test_a_shard_that_is_down_fails_pages_of_its_tenants_alone(
    cluster: ShardedCluster, token_for: Callable[..., str]
):
    async with (
        served(create_app(settings_of(cluster.uri).model_copy(update={"query_timeout_ms": 20_000}))) as url,
        httpx2.AsyncClient(base_url=url, timeout=30) as client,
    ):
        await wait_until_ready(url)
        await cluster.split("unanswered", "workflow_executions", at={"tenant_id": "m", "execution_id": ""})
        with MongoClient[dict[str, Any]](cluster.uri) as direct:
            direct["unanswered"].workflow_executions.insert_many(
                [
                    {"tenant_id": tenant, "execution_id": f"{tenant}-1", "user_id": "ada", "created": datetime.now(UTC)}
                    for tenant in ("acme", "zeta")
                ]
            )
        client.headers["Authorization"] = f"Bearer {token_for('ada', 'zeta', 'executions:read')}"
        whole = await client.get("/readyz")
        cluster.shards[1].kill()

        down = [await codes(client, query) for query in LISTS[:2]]
        degraded = await client.get("/readyz")
        client.headers["Authorization"] = f"Bearer {token_for('ada', 'acme', 'executions:read')}"
        up = [await codes(client, query) for query in LISTS[:2]]
        cluster.shards[1].launch()
        await asyncio.to_thread(cluster.shards[1].wait_until_ready)
        async with asyncio.timeout(60):
            back = await client.get("/readyz")
            while back.json()["status"] != "ready":
                back = await client.get("/readyz")

    assert whole.json() == {"status": "ready", "reasons": []}
    assert [found for found, _, _ in down] == [{"DATABASE_UNAVAILABLE"}] * 2
    assert all(messages == {SHARD_DOWN} for _, messages, _ in down)
    # The limit of the query, which mongos would wait for, is 20 s.
    assert max(seconds for _, _, seconds in down) < 2 + 1
    assert [found for found, _, _ in up] == [set[str]()] * 2
    assert (degraded.status_code, degraded.json()) == (200, {"status": "degraded", "reasons": [SHARD_DOWN]})
    assert back.json()["reasons"] == []
