"""Operations: what their outcomes remember, and when observers see them start and end."""

import pytest
from typing_extensions import override

from execution_monitor.asgi.operations import (
    MAX_REMEMBERED_CODES,
    MAX_REMEMBERED_IDS,
    Observation,
    Observers,
    Operation,
    OperationKind,
    Outcome,
)
from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import Forbidden, NotFound

OPERATION = Operation(Caller("ada", "acme"), Origin("192.0.2.1", "tests", "r-1"), OperationKind.QUERY, "Failed")


class Recorder:
    """Records what it sees; refuses operations with `refusal` and withholds responses with `withheld`."""

    def __init__(self, refusal: Forbidden | None = None, withheld: Forbidden | None = None) -> None:
        self.seen: list[str] = []
        self.outcome: Outcome | None = None
        self.refusal = refusal
        self.withheld = withheld

    def observe(self, operation: Operation, outcome: Outcome) -> Observation:
        return Recording(self, operation, outcome)


class Recording(Observation):
    def __init__(self, recorder: Recorder, operation: Operation, outcome: Outcome) -> None:
        self._recorder = recorder
        self._name = operation.name
        self._outcome = outcome

    @override
    async def __aenter__(self) -> None:
        self._recorder.seen.append(f"start {self._name}")
        if self._recorder.refusal is not None:
            raise self._recorder.refusal

    @override
    async def __aexit__(self, *_: object) -> None:
        self._recorder.seen.append(f"end {self._name}")
        self._recorder.outcome = self._outcome
        if self._recorder.withheld is not None:
            raise self._recorder.withheld

    @override
    async def refused(self) -> None:
        self._recorder.seen.append(f"refused {self._name}")
        self._recorder.outcome = self._outcome


async def test_an_observer_sees_an_operation_start_and_end_with_the_outcome_that_the_body_filled_in():
    recorder = Recorder()

    async with Observers(recorder).observe(OPERATION) as outcome:
        outcome.answer_with("run-1")

    assert recorder.seen == ["start Failed", "end Failed"]
    assert recorder.outcome is outcome
    assert (outcome.executions, outcome.execution_ids, outcome.codes) == (1, ["run-1"], [])
    assert outcome.seconds > 0


async def test_a_refusal_keeps_the_body_from_running_and_all_observers_see_its_code():
    first, second, third = Recorder(), Recorder(refusal=Forbidden("No.")), Recorder()
    ran = False

    with pytest.raises(Forbidden):
        async with Observers(first, second, third).observe(OPERATION):
            ran = True

    assert not ran
    assert first.seen == ["start Failed", "end Failed"]
    assert second.seen == ["start Failed", "refused Failed"]
    assert third.seen == ["refused Failed"]
    for each in (first, second, third):
        assert each.outcome is not None
        assert each.outcome.codes == ["FORBIDDEN"]


async def test_an_operation_that_is_refused_without_being_run_is_seen_with_its_code():
    recorder = Recorder()

    await Observers(recorder).refused(OPERATION, NotFound("There is none."))

    assert recorder.seen == ["start Failed", "end Failed"]
    assert recorder.outcome is not None
    assert recorder.outcome.codes == ["NOT_FOUND"]


async def test_an_observer_may_refuse_a_refused_operation_for_a_reason_of_its_own():
    first, second = Recorder(), Recorder(refusal=Forbidden("No."))

    with pytest.raises(Forbidden):
        await Observers(first, second).refused(OPERATION, NotFound("There is none."))

    assert first.seen == ["start Failed", "end Failed"]
    assert first.outcome is not None
    assert first.outcome.codes == ["FORBIDDEN"]


async def test_two_equal_operations_at_once_are_told_apart():
    recorder = Recorder()
    observers = Observers(recorder)

    async with observers.observe(OPERATION) as one, observers.observe(OPERATION) as other:
        one.answer_with("run-1")

    assert one is not other
    assert recorder.outcome is one
    assert (one.executions, other.executions) == (1, 0)


async def test_a_body_that_fails_ends_the_operation_all_the_same():
    recorder = Recorder()

    with pytest.raises(ZeroDivisionError):
        async with Observers(recorder).observe(OPERATION):
            raise ZeroDivisionError

    assert recorder.seen == ["start Failed", "end Failed"]
    assert recorder.outcome is not None
    assert recorder.outcome.codes == ["INTERNAL_SERVER_ERROR"]


async def test_an_observer_may_withhold_a_response_and_the_others_see_that_it_did():
    first, second = Recorder(withheld=Forbidden("Not this.")), Recorder()

    with pytest.raises(Forbidden, match="Not this"):
        async with Observers(first, second).observe(OPERATION):
            pass

    assert second.seen == ["start Failed", "end Failed"]
    assert second.outcome is not None
    assert second.outcome.codes == ["FORBIDDEN"]


async def test_the_error_of_a_body_is_not_replaced_by_that_of_an_observer():
    second = Recorder()

    with pytest.raises(ZeroDivisionError):
        async with Observers(Recorder(withheld=Forbidden("Not this.")), second).observe(OPERATION):
            raise ZeroDivisionError

    assert second.seen == ["start Failed", "end Failed"]


def test_an_outcome_keeps_the_first_codes():
    outcome = Outcome()

    for _ in range(MAX_REMEMBERED_CODES):
        outcome.fail_with(["FORBIDDEN"])
    outcome.fail_with(["NOT_FOUND"])

    assert outcome.codes == ["FORBIDDEN"] * MAX_REMEMBERED_CODES


def test_an_outcome_counts_every_execution_and_keeps_the_first_ids():
    outcome = Outcome()

    for number in range(MAX_REMEMBERED_IDS + 5):
        outcome.answer_with(f"run-{number}")

    assert outcome.executions == MAX_REMEMBERED_IDS + 5
    assert outcome.execution_ids == [f"run-{number}" for number in range(MAX_REMEMBERED_IDS)]


def test_an_outcome_keeps_an_execution_once_however_often_it_is_delivered():
    outcome = Outcome()

    for execution_id in ("run-1", "run-2", "run-1", None):
        outcome.deliver(execution_id)

    assert (outcome.payloads, outcome.executions, outcome.execution_ids) == (4, 3, ["run-1", "run-2"])


def test_an_outcome_forgets_the_executions_of_a_response_that_was_not_sent():
    outcome = Outcome()
    outcome.answer_with("run-1", "run-2")

    outcome.discard_executions()
    outcome.answer_with("run-3")

    assert (outcome.executions, outcome.execution_ids) == (1, ["run-3"])
