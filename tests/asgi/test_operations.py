import pytest

from execution_monitor.asgi.operations import (
    MAX_REMEMBERED_CODES,
    MAX_REMEMBERED_IDS,
    Kind,
    Observers,
    Operation,
    Origin,
    Outcome,
)
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import Forbidden

ASKED = Operation(Caller("ada", "acme"), Origin("192.0.2.1", "tests", "r-1"), Kind.QUERY, "Failed")


class RecordingObserver:
    def __init__(self, refusal: Forbidden | None = None) -> None:
        self.seen: list[str] = []
        self.outcome: Outcome | None = None
        self._refusal = refusal

    async def begin(self, operation: Operation) -> None:
        self.seen.append(f"begin {operation.name}")
        if self._refusal is not None:
            raise self._refusal

    async def end(self, operation: Operation, outcome: Outcome) -> None:
        self.seen.append(f"end {operation.name}")
        self.outcome = outcome


async def test_an_observer_sees_an_operation_begin_and_end_with_what_the_body_told():
    observer = RecordingObserver()

    async with Observers(observer).watching(ASKED) as outcome:
        outcome.answer_with("run-1")

    assert observer.seen == ["begin Failed", "end Failed"]
    assert observer.outcome is outcome
    assert (outcome.executions, outcome.execution_ids, outcome.codes) == (1, ["run-1"], [])
    assert outcome.seconds > 0


async def test_a_refusal_keeps_the_body_from_running_and_is_seen_by_all_as_its_code():
    first, second = RecordingObserver(), RecordingObserver(refusal=Forbidden("No."))
    ran = False

    with pytest.raises(Forbidden):
        async with Observers(first, second).watching(ASKED):
            ran = True

    assert not ran
    assert [first.seen[-1], second.seen[-1]] == ["end Failed", "end Failed"]
    assert first.outcome is not None
    assert first.outcome.codes == ["FORBIDDEN"]


async def test_a_body_that_fails_ends_the_operation_all_the_same():
    observer = RecordingObserver()

    with pytest.raises(ZeroDivisionError):
        async with Observers(observer).watching(ASKED):
            raise ZeroDivisionError

    assert observer.seen == ["begin Failed", "end Failed"]
    assert observer.outcome is not None
    assert observer.outcome.codes == ["INTERNAL_SERVER_ERROR"]


def test_an_outcome_remembers_the_first_codes():
    outcome = Outcome()

    for _ in range(MAX_REMEMBERED_CODES):
        outcome.fail_with(["FORBIDDEN"])
    outcome.fail_with(["NOT_FOUND"])

    assert outcome.codes == ["FORBIDDEN"] * MAX_REMEMBERED_CODES


def test_an_outcome_counts_every_execution_and_remembers_the_first_ids():
    outcome = Outcome()

    for number in range(MAX_REMEMBERED_IDS + 5):
        outcome.answer_with(f"run-{number}")

    assert outcome.executions == MAX_REMEMBERED_IDS + 5
    assert outcome.execution_ids == [f"run-{number}" for number in range(MAX_REMEMBERED_IDS)]


def test_an_outcome_remembers_an_execution_once_however_often_it_is_delivered():
    outcome = Outcome()

    for execution_id in ("run-1", "run-2", "run-1", None):
        outcome.deliver(execution_id)

    assert (outcome.payloads, outcome.executions, outcome.execution_ids) == (4, 3, ["run-1", "run-2"])


def test_an_outcome_forgets_an_answer_that_was_not_sent():
    outcome = Outcome()
    outcome.answer_with("run-1", "run-2")

    outcome.begin_anew()
    outcome.answer_with("run-3")

    assert (outcome.executions, outcome.execution_ids) == (1, ["run-3"])


class Withholder(RecordingObserver):
    async def end(self, operation: Operation, outcome: Outcome) -> None:
        await super().end(operation, outcome)
        raise Forbidden("Not this.")


async def test_an_observer_may_withhold_an_answer_and_the_others_see_that_it_did():
    first, second = Withholder(), RecordingObserver()

    with pytest.raises(Forbidden, match="Not this"):
        async with Observers(first, second).watching(ASKED):
            pass

    assert second.seen == ["begin Failed", "end Failed"]
    assert second.outcome is not None
    assert second.outcome.codes == ["FORBIDDEN"]


async def test_an_answer_that_failed_anyway_is_not_withheld():
    second = RecordingObserver()

    with pytest.raises(ZeroDivisionError):
        async with Observers(Withholder(), second).watching(ASKED):
            raise ZeroDivisionError

    assert second.seen == ["begin Failed", "end Failed"]
