"""What was used lately, so much of it and no more."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class Recent(Generic[Kept]):
    """The `size` values that were used last; those that are not to be found are made anew."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()

    def get(self, key: Hashable) -> Kept | None:
        """The value under `key`, which is then the most recent one."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, value: Kept) -> None:
        """Keep `value`, and let go of what was not used for longest."""
        self._kept[key] = value
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
