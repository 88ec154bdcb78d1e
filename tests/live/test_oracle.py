"""The judge of the faults, judged: what is lost or repeated is counted, and what is well is not."""

from collections import Counter
from typing import Any

import pytest

from tests.live.oracle import Ledger, Truth


def told(version: int, execution_id: str = "a", kind: str = "UPDATED") -> dict[str, Any]:
    return {"kind": kind, "executionId": execution_id, "execution": {"tokensUsed": version}}


def ledger_after(*updates: dict[str, Any], page: dict[str, int] | None = None) -> Ledger:
    ledger = Ledger()
    ledger.begin(page or {})
    for update in updates:
        ledger.hear(update)
    ledger.close(Truth(Counter(a=3)))
    return ledger


@pytest.mark.parametrize(
    ("updates", "page", "lost", "repeated"),
    [
        pytest.param([told(1, kind="ENTERED"), told(2), told(3)], {}, 0, 0, id="every version in order"),
        pytest.param([told(3)], {"a": 2}, 0, 0, id="those behind the page"),
        pytest.param([], {"a": 3}, 0, 0, id="a page that shows the last"),
        pytest.param([told(1), told(3)], {}, 1, 0, id="one left out"),
        pytest.param([told(1)], {}, 2, 0, id="the last two never told"),
        pytest.param([], {}, 3, 0, id="an execution never told of"),
        pytest.param([told(3)], {"a": 1}, 1, 0, id="one between the page and the stream"),
        pytest.param([told(1), told(2), told(2), told(3)], {}, 0, 1, id="one told twice"),
        pytest.param([told(2), told(3)], {"a": 2}, 0, 1, id="one that the page showed"),
        pytest.param([told(1), told(3), told(2)], {}, 1, 1, id="two in the wrong order"),
    ],
)
def test_a_ledger_counts_what_is_lost_and_what_is_repeated(
    updates: list[dict[str, Any]], page: dict[str, int], lost: int, repeated: int
):
    ledger = ledger_after(*updates, page=page)

    assert (ledger.lost, ledger.repeated) == (lost, repeated)


def test_a_ledger_knows_a_gap_from_an_update():
    ledger = ledger_after(told(1), {"kind": "GAP", "executionId": None, "execution": None}, told(2), told(3))

    assert (ledger.gaps, ledger.heard, ledger.lost, ledger.repeated) == (1, 3, 0, 0)


def test_news_beyond_the_truth_is_a_defect_of_the_oracle():
    with pytest.raises(AssertionError, match="beyond 3"):
        ledger_after(told(4), page={"a": 3})
