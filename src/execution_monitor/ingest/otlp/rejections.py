"""Rejections: the spans or log records of a request that were not stored, as the sender is told of them."""

from dataclasses import dataclass, field

# Of different problems; more of them say no more.
_MAX_PROBLEMS = 3


@dataclass(slots=True)
class Rejections:
    """How many spans or log records of a request were not stored, and why."""

    count: int = 0
    _problems: dict[str, None] = field(default_factory=dict[str, None])

    @property
    def message(self) -> str:
        """The reasons, as sentences; empty when there are none."""
        return " ".join(f"{each[:1].upper()}{each[1:]}." for each in self._problems)

    def add(self, count: int, problem: str) -> None:
        """Add `count` spans or log records that were not stored for one reason."""
        self.count += count
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems[problem.rstrip(".")] = None
