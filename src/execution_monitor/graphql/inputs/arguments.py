"""Arguments that were left out."""

from typing import TypeVar

from strawberry import UNSET

Value = TypeVar("Value")


def present(value: Value | None) -> Value | None:
    """`value`, or None where it was left out: Relay sends an explicit null for an absent variable, so both mean it."""
    return None if value is UNSET else value
