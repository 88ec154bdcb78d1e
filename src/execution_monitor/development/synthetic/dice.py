"""Chance that can be repeated: the same seed, the same rolls."""

from random import Random


def dice(seed: int) -> Random:
    """A source of chance of its own for `seed`, whose neighbours have nothing in common with it."""
    return Random(seed)  # noqa: S311 - data look like life; nothing is kept secret with it
