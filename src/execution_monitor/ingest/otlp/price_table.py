"""A row of the price table, the setting `EXECUTION_MONITOR_INGEST_PRICES`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_MILLION = 1_000_000

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """What a million tokens cost; cached ones as much as others of the input, unless they have a price of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Amount = 0.0
    output: Amount = 0.0
    cached: Amount | None = None

    def of(self, *, input_tokens: int, output_tokens: int, cached_tokens: int) -> float:
        """What so many tokens cost."""
        # Some count cached tokens among those of the input, as the conventions say; some do not.
        uncached = input_tokens - cached_tokens if cached_tokens <= input_tokens else input_tokens
        cached = self.input if self.cached is None else self.cached
        return (uncached * self.input + cached_tokens * cached + output_tokens * self.output) / _MILLION
