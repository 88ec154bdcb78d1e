"""Global object identification: the Node interface and its ids."""

import strawberry

from execution_monitor.errors import BadUserInput, InvalidCursor
from execution_monitor.storage.cursors import decode_token, digest_of, encode_token

MAX_NODES = 100

# What the ids of each type hold: the tenant, the execution's id and, of a step, its own.
_LENGTHS = {"Execution": 2, "ExecutionStep": 3}


@strawberry.interface(description="An object with a global id, which `node` finds again.")
class Node:
    """Relay's Node; the id carries the tenant, since a look-up without it would ask every shard."""

    id: strawberry.ID = strawberry.field(description="A global id for `node` and caches; opaque.")


def encode_id(type_name: str, *values: object) -> strawberry.ID:
    """The global id of a `type_name` that `values` identify."""
    return strawberry.ID(encode_token(digest_of(type_name), values))


def decode_id(global_id: str) -> tuple[str, tuple[object, ...]]:
    """The type and values of `global_id`; raises `BadUserInput` for anything `encode_id` did not make."""
    try:
        digest, values = decode_token(global_id)
    except InvalidCursor as error:
        raise BadUserInput("This id is damaged; pass one exactly as the server gave it.") from error
    for name, length in _LENGTHS.items():
        if digest == digest_of(name) and len(values) == length:
            return name, values
    raise BadUserInput(f"This id names no {' or '.join(_LENGTHS)}.")
