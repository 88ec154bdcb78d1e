"""Whatever a body holds: it is refused as a whole, or each of its spans and records is reported or rejected."""

import contextlib
import json
from typing import Any, cast

from bson import encode
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.otlp.decoding import LOG_RECORDS, SPANS, decode_json, decode_protobuf
from execution_monitor.ingest.otlp.mapping import Batch, Mapper
from execution_monitor.ingest.otlp.prices import Prices
from execution_monitor.ingest.otlp.rejections import Rejections
from execution_monitor.ingest.otlp.root_rules import DEFAULT_ROOTS
from execution_monitor.ingest.otlp.roots import Roots
from execution_monitor.ingest.redaction import Redaction
from execution_monitor.ingest.writer.facts import Facts
from tests.ingest.otlp.otlp_requests import (
    CHILD,
    ROOT,
    as_json,
    captured,
    event,
    logs,
    record,
    span,
    traces,
)
from tests.storage.strategies import bounded

MAPPER = Mapper(Roots.parse(DEFAULT_ROOTS), Prices({}), keeps_payloads=True)
BODIES = [
    *(each.body for name in ("invoices", "agent") for each in captured(name)),
    traces(span(), span(CHILD, ROOT, failed="no", events=[event("exception", 5)])).SerializeToString(),
]
REQUESTS = [
    as_json(traces(span(CHILD, ROOT, failed="no", attributes={"a": 1}, events=[event("e", 5, b=True)]))),
    as_json(logs(record("hello", attributes={"a": 0.5}, severity_text="INFO"))),
]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def take(body: bytes, *, is_json: bool) -> None:
    """Report all that is in `body`, read as traces and as logs, and check that it can be stored."""
    decode = decode_json if is_json else decode_protobuf
    batch = Batch(MAPPER, Facts(Redaction(keeps_payloads=True).clean), Rejections())
    with contextlib.suppress(BadUserInput):
        for decoded in decode(SPANS, body):
            batch.add_span(decoded)
    with contextlib.suppress(BadUserInput):
        for decoded in decode(LOG_RECORDS, body):
            batch.add_record(decoded)
    facts = batch.complete()
    assert batch.total == batch.records.total() + batch.rejections.count
    assert bool(batch.rejections.count) == bool(batch.rejections.message)
    for document in (*facts.executions.values(), *facts.steps.values()):
        encode({name: dict(register.fields) for name, register in document.registers.items()})
    for line in facts.log_lines.values():
        encode(line.fields)


@bounded(max_examples=600)
@given(body=st.sampled_from(BODIES), data=st.data())
def test_protobuf_with_changed_bytes(body: bytes, data: st.DataObject):
    changed = bytearray(body)
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    take(bytes(changed), is_json=False)


@bounded(max_examples=300)
@given(body=st.sampled_from(BODIES), data=st.data())
def test_protobuf_that_breaks_off(body: bytes, data: st.DataObject):
    take(body[: data.draw(st.integers(0, len(body)))], is_json=False)


@bounded(max_examples=300)
@given(body=st.binary(max_size=200))
def test_bytes_that_are_no_request(body: bytes):
    take(body, is_json=False)
    take(body, is_json=True)


@bounded(max_examples=300)
@given(request=st.sampled_from(REQUESTS), data=st.data())
def test_json_with_other_values(request: dict[str, Any], data: st.DataObject):
    take(json.dumps(with_another_value(request, data)).encode(), is_json=True)


def with_another_value(value: Any, data: st.DataObject) -> Any:
    """`value` with one value in it, or a part of it, replaced by any other."""
    if not data.draw(st.integers(0, 9)):
        return data.draw(values)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        key = data.draw(st.sampled_from(sorted(members)))
        return {**members, key: with_another_value(members[key], data)}
    if isinstance(value, list) and value:
        elements = cast("list[Any]", value)
        return [with_another_value(elements[0], data), *elements[1:]]
    return data.draw(values)
