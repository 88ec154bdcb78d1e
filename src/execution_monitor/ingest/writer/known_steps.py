"""Steps that this process has written: they are updated at once, where others are tried to be inserted first."""

from collections.abc import Iterable

from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.step_limit import StepKey
from execution_monitor.lru_cache import LruCache

_REMEMBERED = 100_000


class KnownSteps:
    """The steps that were written last."""

    def __init__(self) -> None:
        self._steps = LruCache[Owner](_REMEMBERED)

    def has(self, owner: Owner, key: StepKey) -> bool:
        """Whether it was written, and so is stored unless it has been deleted since."""
        return self._steps.get((owner.tenant_id, *key)) == owner

    def add(self, owner: Owner, keys: Iterable[StepKey]) -> None:
        """Remember that these are stored."""
        for key in keys:
            self._steps.put((owner.tenant_id, *key), owner)
