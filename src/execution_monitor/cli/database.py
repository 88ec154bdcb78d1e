"""Access to MongoDB for the server, engines and readers: what the command `database` prints."""

import json

from execution_monitor.cli.purposes import Purpose
from execution_monitor.development.mongodb.embedded_mongodb import EmbeddedMongoDB, embedded_mongodb
from execution_monitor.development.progress import show_activity
from execution_monitor.settings import Settings
from execution_monitor.storage.database_roles import ENGINE, READER, SERVER, DatabaseRole

_INTRODUCTION = """\
// For mongosh, as a user who may create roles and users. It asks for the password of each user.
// Where a role exists already, write updateRole in place of createRole."""


_ROLES = {Purpose.SERVER: SERVER, Purpose.ENGINE: ENGINE, Purpose.READER: READER}


def describe_access(settings: Settings, purpose: Purpose | None) -> str:
    """The connection string of the embedded MongoDB for `purpose`, to read without one.

    Where `settings` name another MongoDB: the commands for mongosh that create the role and user of `purpose`, or of
    each without one.

    Raises:
        SetupError: the embedded MongoDB cannot be started.
    """
    if settings.mongodb_uri is not None:
        return _commands_for(settings.database, [_ROLES[each] for each in Purpose if purpose in (each, None)])
    # Starting it makes its users.
    with embedded_mongodb(settings.data_dir, settings.database, report=show_activity) as mongodb:
        return _uri_for(mongodb, purpose or Purpose.READER)


def _uri_for(mongodb: EmbeddedMongoDB, purpose: Purpose) -> str:
    uris = {Purpose.SERVER: mongodb.uri, Purpose.ENGINE: mongodb.engine_uri, Purpose.READER: mongodb.reader_uri}
    return uris[purpose]


def _commands_for(database: str, roles: list[DatabaseRole]) -> str:
    """Commands of mongosh, each on a line of its own: JSON is JavaScript, too."""
    handle = f"db.getSiblingDB({json.dumps(database)})"
    lines = [_INTRODUCTION]
    for role in roles:
        definition = {"role": role.name, "privileges": role.privileges(database), "roles": list[str]()}
        lines.append(f"{handle}.createRole({json.dumps(definition)})")
        lines.append(
            f'{handle}.createUser({{"user": "{role.name}", "pwd": passwordPrompt(), "roles": ["{role.name}"]}})'
        )
    return "\n".join(lines)
