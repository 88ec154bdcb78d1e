"""The documents that seeding writes, in batches; the same options make the same documents."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from bson import ObjectId

from execution_monitor.development.synthetic.arrival_times import Arrival, ArrivalTimes
from execution_monitor.development.synthetic.incident import EXECUTIONS, incident_families
from execution_monitor.development.synthetic.run_documents import execution_at, log_entries_between, steps_at
from execution_monitor.development.synthetic.runs import (
    Run,
    RunIdentity,
    generate_any_run,
    generate_follow_up,
    generate_run,
)
from execution_monitor.development.synthetic.users import Owner, owners
from execution_monitor.development.synthetic.workflows import NIGHTLY, Trigger
from execution_monitor.errors import SetupError
from execution_monitor.storage.rows import BsonDocument

# Measured over 60,000 executions; a test compares it with the real number.
_DOCUMENTS_PER_EXECUTION = 22.7
# Large enough that a round trip does not matter, small enough that making one does not hold up the event loop.
_DOCUMENTS_PER_BATCH = 500
# The last executions are unfinished, so that something happens in a new database, too.
_UNFINISHED_SHARE = 0.02
_UNFINISHED_AT_LEAST = 8
_UNFINISHED_AT_MOST = 300


@dataclass(frozen=True, slots=True)
class SeedOptions:
    """How much to make; with the same `random_seed`, `now` and numbers the documents are the same."""

    executions: int
    users: int = 2  # in each tenant
    tenants: int = 1
    days: int = 30  # how far back the first one was created
    steps: bool = True  # False leaves steps and log lines out
    random_seed: int | None = None  # None: another one each time
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    incident: datetime | None = None  # when one begins, whose executions are beside the others

    def __post_init__(self) -> None:
        # As MongoDB keeps it: to the millisecond.
        object.__setattr__(self, "now", self.now.replace(microsecond=self.now.microsecond // 1000 * 1000))
        for name in ("executions", "users", "tenants", "days"):
            if getattr(self, name) < 1:
                raise SetupError(f"The number of {name} must be at least 1.")

    @property
    def expected_documents(self) -> int:
        """About how many documents this makes, within a few percent: for a progress bar."""
        executions = self.executions + (0 if self.incident is None else EXECUTIONS)
        return round(executions * _DOCUMENTS_PER_EXECUTION) if self.steps else executions


@dataclass(slots=True)
class Batch:
    """Executions that are written together, with their steps and log lines; parents come before their children."""

    executions: list[BsonDocument] = field(default_factory=list[BsonDocument])
    steps: list[BsonDocument] = field(default_factory=list[BsonDocument])
    log_entries: list[BsonDocument] = field(default_factory=list[BsonDocument])

    def __len__(self) -> int:
        return len(self.executions) + len(self.steps) + len(self.log_entries)


def make_batches(options: SeedOptions) -> Iterator[Batch]:
    """All documents, in batches of about 500, the oldest executions first; without a `random_seed` it is 0."""
    random_seed = options.random_seed or 0
    digest = _digest_of(random_seed)
    numbers = count()
    batch = Batch()
    for family in _families(options, random_seed):
        for run in family:
            _add(batch, run, options, digest, numbers)
        if len(batch) >= _DOCUMENTS_PER_BATCH:
            yield batch
            batch = Batch()
    if batch.executions:
        yield batch


def _add(batch: Batch, run: Run, options: SeedOptions, digest: bytes, numbers: Iterator[int]) -> None:
    elapsed = run.elapsed(options.now)
    # As in any ObjectId the second of creation comes first, so that ids sort about as creation times do; then come the
    # digest of the seed, and a number.
    prefix = int(run.created.timestamp()).to_bytes(4) + digest
    execution = execution_at(run, elapsed)
    execution["_id"] = ObjectId(prefix + next(numbers).to_bytes(4))
    batch.executions.append(execution)
    if not options.steps:
        return
    for into, rows in (
        (batch.steps, steps_at(run, elapsed)),
        (batch.log_entries, log_entries_between(run, -1, elapsed)),
    ):
        for row in rows:
            row["_id"] = ObjectId(prefix + next(numbers).to_bytes(4))
        into.extend(rows)


def _families(options: SeedOptions, random_seed: int) -> Iterator[list[Run]]:
    all_owners = owners(options.tenants, options.users)
    arrivals = ArrivalTimes.between(options.now - timedelta(days=options.days), options.now)
    prefix = id_prefix(random_seed)
    unfinished = max(_UNFINISHED_AT_LEAST, int(options.executions * _UNFINISHED_SHARE))
    finished = max(0, options.executions - min(unfinished, _UNFINISHED_AT_MOST))

    ordinal = 0
    while ordinal < finished:
        arrival = arrivals.at_share((ordinal + _jitter(ordinal)) / finished)
        family = [_first(all_owners, arrival, ordinal, prefix, random_seed)]
        while ordinal + len(family) < finished:
            number = ordinal + len(family)
            child = generate_follow_up(family[-1], f"{prefix}{number:07x}", _seed_of(random_seed, number))
            if child is None or child.created > options.now:
                break
            family.append(child)
        ordinal += len(family)
        yield family
    for number in range(finished, options.executions):
        run = generate_any_run(
            all_owners, RunIdentity(f"{prefix}{number:07x}", options.now, _seed_of(random_seed, number))
        )
        elapsed = min(timedelta(milliseconds=int(run.plan.ends * _jitter(number))), timedelta(days=options.days))
        yield [run.created_at(options.now - elapsed)]
    if options.incident is not None:
        yield from _incident(options, options.incident, prefix, random_seed)


def _incident(options: SeedOptions, begins: datetime, prefix: str, random_seed: int) -> Iterator[list[Run]]:
    def identify(number: int, created: datetime) -> RunIdentity:
        # No other execution has such a number.
        ordinal = options.executions + number
        return RunIdentity(f"{prefix}{ordinal:07x}", created, _seed_of(random_seed, ordinal))

    return incident_families(begins, options.now, owners(1, options.users), identify)


def _first(all_owners: tuple[Owner, ...], arrival: Arrival, ordinal: int, prefix: str, random_seed: int) -> Run:
    identity = RunIdentity(f"{prefix}{ordinal:07x}", arrival.at, _seed_of(random_seed, ordinal))
    if arrival.is_nightly:
        return generate_run(all_owners[ordinal % len(all_owners)], NIGHTLY, identity)
    run = generate_any_run(all_owners, identity)
    if run.trigger is Trigger.SCHEDULE:
        return run.created_at(arrival.at.replace(second=0, microsecond=0))
    return run


def _seed_of(random_seed: int, ordinal: int) -> int:
    # Python seeds with all bits, so neighbours have nothing in common.
    return random_seed << 32 | ordinal


def _jitter(ordinal: int) -> float:
    """A number from 0 to 1 for uneven distances between neighbours."""
    return ordinal * 0.6180339887498949 % 1.0


def id_prefix(random_seed: int) -> str:
    """The prefix of the ids of all executions made with `random_seed`, and of no others."""
    return f"exec-{_digest_of(random_seed).hex()}-"


def _digest_of(random_seed: int) -> bytes:
    return hashlib.blake2b(str(random_seed).encode(), digest_size=4).digest()
