from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.redaction import Redaction
from execution_monitor.ingest.writer.facts import (
    MAX_ID_LENGTH,
    DocumentFacts,
    Facts,
    OutcomeStamp,
    check_id,
)
from execution_monitor.storage.documents import ExecutionStatus

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=5)


def keep(_: str, value: Any) -> Any:
    return value


def outcome_of(*facts: DocumentFacts) -> object:
    joined = DocumentFacts(keep)
    for each in facts:
        joined.join(each)
    return joined.registers["outcome"].fields["status"]


def outcome(status: ExecutionStatus, at: datetime = NOON, **options: Any) -> DocumentFacts:
    facts = DocumentFacts(keep)
    facts.outcome(status, at=at, **options)
    return facts


def test_a_late_start_does_not_undo_the_end_of_its_attempt():
    end, late_start = outcome(ExecutionStatus.FAILED), outcome(ExecutionStatus.RUNNING, at=LATER)
    assert outcome_of(end, late_start) == outcome_of(late_start, end) == "failed"


def test_the_start_of_the_next_attempt_undoes_an_end_with_its_error():
    end = outcome(ExecutionStatus.FAILED, at=LATER, error={"message": "no"})
    again = outcome(ExecutionStatus.RUNNING, attempt=2)
    assert outcome_of(end, again) == outcome_of(again, end) == "running"
    again.join(end)
    assert again.registers["outcome"].fields["error_details"] is None


def test_an_end_beats_a_start_of_the_same_instant():
    assert outcome_of(outcome(ExecutionStatus.CANCELLED), outcome(ExecutionStatus.RUNNING)) == "cancelled"


def test_an_assumed_end_is_undone_by_a_later_sign_of_life_and_by_the_real_end():
    assumed = outcome(ExecutionStatus.TIMED_OUT, is_assumed=True)
    assert outcome_of(assumed, outcome(ExecutionStatus.RUNNING, at=LATER)) == "running"
    assert outcome_of(assumed, outcome(ExecutionStatus.COMPLETED, at=NOON - timedelta(days=1))) == "completed"
    assert outcome_of(assumed, outcome(ExecutionStatus.RUNNING, at=NOON - timedelta(days=1))) == "timed_out"


def test_what_a_child_reports_of_its_parent_loses_to_the_parents_own_word():
    assert outcome_of(outcome(ExecutionStatus.PENDING), outcome(ExecutionStatus.RUNNING, attempt=0)) == "pending"


def test_the_earliest_creation_is_kept_and_the_earliest_start_of_the_last_attempt():
    facts = DocumentFacts(keep)
    for at in (LATER, NOON, LATER):
        facts.created(at)
    facts.started(NOON)
    facts.started(LATER + timedelta(seconds=1), attempt=2)
    facts.started(LATER, attempt=2)
    assert facts.registers["created"].fields == {"created": NOON}
    assert facts.registers["started"].fields == {"started_at": LATER}


def test_a_value_is_cleaned_before_its_digest_is_made():
    masked, other = (DocumentFacts(lambda _, __: "***") for _ in range(2))
    masked.set("inputs", {"input_parameters": "hunter2"}, at=NOON)
    other.set("inputs", {"input_parameters": "hunter3"}, at=NOON)
    assert masked.registers == other.registers


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2, max_size=4), st.data())
def test_the_earliest_of_any_times_is_kept_whatever_comes_first(times: list[datetime], data: st.DataObject):
    def created(order: list[datetime]) -> object:
        facts = DocumentFacts(Redaction().clean)
        for at in order:
            facts.created(at)
        return facts.registers

    assert created(times) == created(data.draw(st.permutations(times)))
    earliest = min(times)
    if earliest >= datetime(1970, 1, 1, tzinfo=UTC):
        floored = earliest.replace(microsecond=earliest.microsecond // 1_000 * 1_000)
        assert created(times) == created([floored])


REPORTS = st.tuples(
    st.sampled_from(ExecutionStatus), st.integers(0, 3), st.integers(0, 2), st.sampled_from(["a", "b"]), st.booleans()
)


@given(st.lists(REPORTS, max_size=6), st.data())
def test_facts_join_in_any_order_and_any_number_of_times(reports: list[Any], data: st.DataObject):
    def facts_of(report: Any) -> Facts:
        status, second, attempt, name, is_assumed = report
        facts = Facts(keep)
        at = NOON + timedelta(seconds=second)
        for document in (facts.execution("run"), facts.step("run", name)):
            detail, completed_at = (None, at) if name == "a" else (name, None)
            document.outcome(
                status, at=at, attempt=attempt, detail=detail, completed_at=completed_at, is_assumed=is_assumed
            )
            document.created(at)
            document.started(at, attempt=attempt)
            document.set_known({"workflow_name": name, "triggered_by": None}, at=at)
        facts.log("run", "line", at=at, message=name)
        return facts

    def join(wanted: list[Any]) -> Facts:
        joined = Facts(keep)
        for report in wanted:
            joined.join(facts_of(report))
        return joined

    def content(facts: Facts) -> object:
        return (
            {key: value.registers for key, value in facts.executions.items()},
            {key: value.registers for key, value in facts.steps.items()},
            facts.log_lines,
        )

    shuffled = data.draw(st.permutations([*reports, *reports[:3]]))
    assert content(join(reports)) == content(join(shuffled))


def test_what_is_joined_stays_as_it_is():
    one, other = Facts(keep), Facts(keep)
    one.step("run", "load").outcome(ExecutionStatus.RUNNING, at=NOON)
    other.step("run", "load").outcome(ExecutionStatus.FAILED, at=LATER)
    joined = Facts(keep)
    joined.join(one)
    joined.join(other)
    found = [outcome_of(each.step("run", "load")) for each in (one, other, joined)]
    assert found == ["running", "failed", "failed"]


@pytest.mark.parametrize("value", ["", "x" * (MAX_ID_LENGTH + 1), "\ud800"])
def test_an_id_that_mongodb_cannot_hold_is_refused(value: str):
    with pytest.raises(BadUserInput, match="executionId"):
        check_id(value, "executionId")


def test_a_payload_that_is_not_kept_leaves_no_register():
    facts = DocumentFacts(lambda name, value: None if name == "result" else value)
    facts.set("result", {"result": "text"}, at=NOON)
    facts.set("removed", {"model": None}, at=NOON)
    assert list(facts.registers) == ["removed"]


def test_a_stamp_tells_of_which_attempt_an_outcome_is_when_and_whether_it_is_final():
    def stamp(status: ExecutionStatus, **options: Any) -> OutcomeStamp:
        return OutcomeStamp.of(outcome(status, LATER, **options).registers["outcome"].stamp)

    assert stamp(ExecutionStatus.FAILED, attempt=3) == OutcomeStamp(3, LATER, is_final=True)
    assert stamp(ExecutionStatus.FAILED, attempt=3, is_assumed=True) == OutcomeStamp(3, LATER, is_final=False)
    assert stamp(ExecutionStatus.RUNNING, attempt=0) == OutcomeStamp(0, LATER, is_final=False)
