"""Counts lost and repeated changes of very many executions at one subscriber, in two bytes an execution.

The executions are numbered, and each begins at a known version. A subscriber that falls behind receives several changes
of one execution as one event (conflation): the version then rises by more than one, and is the last one in the end. The
server counts conflated events; changes that were left out beyond that number, and those missing in the end, are lost.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

GONE = 65_535  # deleted, or no longer visible
_UNKNOWN = 65_534  # since a gap; any next version is right


class BulkLedger:
    """The versions that one subscriber has received; it begins with `versions`, by number."""

    def __init__(self, versions: Sequence[int]) -> None:
        self._versions = array("H", versions)
        self.received = 0
        self.skipped = 0
        self.repeated = 0
        self.gaps = 0

    def record(self, kind: str, number: int, version: int) -> None:
        """Record an event of an execution; `version` counts unless the execution is gone."""
        self.received += 1
        known = self._versions[number]
        if kind == "UPDATED" and version == known + 1:  # as nearly all are, of twenty million
            self._versions[number] = version
        elif kind in {"DELETED", "LEFT"}:
            self.repeated += known == GONE
            self._versions[number] = GONE
        elif known in {_UNKNOWN, GONE} or version == known + 1:
            self._versions[number] = version
        elif version <= known:
            self.repeated += 1
        else:
            self.skipped += version - known - 1
            self._versions[number] = version

    def record_gap(self) -> None:
        """Record a gap: all versions are unknown now."""
        self.gaps += 1
        self._versions = array("H", [_UNKNOWN]) * len(self._versions)

    def close(self, final: Sequence[int]) -> "Tally":
        """The sums, where executions are at the versions `final` in the end, or `GONE`."""
        differing = [(known, end) for known, end in zip(self._versions, final, strict=True) if known != end]
        unreported = sum(known == _UNKNOWN for known, _ in differing)
        missing = sum(1 if GONE in {known, end} else end - known for known, end in differing if known != _UNKNOWN)
        return Tally(self.received, self.skipped, self.repeated, self.gaps, missing, unreported)


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums of one or several ledgers."""

    received: int = 0
    skipped: int = 0  # versions left out before a later one
    repeated: int = 0
    gaps: int = 0
    missing: int = 0  # last versions that were never received
    unreported: int = 0  # executions without an event since a gap

    def lost(self, conflated: int) -> int:
        """The number of lost changes, where the server has conflated so many events into others."""
        return self.missing + max(0, self.skipped - conflated)


def total(tallies: Iterable[Tally]) -> Tally:
    """The sums of all `tallies`."""
    sums: Counter[str] = Counter()
    for each in tallies:
        sums.update(asdict(each))
    return Tally(**sums)
