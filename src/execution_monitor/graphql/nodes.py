"""Global object identification: the Node interface and its ids."""

import strawberry

from execution_monitor.errors import BadUserInput, InvalidCursor
from execution_monitor.storage.cursors import decode_token, digest_of, encode_token

MAX_NODES = 100


@strawberry.interface(description="Anything with a global id.")
class Node:
    """Relay's Node; the id carries the tenant, since a look-up without it would ask every shard."""

    id: strawberry.ID = strawberry.field(description="A global id; opaque.")


def encode_id(type_name: str, *values: object) -> strawberry.ID:
    """The global id of a `type_name` that `values` identify."""
    return strawberry.ID(encode_token(digest_of(type_name), values))


def decode_id(global_id: str, *type_names: str) -> tuple[str, tuple[object, ...]]:
    """The type and values of `global_id`; raises `BadUserInput` unless it is the id of one of `type_names`."""
    try:
        digest, values = decode_token(global_id)
    except InvalidCursor as error:
        raise BadUserInput("This id is damaged; pass one exactly as the server gave it.") from error
    for name in type_names:
        if digest == digest_of(name):
            return name, values
    raise BadUserInput(f"This id is not of a {' or '.join(type_names)}.")
