"""The secret that signs tokens on one's own machine."""

import os
import secrets
from pathlib import Path

from execution_monitor.errors import SetupError

_BYTES = 48


def development_secret(data_dir: Path) -> str:
    """The secret kept in `data_dir`, made at the first call; only its owner may read it."""
    path = data_dir / "development-secret"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = path.with_suffix(f".{os.getpid()}")
        own.touch(mode=0o600)
        own.write_text(secrets.token_urlsafe(_BYTES), encoding="ascii")
        try:
            # Whoever links first decides; a process that comes second finds a whole file.
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
