"""Global object identification (Relay): the Node interface and its ids."""

import strawberry

from execution_monitor.errors import BadUserInput, InvalidCursor
from execution_monitor.storage.cursors import decode_token, encode_token
from execution_monitor.storage.digests import digest_of

MAX_NODES = 100

# How many values the ids of each type hold: the tenant, the id of the object or, for a step, of its execution, and its
# own.
_LENGTHS = {
    "Execution": 2,
    "ExecutionStep": 3,
    "AccessKey": 2,
    "SavedView": 2,
    "Webhook": 2,
    "WebhookDelivery": 2,
    "AlertRule": 2,
    "Alert": 2,
}


@strawberry.interface(description="An object with a global id, which `node` finds again.")
class Node:
    """Relay's Node; an id holds the tenant, since a query without it would go to every shard."""

    id: strawberry.ID = strawberry.field(description="A global id for `node` and caches; opaque.")


def encode_id(type_name: str, *values: object) -> strawberry.ID:
    """The global id of the object of type `type_name` that `values` identify."""
    return strawberry.ID(encode_token(digest_of(type_name), values))


def decode_id(global_id: str) -> tuple[str, tuple[object, ...]]:
    """The type and values of `global_id`.

    Raises:
        BadUserInput: `encode_id` did not make it.
    """
    try:
        digest, values = decode_token(global_id)
    except InvalidCursor as error:
        raise BadUserInput("This id is damaged; pass one exactly as the server gave it.") from error
    for name, length in _LENGTHS.items():
        if digest == digest_of(name) and len(values) == length:
            return name, values
    *others, last = _LENGTHS
    raise BadUserInput(f"This id names no {', '.join(others)} or {last}.")
