"""Turns a started mongod into a writable replica set of one, with its users; what is done already stays as it is."""

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from execution_monitor.development.mongod_folder import DATA_SETTING, HOST
from execution_monitor.development.mongod_process import REPLICA_SET
from execution_monitor.errors import SetupError

ROOT = "root"
APPLICATION = "execution-monitor"

_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18
_ALREADY_INITIALIZED = 23
_NOT_YET_INITIALIZED = 94
_PRIMARY_SECONDS = 30
_SELECTION_MS = 5_000

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """A mongod on this machine: its `port`, and the `key` from which every user's password is derived."""

    port: int
    key: str

    @property
    def address(self) -> str:
        """How it names itself in the replica set's configuration."""
        return f"{HOST}:{self.port}"

    def password_of(self, user: str, database: str) -> str:
        """The password of `user` in `database`: random to whoever does not know the key."""
        return hmac.new(self.key.encode(), f"{user}@{database}".encode(), hashlib.sha256).hexdigest()

    def uri(self, user: str, database: str) -> str:
        """The connection string of `user`, who is defined in `database`."""
        options = urlencode({"replicaSet": REPLICA_SET, "authSource": database})
        return f"mongodb://{quote(user)}:{self.password_of(user, database)}@{self.address}/?{options}"


def prepare(server: Server, database: str) -> None:
    """Make `server` a primary, with a root user and the application's on `database`.

    Raises `SetupError` when it does not become one or its users are of another key, and `PyMongoError`.
    """
    with _connect(server) as anyone:
        _await_primary(server, anyone)
        try:
            _admit_application(server, database)
        except OperationFailure as error:
            if error.code != _AUTHENTICATION_FAILED:
                raise
            _create_root(server, anyone)
            _admit_application(server, database)


def _await_primary(server: Server, anyone: MongoClient[_Row]) -> None:
    deadline = time.monotonic() + _PRIMARY_SECONDS
    hello = anyone.admin.command("hello")
    while not hello["isWritablePrimary"]:
        if time.monotonic() > deadline:
            raise SetupError(f"MongoDB on {server.address} did not become writable: see its log and try again.")
        if "setName" not in hello:
            _configure(server, anyone)
        # Answers as soon as something changes.
        hello = anyone.admin.command("hello", topologyVersion=hello["topologyVersion"], maxAwaitTimeMS=100)


def _configure(server: Server, anyone: MongoClient[_Row]) -> None:
    member = {"_id": 0, "host": server.address}
    try:
        anyone.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
    except OperationFailure as error:
        # The answers of a set that has been initiated: with users, and without yet.
        if error.code not in (_UNAUTHORIZED, _ALREADY_INITIALIZED):
            raise
        with _connect(server, ROOT) as root:
            _correct_address(server, root)


def _correct_address(server: Server, root: MongoClient[_Row]) -> None:
    """On another port than last time the server does not find itself in its set's configuration."""
    try:
        config = root.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise _wrong_key(server) from error
        if error.code != _NOT_YET_INITIALIZED:  # it is still reading its configuration
            raise
        return
    if config["members"][0]["host"] != server.address:
        config["members"][0]["host"] = server.address
        config["version"] += 1
        root.admin.command("replSetReconfig", config, force=True)


def _admit_application(server: Server, database: str) -> None:
    with _connect(server, ROOT) as root:
        if not root.get_database(database).command("usersInfo", APPLICATION)["users"]:
            # dbAdmin for indexes, and for the pre- and post-images of collections that exist.
            _create_user(server, root, database, APPLICATION, ["readWrite", "dbAdmin"])


def _create_root(server: Server, anyone: MongoClient[_Row]) -> None:
    try:
        # Allowed without a password from this machine as long as there is no user.
        _create_user(server, anyone, "admin", ROOT, ["root"])
    except OperationFailure as error:
        if error.code == _UNAUTHORIZED:
            raise _wrong_key(server) from error
        raise


def _create_user(server: Server, client: MongoClient[_Row], database: str, user: str, roles: list[str]) -> None:
    client.get_database(database).command(
        "createUser",
        user,
        pwd=server.password_of(user, database),
        roles=roles,
        # The other mechanism is SCRAM-SHA-1.
        mechanisms=["SCRAM-SHA-256"],
    )


def _wrong_key(server: Server) -> SetupError:
    return SetupError(
        f"The embedded MongoDB on {server.address} was set up with another key: restore the file `key` beside its "
        f"data, or set {DATA_SETTING} to another folder."
    )


def _connect(server: Server, user: str | None = None) -> MongoClient[_Row]:
    # Direct: the set may not be there yet, or hold another port.
    return MongoClient(
        HOST,
        server.port,
        directConnection=True,
        serverSelectionTimeoutMS=_SELECTION_MS,
        username=user,
        password=None if user is None else server.password_of(user, "admin"),
    )
