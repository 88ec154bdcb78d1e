"""Absent arguments."""

from typing import TypeVar

from strawberry import UNSET

Value = TypeVar("Value")


def present(value: Value | None) -> Value | None:
    """`value`, or None where it is absent: Relay sends null for an absent variable, so that both mean the same."""
    return None if value is UNSET else value
