"""An incident: from one moment on runs of a workflow fail in the same new way, and their retries do not help."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import count

from execution_monitor.development.synthetic.failures import CERTIFICATE_EXPIRED
from execution_monitor.development.synthetic.runs import Run, RunIdentity, generate_retry, generate_run
from execution_monitor.development.synthetic.users import Owner
from execution_monitor.development.synthetic.workflows import BY_NAME, Workflow

# So many runs fail, about one in seven minutes, and each is tried so often.
RUNS = 16
ATTEMPTS = 3
EXECUTIONS = RUNS * ATTEMPTS
_EVERY = timedelta(minutes=6, seconds=41)
_CLOCK = time(3, 3, 12)
# One that has only just begun has no retries to look at.
_BEGAN_AGO = timedelta(minutes=10)


def last_incident(now: datetime) -> datetime:
    """The last time that it was 03:03 in the time zone of `now`."""
    begins = now.replace(hour=_CLOCK.hour, minute=_CLOCK.minute, second=_CLOCK.second, microsecond=0)
    return begins if begins <= now - _BEGAN_AGO else begins - timedelta(days=1)


def incident_families(
    begins: datetime, now: datetime, all_owners: tuple[Owner, ...], identify: Callable[[int, datetime], RunIdentity]
) -> Iterator[list[Run]]:
    """The runs that fail until `now`, each with its retries; `identify` names each by its number."""
    workflow, numbers = _broken(BY_NAME["ci-pipeline"]), count()
    for position in range(RUNS):
        created = begins + position * _EVERY
        if created > now:
            return
        owner = all_owners[position % len(all_owners)]
        family = [generate_run(owner, workflow, identify(next(numbers), created))]
        while len(family) < ATTEMPTS:
            identity = identify(next(numbers), created)
            retry = generate_retry(family[-1], identity.execution_id, identity.seed)
            if retry.created > now:
                break
            family.append(retry)
        yield family


def _broken(workflow: Workflow) -> Workflow:
    """`workflow` with tests that all fail, and nothing else that does."""
    steps = tuple(
        replace(step, failure_rate=1.0, failures=(CERTIFICATE_EXPIRED,))
        if step.kind == "test"
        else replace(step, failure_rate=0.0)
        for step in workflow.steps
    )
    return replace(workflow, steps=steps, hang_rate=0.0, cancel_rate=0.0)
