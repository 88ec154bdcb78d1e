"""Settings for a developer's machine: where they name no signing secret, one is made and kept."""

import os
import secrets
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from execution_monitor.errors import SetupError
from execution_monitor.settings import Settings

_SECRET_BYTES = 48
_ROLES_EXAMPLE = '{"viewer": ["executions:read"]}'


def read_settings() -> Settings:
    """Read the settings from the environment, and make a signing secret if they name none.

    Raises:
        SetupError: If a variable is invalid; the message names the first.
    """
    try:
        settings = Settings()
    except (SettingsError, RecursionError) as error:
        # Its message names the field; the position in the JSON is in its cause.
        raise SetupError(f"EXECUTION_MONITOR_ROLES: write JSON, such as {_ROLES_EXAMPLE}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        setting, *place = map(str, first["loc"] or ("",))
        within = f" ({', '.join(place)})" if place else ""
        name = f"EXECUTION_MONITOR_{setting.upper()}{within}: " if setting else ""
        raise SetupError(f"{name}{first['msg'].removeprefix('Value error, ')}") from error
    if settings.jwt_secret is not None or settings.trusts_an_issuer:
        return settings
    secret = SecretStr(development_secret(settings.data_dir))
    return settings.model_copy(update={"jwt_secret": secret, "environment": "development"})


def development_secret(data_dir: Path) -> str:
    """The signing secret kept in `data_dir`, made at the first call and readable by its owner alone.

    Raises:
        SetupError: If the file cannot be written or read.
    """
    path = data_dir / "development-secret"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = path.with_suffix(f".{os.getpid()}")
        own.touch(mode=0o600)
        own.write_text(secrets.token_urlsafe(_SECRET_BYTES), encoding="ascii")
        try:
            # The first process to link decides; any other finds a whole file.
            path.hardlink_to(own)
        except FileExistsError:
            pass
        finally:
            own.unlink()
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise SetupError(
            f"{path} cannot be used ({error.strerror}); set EXECUTION_MONITOR_DATA_DIR to a folder of your own."
        ) from error
