"""The ledger of bulks: it distinguishes conflated changes from lost ones."""

import pytest

from tests.faults.bulk_ledger import GONE, BulkLedger, Tally, total

Events = list[tuple[str, int] | None]  # kind and version, or a gap


def tally_of(events: Events, final: int) -> Tally:
    ledger = BulkLedger([1, 1])
    for event in events:
        if event is None:
            ledger.record_gap()
        else:
            kind, version = event
            ledger.record(kind, 0, version)
    # The other execution does not change.
    ledger.record("DELETED", 1, 0)
    ledger.record("ENTERED", 1, final)
    return ledger.close([final, final])


@pytest.mark.parametrize(
    ("events", "conflated", "lost", "repeated"),
    [
        pytest.param([("UPDATED", 2), ("UPDATED", 3)], 0, 0, 0, id="every version in order"),
        pytest.param([("UPDATED", 3)], 1, 0, 0, id="two that were conflated"),
        pytest.param([("UPDATED", 3)], 0, 1, 0, id="one left out and not conflated"),
        pytest.param([("UPDATED", 2)], 0, 1, 0, id="the last never sent"),
        pytest.param([("UPDATED", 2)], 1, 1, 0, id="the last never sent, though something was conflated"),
        pytest.param([], 0, 2, 0, id="nothing sent"),
        pytest.param([("UPDATED", 2), ("UPDATED", 2), ("UPDATED", 3)], 0, 0, 1, id="one sent twice"),
        pytest.param([("UPDATED", 3), ("UPDATED", 2)], 1, 0, 1, id="the wrong order"),
        pytest.param([("DELETED", 0), ("ENTERED", 3)], 0, 0, 0, id="deleted and created again"),
        pytest.param([("DELETED", 0), ("DELETED", 0), ("ENTERED", 3)], 0, 0, 1, id="deleted twice"),
        pytest.param([("UPDATED", 2), None, ("UPDATED", 3)], 0, 0, 0, id="the last after a gap"),
        pytest.param([None, ("UPDATED", 2)], 0, 1, 0, id="one lost after a gap"),
    ],
)
def test_a_ledger_counts_what_is_lost_and_what_is_repeated(events: Events, conflated: int, lost: int, repeated: int):
    tally = tally_of(events, final=3)

    assert (tally.lost(conflated), tally.repeated) == (lost, repeated)


def test_executions_without_an_event_since_a_gap_are_counted_apart():
    tally = tally_of([None], final=3)

    assert (tally.unreported, tally.lost(0), tally.gaps) == (1, 0, 1)


@pytest.mark.parametrize(("events", "lost"), [([("DELETED", 0)], 0), ([("UPDATED", 2)], 1)])
def test_executions_that_are_gone_in_the_end_must_be_sent_as_deleted(events: Events, lost: int):
    assert BulkLedger([GONE]).close([GONE]).missing == 0
    ledger = BulkLedger([1])
    for kind, version in filter(None, events):
        ledger.record(kind, 0, version)

    assert ledger.close([GONE]).lost(0) == lost


def test_ledgers_are_added_up():
    assert total([Tally(received=1, gaps=1), Tally(received=2, missing=3)]) == Tally(received=3, gaps=1, missing=3)
