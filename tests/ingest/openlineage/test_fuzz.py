"""Whatever is sent as an event is stored as a whole or refused as a whole, and never fails the server."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any, cast

import bson
import orjson
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.ingest.openlineage.routes import BATCH_PATH, LINEAGE_PATH, openlineage_routes
from execution_monitor.ingest.redaction import Redaction
from tests.ingest.http.storing_nothing import Endpoint
from tests.ingest.openlineage.captures import NAMES, capture, documents_of, facts_of
from tests.storage.strategies import bounded

# Each shape of an event once: its type, the type of its job, and whether it has an error.
SHAPES = list(
    {
        (
            event["eventType"],
            orjson.dumps(event["job"]["facets"].get("jobType")),
            "errorMessage" in event["run"]["facets"],
        ): event
        for name in NAMES
        for event in capture(name)
    }.values()
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["$user_id", "a.b", "\0", "x" * 2_000, "0001-01-01T00:00:00+14:00", "2026-11-28T04:00:00Z"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def places_in(value: Any) -> Iterator[tuple[Any, ...]]:
    """The path of each value within `value`."""
    keys: Iterable[Any] = ()
    if isinstance(value, dict | list):
        keys = cast("Iterable[Any]", value if isinstance(value, dict) else range(len(cast("list[Any]", value))))
    for key in keys:
        yield (key,)
        yield from ((key, *path) for path in places_in(value[key]))


@st.composite
def spoilt_events(draw: st.DrawFn) -> dict[str, Any]:
    """An event that a client sent, with another value in one or two places, or without one."""
    event = copy.deepcopy(draw(st.sampled_from(SHAPES)))
    for _ in range(draw(st.integers(1, 2))):
        *path, key = draw(st.sampled_from(list(places_in(event))))
        parent: Any = event
        for each in path:
            parent = parent[each]
        if draw(st.booleans()):
            parent[key] = draw(VALUES)
        else:
            del parent[key]
    return event


@given(event=spoilt_events())
@bounded(max_examples=300)
async def test_a_spoilt_event_is_stored_or_refused_beside_one_that_is_whole(event: dict[str, Any]):
    endpoint = Endpoint(openlineage_routes, LINEAGE_PATH)
    endpoint.ingest.clean = clean = Redaction(keeps_payloads=True).clean
    whole = SHAPES[0]

    response = await endpoint.post(orjson.dumps([event, whole]), path=BATCH_PATH)

    assert response.status == 200, response.body
    stored = documents_of(endpoint.ingest.given[0])
    for documents in (stored["executions"], stored["steps"], stored["log_lines"]):
        bson.encode({"all": list(documents.values())})
    failed = [each["index"] for each in response.json["failed_events"]]
    if failed:
        assert (failed, stored) == ([0], documents_of(facts_of([whole], clean)))
    else:
        assert stored == documents_of(facts_of([orjson.loads(orjson.dumps(event)), whole], clean))


@given(content=VALUES.map(orjson.dumps) | st.binary(max_size=200))
@bounded(max_examples=150)
async def test_what_is_no_event_is_refused(content: bytes):
    endpoint = Endpoint(openlineage_routes, LINEAGE_PATH)

    response = await endpoint.post(content)

    assert response.status == (201 if content.strip() == b"[]" else 400), response.body
    assert [each for facts in endpoint.ingest.given for each in facts.execution_ids] == []
