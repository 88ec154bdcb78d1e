"""What calls of models cost: the table of the setting `EXECUTION_MONITOR_INGEST_PRICES`."""

import functools
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from execution_monitor.ingest.otlp.genai import Usage

_MILLION = 1_000_000
# Models that are remembered with their price.
_REMEMBERED = 1_000

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """What a million tokens cost; cached ones as much as others of the input, unless they have a price of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Amount = 0.0
    output: Amount = 0.0
    cached: Amount | None = None

    def of(self, usage: Usage) -> float:
        """What `usage` costs."""
        tokens, cached = usage.input_tokens or 0, usage.cached_tokens or 0
        # Some count cached tokens among those of the input, as the conventions say; some do not.
        uncached = tokens - cached if cached <= tokens else tokens
        cached_price = self.input if self.cached is None else self.cached
        return (uncached * self.input + cached * cached_price + (usage.output_tokens or 0) * self.output) / _MILLION


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
        return None if price is None else price.of(usage)

    def _look_up(self, model: str) -> Price | None:
        name = model.lower()
        return next((price for pattern, price in self._table.items() if fnmatchcase(name, pattern)), None)
