"""What size and depth cost: one client requests pages of small and large collections from our server.

Requests are sent in turns, one at a time, so that each latency is that of one response from an idle server.
"""

import asyncio
import http.client
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from pymongo import MongoClient
from pymongo.collection import Collection

from execution_monitor.storage.database import open_database
from tests.benchmarks.documents import store
from tests.benchmarks.list_query import TENANT, USER
from tests.benchmarks.servers import Contender, running_contender
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.tokens import token_of

# Of a page of 20; the last is page 5,001.
DEPTHS = (1_000, 10_000, 100_000)
# The collection and its indexes stay in memory, as on a machine for a database.
_CACHE_GB = 3.0
_LARGEST_PAGE = 100

LIST = """query List($first: Int!, $after: String, $since: DateTime) {
  executions(filter: { status: { eq: COMPLETED }, createdAt: { gte: $since } }, first: $first, after: $after) {
    nodes { executionId name workflowName status createdAt startedAt completedAt durationSeconds
      progress { currentStep totalSteps percentage } userId triggeredBy attempt }
    pageInfo { hasNextPage endCursor } } }"""
COUNTED = LIST.replace("pageInfo {", "totalCount pageInfo {")


class Client:
    """Sends requests over one connection."""

    def __init__(self, contender: Contender, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", contender.port)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def execute(self, query: str, **variables: Any) -> Any:
        """The page of executions.

        Raises:
            RuntimeError: If the response has errors.
        """
        body = orjson.dumps({"query": query, "variables": variables})
        self._connection.request("POST", "/graphql", body, self._headers)
        text = self._connection.getresponse().read()
        answer = orjson.loads(text)
        if "errors" in answer:
            raise RuntimeError(answer["errors"][0]["message"])
        return answer["data"]["executions"]


async def index(uri: str, name: str) -> None:
    """Create the indexes of the database `name`; a server that created them would be slow meanwhile."""
    async with open_database(uri, name) as database:
        await database.connect()
        await database.prepare()


def cursor_at(client: Client, depth: int) -> str:
    """The cursor after the first `depth` rows."""
    after = None
    for _ in range(depth // _LARGEST_PAGE):
        page = client.execute(LIST, first=_LARGEST_PAGE, after=after)
        after = page["pageInfo"]["endCursor"]
    if after is None:
        raise ValueError(f"A depth is {_LARGEST_PAGE} rows or more.")
    return after


def in_turns(requests: Mapping[str, Callable[[], object]], times: int) -> dict[str, float]:
    """The median of the milliseconds that each of `requests` takes, without the first tenth.

    Each is sent twice and measured once: its server may have been idle during the turns of all others.
    """
    found: dict[str, list[float]] = {name: [] for name in requests}
    for _ in range(times):
        for name, request in requests.items():
            request()
            began = time.perf_counter()
            request()
            found[name].append((time.perf_counter() - began) * 1_000)
    return {name: statistics.median(each[times // 10 :]) for name, each in found.items()}


def page_by_offset(collection: Collection[dict[str, Any]], depth: int) -> list[Any]:
    """The query of a server that pages by offset, sent to MongoDB directly."""
    where = {"tenant_id": TENANT, "user_id": USER, "status": "completed"}
    return collection.find(where, sort=[("created", -1), ("_id", -1)], skip=depth, limit=20).to_list()


def index_bytes_per_execution(executions: Collection[dict[str, Any]]) -> float:
    """The bytes that all indexes of a collection take on disk for each of its documents."""
    stored = executions.database.command("collStats", executions.name)
    return stored["totalIndexSize"] / stored["count"]


def scale_part(sizes: Sequence[int], times: int) -> dict[str, Any]:
    """Latencies in milliseconds by request and collection size, and the ratios of the goals."""
    token = token_of(USER)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        mongod = stack.enter_context(running(SingleNodeReplicaSet(Path(folder), cache_gb=_CACHE_GB)))
        clients: dict[int, Client] = {}
        for size in sizes:
            name = f"benchmark_{size}"
            store(mongod.uri, name, size)
            asyncio.run(index(mongod.uri, name))
            log = Path(folder) / f"{name}.log"
            database = {"EXECUTION_MONITOR_DATABASE": name}
            clients[size] = Client(
                stack.enter_context(running_contender("ours", mongod.uri, token, log, **database)), token
            )
        large = max(sizes)
        many = clients[large]
        # A time that is new to the server makes a count that is not cached.
        times_since = (f"2026-01-01T00:00:{number // 1_000:02}.{number % 1_000:03}Z" for number in range(60_000))
        requests: dict[str, Callable[[], object]] = {
            f"first of {size:,}": partial(client.execute, LIST, first=20) for size, client in clients.items()
        }
        offsets: dict[str, Callable[[], object]] = {}
        rows = stack.enter_context(MongoClient[dict[str, Any]](mongod.uri))[f"benchmark_{large}"]["workflow_executions"]
        # Three of ten executions are completed and of the user.
        depths = [depth for depth in DEPTHS if depth < large // 4]
        for depth in depths:
            requests[f"behind {depth:,}"] = partial(many.execute, LIST, first=20, after=cursor_at(many, depth))
            offsets[f"by offset {depth:,}"] = partial(page_by_offset, rows, depth)
        requests["since"] = lambda: many.execute(LIST, first=20, since=next(times_since))
        requests["with a count"] = lambda: many.execute(COUNTED, first=20, since=next(times_since))
        requests["with a count read a moment ago"] = lambda: many.execute(COUNTED, first=20)
        medians = in_turns(requests, times)
        # One after another: the deepest leaves little of the others' data in the cache.
        for name, request in offsets.items():
            medians |= in_turns({name: request}, max(10, times // 20))
        bytes_stored = {"index_bytes_per_execution": index_bytes_per_execution(rows)}
    return {"scale": medians, "ratios": scale_ratios(medians, sizes, max(depths)) | bytes_stored}


def scale_ratios(medians: Mapping[str, float], sizes: Sequence[int], deepest: int) -> dict[str, float]:
    """Latency ratios of `medians`, by the names of the goals."""
    few, many = (medians[f"first of {size:,}"] for size in (min(sizes), max(sizes)))
    return {
        "deep_page_vs_first": medians[f"behind {deepest:,}"] / many,
        "million_vs_ten_thousand": many / few,
        "total_count_vs_without": medians["with a count"] / medians["since"],
        "total_count_cached_vs_without": medians["with a count read a moment ago"] / many,
    }
