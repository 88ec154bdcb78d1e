"""Late deliveries: what an attempt long after the change may still show of an execution.

An execution may have gone to another owner since, or been deleted. So what is not sent at once is compared with the
execution as it is stored now.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.webhooks.images import FACTS, decode_image
from execution_monitor.webhooks.messages import MayNotBeSent
from execution_monitor.webhooks.outbox import claimed_at
from execution_monitor.webhooks.sending_webhooks import SendingWebhook

# A change that is sent sooner is sent as live updates send it. Every attempt but the first is late.
LATE_AFTER = timedelta(seconds=5)
_TIMEOUT_MS = 5_000
_FACTS = dict.fromkeys(FACTS, 1)


@dataclass(frozen=True, slots=True)
class LateDeliveries:
    """The deliveries of one database that are sent late."""

    database: Database

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
        executions = self.database.collection(Execution)
        # By its own id: the one that engines give may be that of another execution now.
        now: Any = await await_reply(executions.find_one({"_id": row.get("_id")}, _FACTS), _TIMEOUT_MS)
        if not may_see(row if now is None else now):
            raise MayNotBeSent("Its owner may no longer see the execution.")
        if now is not None:
            return claimed
        # As one that was enqueued without an image, by rights of which the image has shown that they are enough.
        return {**claimed, "image": None, "changed": None, "rights_revision": webhook.rights_revision}


def is_late(claimed: BsonDocument) -> bool:
    """Whether a claimed delivery is sent so long after its change that the execution may be another's."""
    # The feeder may have been behind, the webhook paused, or the delivery may have been sent again by its owner.
    since: datetime = min(claimed["occurred_at"], claimed["created"])
    return claimed["attempts"] > 1 or claimed_at(claimed) - since > LATE_AFTER
