"""The judge of bulks, judged: merged changes are told apart from lost ones."""

import pytest

from tests.faults.bulk_ledger import GONE, BulkLedger, Tally, total

Events = list[tuple[str, int] | None]  # kind and version, or a gap


def tally_of(events: Events, final: int) -> Tally:
    ledger = BulkLedger([1, 1])
    for event in events:
        if event is None:
            ledger.hear_of_gap()
        else:
            kind, version = event
            ledger.hear(kind, 0, version)
    # Nothing happens to the other one.
    ledger.hear("DELETED", 1, 0)
    ledger.hear("ENTERED", 1, final)
    return ledger.close([final, final])


@pytest.mark.parametrize(
    ("events", "merged", "lost", "repeated"),
    [
        pytest.param([("UPDATED", 2), ("UPDATED", 3)], 0, 0, 0, id="every version in order"),
        pytest.param([("UPDATED", 3)], 1, 0, 0, id="two that were merged"),
        pytest.param([("UPDATED", 3)], 0, 1, 0, id="one left out and not merged"),
        pytest.param([("UPDATED", 2)], 0, 1, 0, id="the last never told"),
        pytest.param([("UPDATED", 2)], 1, 1, 0, id="the last never told, though something was merged"),
        pytest.param([], 0, 2, 0, id="nothing told"),
        pytest.param([("UPDATED", 2), ("UPDATED", 2), ("UPDATED", 3)], 0, 0, 1, id="one told twice"),
        pytest.param([("UPDATED", 3), ("UPDATED", 2)], 1, 0, 1, id="the wrong order"),
        pytest.param([("DELETED", 0), ("ENTERED", 3)], 0, 0, 0, id="gone and back"),
        pytest.param([("DELETED", 0), ("DELETED", 0), ("ENTERED", 3)], 0, 0, 1, id="gone twice"),
        pytest.param([("UPDATED", 2), None, ("UPDATED", 3)], 0, 0, 0, id="the last behind a gap"),
        pytest.param([None, ("UPDATED", 2)], 0, 1, 0, id="one lost behind a gap"),
    ],
)
def test_a_ledger_counts_what_is_lost_and_what_is_repeated(events: Events, merged: int, lost: int, repeated: int):
    tally = tally_of(events, final=3)

    assert (tally.lost(merged), tally.repeated) == (lost, repeated)


def test_what_was_not_told_since_a_gap_is_counted_by_itself():
    tally = tally_of([None], final=3)

    assert (tally.untold, tally.lost(0), tally.gaps) == (1, 0, 1)


@pytest.mark.parametrize(("events", "lost"), [([("DELETED", 0)], 0), ([("UPDATED", 2)], 1)])
def test_executions_that_are_gone_in_the_end_are_told_as_gone(events: Events, lost: int):
    assert BulkLedger([GONE]).close([GONE]).missing == 0
    ledger = BulkLedger([1])
    for kind, version in filter(None, events):
        ledger.hear(kind, 0, version)

    assert ledger.close([GONE]).lost(0) == lost


def test_ledgers_are_added_up():
    assert total([Tally(heard=1, gaps=1), Tally(heard=2, missing=3)]) == Tally(heard=3, gaps=1, missing=3)
