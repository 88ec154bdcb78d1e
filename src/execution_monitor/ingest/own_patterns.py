"""Patterns of the operator's own that are masked beside what looks like a secret anywhere.

They are matched by RE2, which takes one walk over a text whatever the pattern; Python's engine may take years.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from execution_monitor.errors import SetupError

_SETTING = "EXECUTION_MONITOR_INGEST_REDACT"


class Pattern(Protocol):
    """A pattern of RE2: what is used of it."""

    def search(self, text: str, /) -> object | None:
        """The first match, or None."""
        ...

    def sub(self, replacement: Callable[[Any], str], text: str, /) -> str:
        """The text with each match replaced."""
        ...


def compile_patterns(patterns: Sequence[str]) -> Pattern | None:
    """One pattern that matches where one of `patterns` does, or None without any.

    Raises:
        SetupError: one of them is no regular expression of RE2, or matches an empty text.
    """
    if not patterns:
        return None
    # Few configure patterns, and it takes a hundredth of the start.
    re2 = importlib.import_module("re2")
    options = re2.Options()
    options.log_errors = False
    for pattern in patterns:
        try:
            compiled = re2.compile(pattern, options)
        except re2.error as error:
            reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error
            raise SetupError(
                f"{_SETTING}: {pattern!r} is no regular expression of RE2 ({reason}). "
                "Look-around and references to groups are not possible."
            ) from error
        if compiled.search("") is not None:
            raise SetupError(f"{_SETTING}: {pattern!r} matches an empty text, and so everywhere.")
    return re2.compile("|".join(f"(?:{each})" for each in patterns), options)
