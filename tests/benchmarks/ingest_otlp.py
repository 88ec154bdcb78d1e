"""OTLP over HTTP against inserts of the same documents, a part of `make bench-ingest`.

Programs export traces of agents in batches of 512 new spans, over 4 connections; then the documents that came of them
are inserted into another database with the same indexes, in the same batches, with `insert_many` and without HTTP.
Prints the spans a second of both, and their ratio.
"""

import argparse
import http.client
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from pymongo import IndexModel, MongoClient
from pymongo.write_concern import WriteConcern

from tests.benchmarks.latest import record
from tests.benchmarks.servers import DATABASE, running_contender, use_load_processor
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.tokens import token_of

SPANS = 512
SPANS_OF_TRACE = 16
CONNECTIONS = 4
_COPY = f"{DATABASE}_copy"
_EXECUTIONS, _STEPS = "workflow_executions", "workflow_step_executions"
_START = 1_795_843_200 * 10**9
_CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.usage.input_tokens": 1_200,
    "gen_ai.usage.output_tokens": 300,
}
_TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
_AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "travel", "gen_ai.conversation.id": "c-1"}
_PLAIN = {"db.system": "postgresql", "db.namespace": "travel", "server.address": "db", "server.port": 5432}


@dataclass(frozen=True, slots=True)
class Batch:
    """A request, and the ids of its traces."""

    body: bytes
    traces: Sequence[str]


def batches(count: int, random: Random) -> list[Batch]:
    """So many requests with spans that nobody has sent before, the roots last, as exporters send them."""
    return [_batch(random) for _ in range(count)]


def _batch(random: Random) -> Batch:
    spans: list[Span] = []
    traces: list[str] = []
    for _ in range(SPANS // SPANS_OF_TRACE):
        trace, root = random.randbytes(16), random.randbytes(8)
        traces.append(trace.hex())
        for number in range(1, SPANS_OF_TRACE):
            name, attributes = (("chat", _CALL), ("execute_tool search", _TOOL), ("SELECT travel", _PLAIN))[number % 3]
            spans.append(_span(trace, random.randbytes(8), root, name, number, attributes))
        spans.append(_span(trace, root, b"", "invoke_agent travel", 0, _AGENT))
    scope = ScopeSpans(scope=InstrumentationScope(name="travel"), spans=spans)
    resource = Resource(attributes=_pairs({"service.name": "travel-agent", "service.version": "1.2.0"}))
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])])
    return Batch(request.SerializeToString(), traces)


def _span(  # noqa: PLR0913, PLR0917 - the fields of a span
    trace: bytes, span_id: bytes, parent: bytes, name: str, number: int, attributes: Mapping[str, Any]
) -> Span:
    start = _START + number * 10**8
    return Span(
        trace_id=trace,
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        start_time_unix_nano=start,
        end_time_unix_nano=start + 5 * 10**7,
        attributes=_pairs(attributes),
    )


def _pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value))
        for key, value in attributes.items()
    ]


def _seconds(work: Callable[[Sequence[Batch]], None], of: Sequence[Batch]) -> float:
    """How long `CONNECTIONS` threads take, each for its part of the batches."""
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for done in [threads.submit(work, of[start::CONNECTIONS]) for start in range(CONNECTIONS)]:
            done.result()
    return time.perf_counter() - began


def export(port: int, token: str, of: Iterable[Batch]) -> None:
    """Send the batches over one connection; raises `RuntimeError` where one is not stored."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-protobuf"}
    for batch in of:
        connection.request("POST", "/v1/traces", batch.body, headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != HTTPStatus.OK or body:
            raise RuntimeError(f"{response.status}: {body!r}")
    connection.close()


def _copy_indexes(client: MongoClient[dict[str, Any]]) -> None:
    client.drop_database(_COPY)
    for name in (_EXECUTIONS, _STEPS):
        indexes = [
            IndexModel(list(each.pop("key").items()), **{key: each[key] for key in each if key != "v"})
            for each in client[DATABASE][name].list_indexes()
            if each["name"] != "_id_"
        ]
        client[_COPY][name].create_indexes(indexes)


def insert(client: MongoClient[dict[str, Any]], documents: Mapping[str, Sequence[Sequence[dict[str, Any]]]]) -> None:
    """Insert the documents of each batch; `documents` are lists by the names of their collections."""
    database = client.get_database(_COPY, write_concern=WriteConcern("majority"))
    for steps, executions in zip(documents[_STEPS], documents[_EXECUTIONS], strict=True):
        database[_STEPS].insert_many(steps, ordered=False)
        database[_EXECUTIONS].insert_many(executions, ordered=False)


def _documents(
    client: MongoClient[dict[str, Any]], of: Sequence[Batch]
) -> Mapping[str, Sequence[Sequence[dict[str, Any]]]]:
    found = {
        name: [list(client[DATABASE][name].find({"execution_id": {"$in": list(each.traces)}})) for each in of]
        for name in (_STEPS, _EXECUTIONS)
    }
    missing = SPANS * len(of) - sum(map(len, found[_STEPS]))
    if missing:
        raise RuntimeError(f"{missing} spans were not stored")
    return found


def run(rounds: int, count: int, folder: Path) -> Mapping[str, float]:
    """Spans a second, `otlp` and `insert_many`, and microseconds of `cpu` of the server a span.

    They are the medians of so many rounds of `count` batches each.
    """
    random = Random(17)  # noqa: S311 - ids, no secrets
    token = token_of("ada", "executions:read", "executions:write")
    found: dict[str, list[float]] = {"otlp": [], "insert_many": [], "cpu": []}
    with (
        running(SingleNodeReplicaSet(folder, checkpoint_seconds=60)) as mongod,
        running_contender("ours", mongod.uri, token, folder / "server.log") as server,
    ):
        client: MongoClient[dict[str, Any]] = MongoClient(mongod.uri)
        with client:
            for number in range(rounds + 1):
                sent = batches(count, random)
                cpu = server.cpu_seconds()
                over_http = _seconds(lambda part: export(server.port, token, part), sent)
                cpu = server.cpu_seconds() - cpu
                documents = _documents(client, sent)
                _copy_indexes(client)
                began = time.perf_counter()
                insert(client, documents)
                without = time.perf_counter() - began
                if number:  # the first round warms up
                    found["otlp"].append(SPANS * count / over_http)
                    found["insert_many"].append(SPANS * count / without)
                    found["cpu"].append(cpu / (SPANS * count) * 1e6)
    return {name: statistics.median(each) for name, each in found.items()}


def main() -> None:
    """Run, print, and add the figures to `results/latest.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ingest_otlp", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=40)
    options = parser.parse_args()
    use_load_processor()
    with tempfile.TemporaryDirectory() as folder:
        found = run(options.rounds, options.batches, Path(folder))
    sys.stdout.writelines(f"{name}: {found[name]:,.0f} spans a second\n" for name in ("otlp", "insert_many"))
    sys.stdout.write(f"server: {found['cpu']:.0f} µs of CPU a span\n")
    ratio = found["otlp"] / found["insert_many"]
    sys.stdout.write(f"otlp_vs_insert_many: {ratio:.3f}\n")
    record({"otlp_vs_insert_many": ratio}, otlp=found)


if __name__ == "__main__":
    main()
