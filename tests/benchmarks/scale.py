"""What size and depth cost: one caller asks our server again and again, of a small and a large collection.

Everything is asked in turns, one question at a time, so that each latency is that of one answer on a quiet server.
"""

import http.client
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.question import USER
from tests.benchmarks.rows import store
from tests.benchmarks.servers import Contender, running
from tests.live.scenes import token_of
from tests.monitoring.live.own_mongod import OwnMongod

SMALL = 10_000
# All of the collection and its indexes stay in memory, as they would on a machine for a database.
_CACHE_GB = 3.0
_DEPTH = 100_000  # rows before page 5,000 of 20
_LARGEST_PAGE = 100

LIST = """query List($first: Int!, $after: String, $since: DateTime) {
  executions(filter: { status: { eq: COMPLETED }, createdAt: { gte: $since } }, first: $first, after: $after) {
    nodes { executionId name workflowName status createdAt startedAt completedAt durationSeconds
      progress { currentStep totalSteps percentage } userId triggeredBy attempt }
    pageInfo { hasNextPage endCursor } } }"""
COUNTED = LIST.replace("pageInfo {", "totalCount pageInfo {")


class Caller:
    """Asks over one connection, and notes how long each answer took."""

    def __init__(self, contender: Contender, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", contender.port)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, query: str, **variables: Any) -> tuple[float, Any]:
        """Seconds, and the page that was answered; raises for anything but an answer."""
        body = orjson.dumps({"query": query, "variables": variables})
        begun = time.perf_counter()
        self._connection.request("POST", "/graphql", body, self._headers)
        text = self._connection.getresponse().read()
        seconds = time.perf_counter() - begun
        answer = orjson.loads(text)
        if "errors" in answer:
            raise RuntimeError(answer["errors"][0]["message"])
        return seconds, answer["data"]["executions"]


def cursor_at(caller: Caller, depth: int) -> str:
    """The cursor behind the first `depth` rows."""
    after = None
    for _ in range(depth // _LARGEST_PAGE):
        _, page = caller.ask(LIST, first=_LARGEST_PAGE, after=after)
        after = page["pageInfo"]["endCursor"]
    if after is None:
        raise ValueError(f"A depth is {_LARGEST_PAGE} rows or more.")
    return after


def in_turns(asks: Mapping[str, Callable[[int], float]], times: int) -> dict[str, list[float]]:
    """The milliseconds that each of `asks` took, the first tenth left out."""
    found: dict[str, list[float]] = {name: [] for name in asks}
    for number in range(times):
        for name, ask in asks.items():
            found[name].append(ask(number) * 1_000)
    return {name: each[times // 10 :] for name, each in found.items()}


def scale_part(large: int, times: int) -> dict[str, Any]:
    """Latencies in milliseconds by what was asked, and the ratios that goals are set for."""
    token = token_of(USER)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        mongod = OwnMongod(Path(folder), cache_gb=_CACHE_GB)
        stack.callback(mongod.close)
        mongod.start()
        callers: dict[int, Caller] = {}
        for size in (SMALL, large):
            name = f"benchmark_{size}"
            store(mongod.uri, name, size)
            log = Path(folder) / f"{name}.log"
            database = {"EXECUTION_MONITOR_DATABASE": name}
            callers[size] = Caller(stack.enter_context(running("ours", mongod.uri, token, log, **database)), token)
        few, many = callers[SMALL], callers[large]
        depth = min(_DEPTH, large // 5 // _LARGEST_PAGE * _LARGEST_PAGE)
        deep = cursor_at(many, depth)
        # A moment that nobody has asked for makes a count that nobody has read.
        moments = (f"2026-01-01T00:00:{number // 1_000:02}.{number % 1_000:03}Z" for number in range(60_000))
        latencies = in_turns(
            {
                "first page of few": lambda _: few.ask(LIST, first=20)[0],
                "first page": lambda _: many.ask(LIST, first=20)[0],
                "deep page": lambda _: many.ask(LIST, first=20, after=deep)[0],
                "first page since": lambda _: many.ask(LIST, first=20, since=next(moments))[0],
                "with a count": lambda _: many.ask(COUNTED, first=20, since=next(moments))[0],
                "with a count read a moment ago": lambda _: many.ask(COUNTED, first=20)[0],
            },
            times,
        )
    medians = {name: statistics.median(each) for name, each in latencies.items()}
    return {"scale": {"executions": large, "depth": depth, **medians}, "ratios": scale_ratios(medians)}


def scale_ratios(medians: Mapping[str, float]) -> dict[str, float]:
    """Latency ratios of `medians`, by the names of the goals."""
    return {
        "deep_page_vs_first": medians["deep page"] / medians["first page"],
        "million_vs_ten_thousand": medians["first page"] / medians["first page of few"],
        "total_count_vs_without": medians["with a count"] / medians["first page since"],
        "total_count_cached_vs_without": medians["with a count read a moment ago"] / medians["first page"],
    }
