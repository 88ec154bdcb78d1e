"""How long questions of people on call take at size: `python -m tests.benchmarks.questions --size 5000000`.

Every question is asked by an operator of a large tenant, by one of a medium one, by a person with some thousands of
executions and by a service with a tenth of the tenant's. The first time is that of the first request after the start of
the server, which MongoDB may have to plan. `results/questions.json` has all figures.
"""

import argparse
import asyncio
import http.client
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from pymongo import MongoClient
from pymongo.database import Database

from execution_monitor.auth.caller import Scope
from execution_monitor.auth.tokens import issue_token
from tests.benchmarks.scale import index
from tests.benchmarks.scale_documents import BIG, MEDIUM, PERSON, SERVICE, store_at_scale
from tests.benchmarks.scale_questions import COUNTED, LIST, QUESTIONS, Question
from tests.benchmarks.servers import running_contender
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.tokens import SECRET

RESULT = Path(__file__).parent / "results" / "questions.json"
LATEST = RESULT.with_name("latest.json")
PAGE = Path(__file__).parents[2] / "src/docs/questions.md"
_PAGE = """\
# Questions at size

What people on call want to know, of {size:,} executions: 40 % of one tenant, 1 % of another, the rest of others.
`make bench-scale` writes this page; MongoDB has a cache of 2 GB, on the same two cores.

An index serves a page where MongoDB reads at most ten documents for each of its rows. The slowest of those takes
{scale_indexed_vs_first_page:.1f} times as long as the newest page of the same caller (p95). Of all others the slowest
first response takes {scale_first_answer_ms:.0f} ms: it is a page, or says how far the list was searched and goes on
from there (`goes on`). {scale_timeouts:.0f} of them reached the time limit. The first request is the first one after
the start of the server.

{table}"""
_DATABASE = "scale"
_OPERATOR = (Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT)
_CALLERS: Mapping[str, tuple[str, str, tuple[Scope, ...]]] = {
    "large tenant": ("omar", BIG, _OPERATOR),
    "medium tenant": ("omar", MEDIUM, _OPERATOR),
    "a person": (PERSON, BIG, (Scope.EXECUTIONS_READ,)),
    "a service": (SERVICE, BIG, (Scope.EXECUTIONS_READ,)),
}
# So many responses behind the first one; of those that were searched in slices fewer, which take half a second each.
_TIMES, _TIMES_IN_SLICES = 19, 2
# Ten for each row of a page of 20, and for the one that shows whether more follow.
_MOST_DOCUMENTS = 210
_PAGE_OF_ALL = "all, newest first"


@dataclass(frozen=True, slots=True)
class Asked:
    """What one caller got for one question.

    Attributes:
        first: milliseconds of the first response after the start of the server.
        p95: milliseconds, of all responses.
        examined: executions that were searched in slices; 0 where the list was read whole.
        documents: documents that MongoDB examined.
        result: how many executions it has, or the code of its error.
        indexes: the indexes that MongoDB used.
    """

    caller: str
    question: str
    first: float
    p95: float
    examined: int
    documents: int
    is_complete: bool
    result: str
    indexes: str

    @property
    def is_served_by_indexes(self) -> bool:
        """Whether MongoDB read no more than a few documents for each row of the page."""
        return not self.examined and self.documents <= _MOST_DOCUMENTS


def token_for(name: str) -> str:
    """The token of one of the callers."""
    user, tenant, scopes = _CALLERS[name]
    return issue_token(SECRET, user=user, tenant=tenant, scopes=frozenset(scopes), lifetime=timedelta(hours=12))


def ask(connection: http.client.HTTPConnection, token: str, question: Question) -> tuple[float, Any]:
    """The milliseconds that a response takes, and the page; or the code of its error."""
    variables = {"filter": question.filter, "sort": question.sort, "first": 20}
    body = orjson.dumps({"query": COUNTED if question.counted else LIST, "variables": variables})
    begun = time.perf_counter()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/graphql", body, headers)
    response: Any = orjson.loads(connection.getresponse().read())
    milliseconds = (time.perf_counter() - begun) * 1_000
    if errors := response.get("errors"):
        return milliseconds, errors[0]["extensions"]["code"]
    return milliseconds, response["data"]["executions"]


def measure(
    connection: http.client.HTTPConnection, database: Database[dict[str, Any]], caller: str, name: str
) -> Asked:
    """Ask a question some times, and once more to see which indexes MongoDB uses."""
    question, token = QUESTIONS[name], token_for(caller)
    first, page = ask(connection, token, question)
    search: dict[str, Any] = {"examined": 0, "isComplete": False} if isinstance(page, str) else page["search"]
    times = 0 if isinstance(page, str) else _TIMES_IN_SLICES if search["examined"] else _TIMES
    later = [ask(connection, token, question)[0] for _ in range(times)]
    database.command("profile", 2)
    begun = datetime.now(UTC)
    ask(connection, token, question)
    database.command("profile", 0)
    plans = {"ts": {"$gte": begun}, "planSummary": {"$exists": True}}
    # Without the commands, which may hold dates beyond Python's calendar.
    used = database["system.profile"].find(plans, {"planSummary": 1, "ns": 1, "docsExamined": 1})
    reads = [each for each in used if each["ns"].endswith(".workflow_executions")]
    indexes = sorted({_short(each["planSummary"]) for each in reads} - {"_id"})
    return Asked(
        caller,
        name,
        first,
        statistics.quantiles([first, *later], n=100, method="inclusive")[94] if later else first,
        search["examined"],
        sum(each.get("docsExamined", 0) for each in reads),
        search["isComplete"],
        page if isinstance(page, str) else str(len(page["nodes"])),
        "; ".join(indexes),
    )


def _short(plan: str) -> str:
    """The fields of the indexes in MongoDB's summary of a plan, without those that all of them have."""
    found = re.findall(r"\{ ([^}]*) \}", plan)
    names = [[each.partition(":")[0] for each in key.split(", ")] for key in found]
    keys = {", ".join(name for name in key if name not in ("tenant_id", "_id")) or "_id" for key in names}
    return " + ".join(sorted(keys)) or plan


def ratios_of(asked: Sequence[Asked]) -> dict[str, float]:
    """The worst p95 of pages that indexes serve over that of the page of all, and the slowest first page of others."""
    pages = {each.caller: each.p95 for each in asked if each.question == _PAGE_OF_ALL}
    served = [each.p95 / pages[each.caller] for each in asked if each.is_served_by_indexes]
    return {
        "scale_indexed_vs_first_page": max(served),
        "scale_first_answer_ms": max((each.p95 for each in asked if not each.is_served_by_indexes), default=0.0),
        "scale_timeouts": float(sum(not each.result.isdigit() for each in asked)),
    }


def table_of(asked: Sequence[Asked]) -> str:
    """A table of all questions."""
    lines = [
        "| question | caller | first, ms | p95, ms | executions | documents read | indexes |",
        "| --- | --- | ---: | ---: | --- | ---: | --- |",
    ]
    for each in asked:
        result = each.result if each.is_complete else f"{each.result}, goes on"
        lines.append(
            f"| {each.question} | {each.caller} | {each.first:.0f} | {each.p95:.1f} | {result} | {each.documents:,} "
            f"| {each.indexes} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Store the executions, ask every question, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.questions", description=__doc__)
    parser.add_argument("--size", type=int, default=5_000_000, help="executions of all tenants")
    parser.add_argument("--cache-gb", type=float, default=2.0, help="of MongoDB")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        mongod = SingleNodeReplicaSet(Path(folder), cache_gb=given.cache_gb)
        stack.callback(mongod.close)
        mongod.start()
        store_at_scale(mongod.uri, _DATABASE, given.size)
        asyncio.run(index(mongod.uri, _DATABASE))
        token = token_for("large tenant")
        log = Path(folder) / "server.log"
        server = stack.enter_context(
            running_contender("ours", mongod.uri, token, log, EXECUTION_MONITOR_DATABASE=_DATABASE)
        )
        # No other process takes part here.
        os.sched_setaffinity(server.pid, range(os.cpu_count() or 1))
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        with MongoClient[dict[str, Any]](mongod.uri) as client:
            asked = [measure(connection, client[_DATABASE], caller, name) for caller in _CALLERS for name in QUESTIONS]
    record(asked, given.size)
    sys.stdout.write(table_of(asked))


def record(asked: Sequence[Asked], size: int) -> None:
    """Write all figures, the page of the docs, and the ratios among those of the other benchmarks."""
    found = ratios_of(asked)
    sys.stdout.writelines(f"{name}: {value:.4g}\n" for name, value in found.items())
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    figures = {"size": size, "ratios": found, "questions": [asdict(each) for each in asked]}
    RESULT.write_bytes(orjson.dumps(figures, option=options))
    PAGE.write_text(_PAGE.format(size=size, table=table_of(asked), **found))
    all_results = orjson.loads(LATEST.read_bytes())
    all_results["ratios"].update(found)
    LATEST.write_bytes(orjson.dumps(all_results, option=options))


if __name__ == "__main__":
    main()
