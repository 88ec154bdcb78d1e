"""What settings leave open, filled in on one's own machine: a secret of its own, an embedded MongoDB."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import TypeVar

from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from execution_monitor.development.mongodb.embedded_mongodb import embedded_mongodb
from execution_monitor.development.progress import working
from execution_monitor.development.secret import development_secret
from execution_monitor.errors import SetupError
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database, open_database

Result = TypeVar("Result")

_ROLES_EXAMPLE = '{"viewer": ["executions:read"]}'


def read_settings() -> Settings:
    """The environment's settings, with a secret; raises `SetupError` that names the first wrong variable."""
    try:
        settings = Settings()
    except SettingsError as error:
        # Its message names the field; the parser's own position in the JSON is its cause.
        raise SetupError(f"EXECUTION_MONITOR_ROLES: write JSON, such as {_ROLES_EXAMPLE}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = f"EXECUTION_MONITOR_{str(first['loc'][0]).upper()}: " if first["loc"] else ""
        raise SetupError(f"{name}{first['msg'].removeprefix('Value error, ')}") from error
    if settings.jwt_secret is not None or settings.trusts_an_issuer:
        return settings
    secret = SecretStr(development_secret(settings.data_dir))
    return settings.model_copy(update={"jwt_secret": secret, "environment": "development"})


@contextlib.contextmanager
def running_database(settings: Settings) -> Generator[Settings]:
    """`settings` with a MongoDB that runs for as long as the block does: the one they name, else an embedded one."""
    if settings.mongodb_uri is not None:
        yield settings
        return
    with embedded_mongodb(settings.data_dir, settings.database, report=working) as mongodb:
        yield settings.model_copy(update={"mongodb_uri": SecretStr(mongodb.uri)})


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncGenerator[Database]:
    """The documents are bound to the database of `settings`, on this event loop, and its indexes stand."""
    uri = settings.mongodb_uri.get_secret_value() if settings.mongodb_uri else ""
    async with open_database(uri, settings.database) as database:
        await database.connect()
        await database.prepare()
        yield database


def run_connected(settings: Settings, work: Callable[[], Awaitable[Result]]) -> Result:
    """The result of `work`, done while `connected`."""

    async def run() -> Result:
        async with connected(settings):
            return await work()

    return asyncio.run(run())
