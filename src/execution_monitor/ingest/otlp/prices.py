"""What calls of models cost."""

import functools
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from execution_monitor.ingest.otlp.genai import Usage
from execution_monitor.ingest.otlp.price_table import Price

# Models that are remembered with their price.
_REMEMBERED = 1_000


class Prices:
    """Prices by patterns of models' names, such as `gpt-4o-mini*`; the first pattern that matches counts."""

    def __init__(self, table: Mapping[str, Price]) -> None:
        self._table = {pattern.lower(): price for pattern, price in table.items()}
        self._find: Callable[[str], Price | None] = functools.lru_cache(_REMEMBERED)(self._look_up)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._table)

    def cost_of(self, usage: Usage) -> float | None:
        """The cost that the sender gave, or else that by the table; None where the model has no price in it."""
        if usage.cost is not None:
            return usage.cost
        price = self._find(usage.model) if usage.model else None
        if price is None:
            return None
        return price.of(
            input_tokens=usage.input_tokens or 0,
            output_tokens=usage.output_tokens or 0,
            cached_tokens=usage.cached_tokens or 0,
        )

    def _look_up(self, model: str) -> Price | None:
        name = model.lower()
        return next((price for pattern, price in self._table.items() if fnmatchcase(name, pattern)), None)
