"""Makes a started mongod a writable replica set of one member, and creates its users; can be repeated."""

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError

from execution_monitor.development.mongodb.mongod_folder import HOST
from execution_monitor.development.mongodb.mongod_process import REPLICA_SET
from execution_monitor.errors import SetupError
from execution_monitor.storage.database_roles import ENGINE, READER, SERVER, DatabaseRole

# The user as which members of a replica set authenticate, with the key as password; it exists before any other.
_MEMBER = "__system"
_ALREADY_INITIALIZED = 23
_PRIMARY_SECONDS = 30
_SELECTION_MS = 5_000

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A user of MongoDB, the database that defines it, and its role there: one of ours, or a built-in one by name."""

    user: str
    database: str
    role: DatabaseRole | str


ROOT = Account("root", "admin", "root")


def application_of(database: str) -> Account:
    """The user of the application, who may use `database` alone."""
    return Account("execution-monitor", database, SERVER)


def engine_of(database: str) -> Account:
    """The user of an engine, who may write the executions of `database` with their steps and log lines."""
    return Account("execution-monitor-engine", database, ENGINE)


def reader_of(database: str) -> Account:
    """The user of people with a database tool, who may read the same."""
    return Account("execution-monitor-reader", database, READER)


@dataclass(frozen=True, slots=True)
class Server:
    """A mongod on this machine: its `port`, and the `key` from which every user's password is derived."""

    port: int
    key: str

    @property
    def address(self) -> str:
        """Its address in the configuration of the replica set."""
        return f"{HOST}:{self.port}"

    def password_of(self, account: Account) -> str:
        """The password of `account`, which cannot be guessed without the key."""
        name = f"{account.user}@{account.database}"
        return hmac.new(self.key.encode(), name.encode(), hashlib.sha256).hexdigest()

    def uri(self, account: Account) -> str:
        """The connection string of `account`."""
        options = urlencode({"replicaSet": REPLICA_SET, "authSource": account.database})
        # Tools open the database of the path.
        return (
            f"mongodb://{quote(account.user)}:{self.password_of(account)}@{self.address}/{account.database}?{options}"
        )


def prepare(server: Server, accounts: tuple[Account, ...], *, renew: bool) -> None:
    """Make `server` a primary that admits `accounts`.

    With `renew` the passwords and roles of existing users are set again, since the key or the roles may have changed.

    Raises:
        SetupError: If the server does not become a primary.
        PyMongoError: If a command fails.
    """
    with _connect(server) as client:
        _await_primary(server, client)
        for account in accounts:
            known = client.get_database(account.database).command("usersInfo", account.user)["users"]
            if not known or renew:
                if isinstance(account.role, DatabaseRole):
                    _write_role(account.role, account.database, client)
                _write_account("updateUser" if known else "createUser", account, server, client)


def readdress(server: Server, future: Server) -> None:
    """Write the address of `future` into the replica set's configuration, while `server` runs outside of the set.

    As a member it would first look for itself at the old address, for up to half a minute when another listens there.
    """
    with _connect(server) as client:
        client["local"]["system.replset"].update_one({"_id": REPLICA_SET}, {"$set": {"members.0.host": future.address}})


def _await_primary(server: Server, client: MongoClient[_Row]) -> None:
    deadline = time.monotonic() + _PRIMARY_SECONDS
    known: _Row = {}
    while time.monotonic() < deadline:
        try:
            # The server replies as soon as its state differs from the known one.
            hello = client.admin.command("hello", **known)
            if hello["isWritablePrimary"]:
                return
            if "setName" not in hello:
                _initiate(server, client)
        except ServerSelectionTimeoutError:
            raise
        except AutoReconnect:
            # The server closes connections as its state changes.
            known = {}
        else:
            known = {"topologyVersion": hello["topologyVersion"], "maxAwaitTimeMS": 100}
    raise SetupError(f"MongoDB on {server.address} did not become writable: see its log and try again.")


def _initiate(server: Server, client: MongoClient[_Row]) -> None:
    config = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": server.address}]}
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        # It was initiated in an earlier run, and is still reading its configuration.
        if error.code != _ALREADY_INITIALIZED:
            raise


def _write_role(role: DatabaseRole, database: str, client: MongoClient[_Row]) -> None:
    handle = client.get_database(database)
    known = handle.command("rolesInfo", role.name)["roles"]
    command = "updateRole" if known else "createRole"
    handle.command(command, role.name, privileges=role.privileges(database), roles=[])


def _write_account(command: str, account: Account, server: Server, client: MongoClient[_Row]) -> None:
    client.get_database(account.database).command(
        command,
        account.user,
        pwd=server.password_of(account),
        roles=[account.role if isinstance(account.role, str) else account.role.name],
        # The other mechanism is SCRAM-SHA-1.
        mechanisms=["SCRAM-SHA-256"],
    )


def _connect(server: Server) -> MongoClient[_Row]:
    return MongoClient(
        HOST,
        server.port,
        # The replica set may not be initiated yet.
        directConnection=True,
        serverSelectionTimeoutMS=_SELECTION_MS,
        username=_MEMBER,
        password=server.key,
        authSource="local",
    )
