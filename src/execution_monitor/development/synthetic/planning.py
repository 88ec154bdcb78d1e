"""Plans one generated execution: when each attempt of each step starts and ends, and with which status.

Times are whole milliseconds since the execution was created.
"""

from math import exp
from random import Random
from typing import NamedTuple

from execution_monitor.development.synthetic.failures import Failure
from execution_monitor.development.synthetic.workflows import StepShape, Workflow
from execution_monitor.storage.documents import ExecutionStatus

_BACKOFF_MS = 5_000
_MEAN_QUEUE_MS = 900
_SECOND_MS = 1_000
# A cancelled execution is cancelled at any time of its run; now and then before it even started.
_CANCELLED_IN_QUEUE = 0.1


class Attempt(NamedTuple):
    """One try at a step."""

    start: int
    end: int


class PlannedStep(NamedTuple):
    """One step: without attempts it never starts and is cancelled when the execution ends."""

    shape: StepShape
    attempts: tuple[Attempt, ...]
    status: ExecutionStatus  # in the end
    failure: Failure | None  # of the last attempt, or of the one before it where the last one succeeded
    number: int  # makes its messages differ from those of other runs
    tokens: int
    cost: float  # US dollars


class Plan(NamedTuple):
    """A whole execution; `started` is None when it never leaves the queue."""

    workflow: Workflow
    steps: tuple[PlannedStep, ...]
    started: int | None
    ends: int
    status: ExecutionStatus  # in the end

    def change_times(self) -> list[int]:
        """All times at which something changes, ascending; the first is 0, the creation."""
        times = {0, self.ends}
        if self.started is not None:
            times.add(self.started)
        for step in self.steps:
            for attempt in step.attempts:
                times.update(attempt)
        return sorted(times)

    def scaled_to(self, milliseconds: int) -> "Plan":
        """The same events, with all times scaled so that the execution ends after `milliseconds`."""
        factor = milliseconds / max(1, self.ends)
        steps = tuple(
            step._replace(
                attempts=tuple(Attempt(round(a.start * factor), round(a.end * factor)) for a in step.attempts)
            )
            for step in self.steps
        )
        started = None if self.started is None else round(self.started * factor)
        return self._replace(steps=steps, started=started, ends=round(self.ends * factor))


def plan_execution(workflow: Workflow, random: Random) -> Plan:
    """Plan one execution of `workflow`; the same `random` state gives the same plan."""
    tick = _SECOND_MS if workflow.counts_whole_seconds else 1
    queued = _ticks(random.expovariate(1 / _MEAN_QUEUE_MS), tick)
    deadline = queued + int(workflow.seconds_allowed * _SECOND_MS)
    hanging = random.choice(workflow.steps) if random.random() < workflow.hang_rate else None

    ends: dict[str, int] = {}
    steps: list[PlannedStep] = []
    for shape in workflow.steps:
        ready = max([ends[before] for before in shape.after], default=queued)
        if shape is hanging:
            step = _hang(shape, ready, max(deadline, ready + _SECOND_MS))
        else:
            step = _try(shape, ready, tick, random, workflow.dollars_per_token)
        ends[shape.step_id] = step.attempts[-1].end
        steps.append(step)

    finished = max(ends.values())
    stops = [
        (step.attempts[-1].end, step.status)
        for step in steps
        if step.status is ExecutionStatus.TIMED_OUT
        or (step.status is ExecutionStatus.FAILED and not step.shape.is_optional)
    ]
    if random.random() < workflow.cancel_rate:
        before = queued if random.random() < _CANCELLED_IN_QUEUE else finished
        stops.append((_ticks(random.random() * before, tick), ExecutionStatus.CANCELLED))
    if not stops:
        return Plan(workflow, tuple(steps), queued, finished, ExecutionStatus.COMPLETED)
    stop, status = min(stops)
    started = queued if queued < stop else None
    return Plan(workflow, tuple(_cut(step, stop) for step in steps), started, stop, status)


def _try(shape: StepShape, ready: int, tick: int, random: Random, dollars_per_token: float) -> PlannedStep:
    attempts: list[Attempt] = []
    failure: Failure | None = None
    status = ExecutionStatus.COMPLETED
    start = ready
    while True:
        took = shape.seconds * _SECOND_MS * exp(random.gauss(0, 0.35))
        fails = shape.failure_rate > 0 and random.random() < shape.failure_rate
        # A failure shows early or late, never after the step would have been done.
        end = start + _ticks(took * random.random() if fails else took, tick)
        attempts.append(Attempt(start, end))
        if not fails:
            break
        failure = random.choice(shape.failures)
        if failure.retryable is not True or len(attempts) > shape.retries:
            status = ExecutionStatus.FAILED
            break
        start = end + _BACKOFF_MS * 2 ** (len(attempts) - 1)
    number = 2 + int(248 * random.random())
    if not shape.tokens:
        return PlannedStep(shape, tuple(attempts), status, failure, number, 0, 0.0)
    tokens = int(shape.tokens * exp(random.gauss(0, 0.5)))
    return PlannedStep(shape, tuple(attempts), status, failure, number, tokens, round(tokens * dollars_per_token, 4))


def _hang(shape: StepShape, ready: int, end: int) -> PlannedStep:
    return PlannedStep(shape, (Attempt(ready, end),), ExecutionStatus.TIMED_OUT, None, 0, 0, 0.0)


def _cut(step: PlannedStep, stop: int) -> PlannedStep:
    started = tuple(attempt for attempt in step.attempts if attempt.start < stop)
    if not started:
        return step._replace(attempts=(), status=ExecutionStatus.CANCELLED, failure=None, tokens=0, cost=0.0)
    last = started[-1]
    if last.end > stop:
        return step._replace(
            attempts=(*started[:-1], Attempt(last.start, stop)), status=ExecutionStatus.CANCELLED, tokens=0, cost=0.0
        )
    if len(started) < len(step.attempts):
        # It was waiting for its next attempt, which never comes: the failure stands.
        return step._replace(attempts=started, status=ExecutionStatus.FAILED, tokens=0, cost=0.0)
    return step


def _ticks(milliseconds: float, tick: int) -> int:
    return max(tick, round(milliseconds / tick) * tick)
