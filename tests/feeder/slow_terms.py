"""Terms that take a while to begin, so that all tenants of a first batch are there before the first is done."""

import asyncio

import pytest

from execution_monitor.feeder.sessions import TransactionSessions


def begin_slowly(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let each beginning of a term last until others have come; returns the terms that have begun, as they do."""
    terms, begin = list[int](), TransactionSessions._begin  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    async def begin_after_others(sessions: TransactionSessions, term: int) -> None:
        terms.append(term)
        await asyncio.sleep(0.2)
        await begin(sessions, term)

    monkeypatch.setattr(TransactionSessions, "_begin", begin_after_others)
    return terms
