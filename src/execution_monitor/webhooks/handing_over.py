"""Handing over: what this process puts into the outbox goes to its own sender, as far as that has places.

It is put in claimed, so that no other write and no look comes between a change and its receiver. As every claim, it
runs out where the process is killed.
"""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from execution_monitor.storage.rows import BsonDocument
from execution_monitor.webhooks.outbox import Outbox, claim_from, new_claim


class LocalSender(Protocol):
    """The sender of this process; see `DeliveryLoop`."""

    def wake(self) -> None:
        """Look at once for what is due."""
        ...

    def keep_places(self, hosts: Sequence[str]) -> Sequence[bool]:
        """Keep places for deliveries to these hosts; returns which have one."""
        ...

    def free_places(self, hosts: Iterable[str]) -> None:
        """Free places that were kept."""
        ...

    def send(self, claimed: BsonDocument) -> bool:
        """Send a delivery that has been put in, claimed, and has a place; whether this process still sends."""
        ...


class HandingOver:
    """Puts deliveries into `outbox` and hands them to `sender`."""

    def __init__(self, outbox: Outbox, sender: LocalSender) -> None:
        self._outbox = outbox
        self._sender = sender
        # Claims that may be stored, and by which nothing is sent.
        self._unsent = list[tuple[Sequence[str], str]]()

    async def put(self, rows: Sequence[BsonDocument], now: datetime) -> None:
        """Put deliveries in, and have the sender of this process send those that it has places for."""
        if not rows:
            return
        await self._give_up_claims()
        claim, places = new_claim(), self._sender.keep_places([row["host"] for row in rows])
        claimed = [row for row, has_place in zip(rows, places, strict=True) if has_place]
        for row in claimed:
            row.update(claim_from(now, claim))
        try:
            known = await self._outbox.put(rows)
        except BaseException:
            self._sender.free_places(row["host"] for row in claimed)
            self._unsent.append(([row["_id"] for row in claimed], claim))
            raise
        # Of what was put in before, by this process or another, the claim of then holds.
        self._sender.free_places(row["host"] for row in claimed if row["_id"] in known)
        unsent = [row["_id"] for row in claimed if row["_id"] not in known and not self._sender.send(row)]
        if unsent:
            self._unsent.append((unsent, claim))
            await self._give_up_claims()
        if len(claimed) < len(rows):
            self._sender.wake()

    async def _give_up_claims(self) -> None:
        """Have any sender take at once what was put in, claimed, and is not sent from here."""
        while self._unsent:
            ids, claim = self._unsent[-1]
            await self._outbox.free(ids, claim)
            with contextlib.suppress(ValueError):
                # Another tenant's changes may have come by here meanwhile.
                self._unsent.remove((ids, claim))
