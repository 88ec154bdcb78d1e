"""What one of many subscribers was told of very many executions: the judge of bulks, in two bytes an execution.

The executions are numbered, and each begins at a version that is known. A subscriber that falls behind is told of
several changes of one execution as one: its version then steps by more than one, and is the last in the end. The server
counts what it has merged; what was left out beyond that, and what was not told in the end, is lost.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

GONE = 65_535  # deleted, or seen no more
_UNKNOWN = 65_534  # since a gap; whatever is told next is news


class BulkLedger:
    """What one subscriber knows: it begins with `versions`, by number."""

    def __init__(self, versions: Sequence[int]) -> None:
        self._versions = array("H", versions)
        self.heard = 0
        self.skipped = 0
        self.repeated = 0
        self.gaps = 0

    def hear(self, kind: str, number: int, version: int) -> None:
        """Take in an event about an execution; `version` counts where it is there."""
        self.heard += 1
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

    def hear_of_gap(self) -> None:
        """Take in that something was missed: nothing is known any more."""
        self.gaps += 1
        self._versions = array("H", [_UNKNOWN]) * len(self._versions)

    def close(self, final: Sequence[int]) -> "Tally":
        """What it comes to when executions are at the versions `final`, or `GONE`."""
        differing = [(known, end) for known, end in zip(self._versions, final, strict=True) if known != end]
        untold = sum(known == _UNKNOWN for known, _ in differing)
        missing = sum(1 if GONE in {known, end} else end - known for known, end in differing if known != _UNKNOWN)
        return Tally(self.heard, self.skipped, self.repeated, self.gaps, missing, untold)


@dataclass(frozen=True, slots=True)
class Tally:
    """What one or several ledgers came to."""

    heard: int = 0
    skipped: int = 0  # versions that were left out before a later one
    repeated: int = 0
    gaps: int = 0
    missing: int = 0  # versions at the end that were never told
    untold: int = 0  # executions of which nothing was told since a gap

    def lost(self, merged: int) -> int:
        """Changes that were lost, where the server has merged so many into others."""
        return self.missing + max(0, self.skipped - merged)


def total(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    sums: Counter[str] = Counter()
    for each in tallies:
        sums.update(asdict(each))
    return Tally(**sums)
