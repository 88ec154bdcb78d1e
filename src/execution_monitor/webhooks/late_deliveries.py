"""Late deliveries: what an attempt long after the change may still show of an execution.

An execution may have gone to another owner since, or been deleted. So what is not sent at once is compared with the
execution as it is stored now.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any

import bson

from execution_monitor.live.changes import DECODED
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.webhooks.grouped_reads import GroupedReads
from execution_monitor.webhooks.images import FACTS, decode_image
from execution_monitor.webhooks.messages import MayNotBeSent
from execution_monitor.webhooks.outbox import claimed_at
from execution_monitor.webhooks.sending_webhooks import SendingWebhook

# A change that is sent sooner is sent as live updates send it. Every attempt but the first is late.
LATE_AFTER = timedelta(seconds=5)
_TIMEOUT_MS = 5_000
_FACTS = dict.fromkeys(FACTS, 1)
_ID = "_id"


class LateDeliveries:
    """The deliveries of one `database` that are sent late.

    Those that are sent at the same time share a query: where many wait, as after an outage, one for each would make
    them wait for longer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._executions = GroupedReads(self._read_all)

    async def close(self) -> None:
        """End the query that is on its way."""
        await self._executions.close()

    async def limit(self, claimed: BsonDocument, webhook: SendingWebhook) -> BsonDocument:
        """What of a claimed delivery may be sent now; an execution that is deleted since is left out.

        Raises:
            MayNotBeSent: The owner of the webhook may no longer see the execution.
            PyMongoError, DatabaseUnavailable: MongoDB did not say.
        """
        image, may_see = claimed.get("image"), webhook.may_see
        if image is None or may_see is None or not is_late(claimed):
            return claimed
        row = decode_image(image)
        # By its own id: the one that engines give may be that of another execution now.
        now = await self._executions.find(_key_of(row.get("_id")))
        if not may_see(row if now is None else now):
            raise MayNotBeSent("Its owner may no longer see the execution.")
        if now is not None:
            return claimed
        # As one that was enqueued without an image, by rights of which the image has shown that they are enough.
        return {**claimed, "image": None, "changed": None, "rights_revision": webhook.rights_revision}

    async def _read_all(self, keys: AbstractSet[bytes]) -> Mapping[bytes, Row]:
        ids = [_id_in(key) for key in keys]
        reading = self._database.collection(Execution).find({"_id": {"$in": ids}}, _FACTS).to_list()
        return {_key_of(row["_id"]): row for row in await await_reply(reading, _TIMEOUT_MS)}


def _key_of(stored_id: Any) -> bytes:
    """The id of an execution as BSON: as Python values, the ids 1 and true would be one, and a document none at all."""
    return bson.encode({_ID: stored_id}, codec_options=DECODED)


def _id_in(key: bytes) -> Any:
    return bson.decode(key, codec_options=DECODED)[_ID]  # pyright: ignore[reportUnknownMemberType] - an overload is open


def is_late(claimed: BsonDocument) -> bool:
    """Whether a claimed delivery is sent so long after its change that the execution may be another's."""
    # The feeder may have been behind, the webhook paused, or the delivery may have been sent again by its owner.
    since: datetime = min(claimed["occurred_at"], claimed["created"])
    return claimed["attempts"] > 1 or claimed_at(claimed) - since > LATE_AFTER
