"""The CPU that 1,000 subscribers with different filters over a tenant cost a change: `make bench-filters`.

No sockets: a hub judges changes of executions for topics, as it does for each change that the stream brings. Beside it
stand the same filters evaluated without compiling them once, and filters of which none matches.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Timestamp

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.live.changes import Change, ChangeType, WatchedCollection
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.hub import Hub
from execution_monitor.live.resume_tokens import position_after
from execution_monitor.live.subscriber import BacklogLimits, Subscriber, SubscriberTotals
from execution_monitor.live.topics import ExecutionsTopic, Visibility
from execution_monitor.storage.filters import AllOf, Contains, Filter, HasTag, OneOf, Range, StartsWith, equals
from execution_monitor.storage.relative_filters import Duration, Within
from tests.benchmarks.latest import record

FILTERS = 1_000
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_OPERATOR = Caller("olga", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}))

# What people follow; the number makes each one different.
KINDS: Sequence[Callable[[int], Filter]] = (
    lambda number: AllOf((equals("status", "failed"), Contains("workflow_name", f"etl-{number % 50}"))),
    lambda number: Contains("error_details.message", f"time-out {number % 9}"),
    lambda number: AllOf((OneOf("workflow_name", (f"etl-{number}",)), OneOf("status", ("failed", "timed_out")))),
    lambda number: Range("total_cost", gt=number / 100),
    lambda number: HasTag("team", f"team-{number % 20}"),
    lambda number: AllOf((StartsWith("workflow_name", f"ml-{number}"), Range("created", gte=_NOON))),
    lambda number: OneOf("triggered_by", ("schedule", f"user-{number}")),
    lambda number: AllOf((equals("status", "running"), Duration(gte=60.0 + number))),
    lambda number: AllOf((equals("status", "failed"), Within("created", 3_600 + number))),
    lambda number: equals("session_id", f"session-{number}"),
)
# As `KINDS` has them, where nothing that changes matches.
STRANGERS: Sequence[Callable[[int], Filter]] = (
    lambda number: AllOf((equals("status", "failed"), equals("workflow_name", f"other-{number}"))),
    lambda number: AllOf((equals("status", "timed_out"), Contains("error_details.message", f"no {number}"))),
    lambda number: AllOf((equals("workflow_name", f"other-{number}"), Range("total_cost", gt=number / 100))),
    lambda number: StartsWith("workflow_name", f"ml-{number}"),
    lambda number: equals("session_id", f"session-{number}"),
)


def changes_of(count: int) -> list[Change]:
    """Executions that begin, go on and end, each other one failing."""
    found: list[Change] = []
    for number in range(count):
        before = _row(number, "running")
        after = _row(number, "failed" if number % 2 else "completed")
        position = position_after(Timestamp(1_800_000_000, number + 1))
        found.append(
            Change(
                position,
                WatchedCollection.EXECUTIONS,
                ChangeType.UPDATE,
                before,
                after,
                frozenset({"status", "version"}),
                Timestamp(1_800_000_000, number + 1),
                _NOON + timedelta(minutes=5),
                1_000,
            )
        )
    return found


def _row(number: int, status: str) -> dict[str, Any]:
    failed = {"error_details": {"message": f"time-out {number} of the warehouse", "code": "TIMEOUT"}}
    return {
        "_id": number,
        "tenant_id": "acme",
        "user_id": f"user-{number % 40}",
        "execution_id": f"run-{number}",
        "workflow_name": f"etl-{number % 100}",
        "status": status,
        "created": _NOON + timedelta(seconds=number),
        "started_at": _NOON + timedelta(seconds=number),
        "total_cost": number % 7 / 10,
        "triggered_by": "schedule" if number % 5 == 0 else "api",
        "tags": [{"key": "team", "value": f"team-{number % 40}"}, {"key": "env", "value": "prod"}],
        "version": 2,
        **(failed if status == "failed" else {}),
    }


def cpu_per_change(kinds: Sequence[Callable[[int], Filter]], changes: Sequence[Change]) -> tuple[float, float]:
    """Milliseconds of CPU a change, and events a change."""
    hub, cursors, totals = Hub(), LiveCursors(b"a secret of this benchmark alone"), SubscriberTotals()
    subscribers: list[Subscriber] = []
    for number in range(FILTERS):
        topic = ExecutionsTopic(cursors, Visibility.of(_OPERATOR), kinds[number % len(kinds)](number))
        subscribers.append(Subscriber(topic, BacklogLimits(), totals, position_after(Timestamp(1_800_000_000, 0))))
        hub.join(subscribers[-1])
    hub.publish(changes[:1])
    began = time.process_time()
    for change in changes[1:]:
        hub.publish([change])
    spent = time.process_time() - began
    events = 0
    for subscriber in subscribers:
        while subscriber.take() is not None:
            events += 1
        subscriber.close()
    return spent * 1_000 / (len(changes) - 1), events / len(changes)


def uncompiled(changes: Sequence[Change]) -> float:
    """Milliseconds of CPU a change where each filter is compiled again for each image."""
    wheres = [KINDS[number % len(KINDS)](number) for number in range(FILTERS)]
    began = time.process_time()
    for change in changes:
        for where in wheres:
            bound = where.bind(change.occurred_at)
            for image in (change.before, change.after):
                if image is not None:
                    bound.matches(image)
    return (time.process_time() - began) * 1_000 / len(changes)


def main() -> None:
    """Run, print, and add the figures to `results/latest.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.filters", description=__doc__)
    parser.add_argument("--changes", type=int, default=1_000)
    options = parser.parse_args()
    changes = changes_of(options.changes)
    some, events = cpu_per_change(KINDS, changes)
    none, _ = cpu_per_change(STRANGERS, changes)
    found = {
        "filters_1000_ms_per_change": some,
        "filters_1000_ms_per_change_of_strangers": none,
        "filters_compiled_vs_each_time": some / uncompiled(changes[: min(20, len(changes))]),
    }
    sys.stdout.write(f"{events:.1f} events a change\n")
    sys.stdout.writelines(f"{name}: {value:.3f}\n" for name, value in found.items())
    record(found)


if __name__ == "__main__":
    main()
