"""Signatures of deliveries by Standard Webhooks: the headers by which a receiver knows who sent a body, and when."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook as Signer

_SECRET_BYTES = 32
_PREFIX = "whsec_"


def new_secret() -> str:
    """A secret that its owner shares with the receiver: `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


def signed_headers(delivery_id: str, body: str, secrets_: Sequence[str], now: datetime) -> Mapping[str, str]:
    """The headers of one attempt to deliver `body`, signed with each of the secrets.

    The id stays the same over all attempts, so that receivers recognise what they have; the time is that of the
    attempt, since they refuse what is older than five minutes.
    """
    now = now.astimezone(UTC)
    return {
        "content-type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Signer(each).sign(delivery_id, now, body) for each in secrets_),
    }
