"""A bounded cache that drops the value which was not used for longest (least recently used)."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class LruCache(Generic[Value]):
    """The `size` values that were used last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """The value of `key`, which becomes the most recent one; None if there is none."""
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def put(self, key: Hashable, value: Value) -> None:
        """Store `value`, and drop the one that was not used for longest when there are too many."""
        self._values[key] = value
        if len(self._values) > self._size:
            self._values.popitem(last=False)

    def drop(self, key: Hashable) -> None:
        """Forget the value of `key`, if there is one."""
        self._values.pop(key, None)
