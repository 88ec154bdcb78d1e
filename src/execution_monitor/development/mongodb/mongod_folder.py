"""The folder of one mongod: its data, its log, its key and its port."""

import os
import random
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
DATA_SETTING = "EXECUTION_MONITOR_DATA_DIR"

# Below the ephemeral ports: an outgoing connection could occupy one of those while the server is down.
_PORTS = range(20_000, 32_000)
_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class MongodFolder:
    """The paths of one mongod, and its port."""

    path: Path

    @property
    def data(self) -> Path:
        """MongoDB's own files."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """The log of the running server; that of the one before is beside it."""
        return self.path / "mongod.log"

    def read_log(self) -> str:
        """The text of the log; invalid bytes are replaced."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def key(self) -> Path:
        """The secret of the replica set, from which the passwords are derived."""
        return self.path / "key"

    @property
    def port(self) -> Path:
        """The port that the data are set up for, in decimal."""
        return self.path / "port"

    @property
    def holds_data(self) -> bool:
        """Whether a mongod has written data."""
        return (self.data / "WiredTiger").exists()

    def create(self) -> None:
        """Create what is missing, readable by this user alone."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        self.data.mkdir(mode=0o700, exist_ok=True)

    def ensure_key(self) -> None:
        """Create the key unless there is one."""
        if not self.key.exists():
            _write(self.key, secrets.token_hex(128))

    def known_port(self) -> int | None:
        """The port that the data are set up for, if it is known."""
        try:
            return int(self.port.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def free_port(self) -> int:
        """The known port when nothing listens on it, else another."""
        known = self.known_port()
        others = random.sample(_PORTS, _CANDIDATES)
        return next(port for port in (known, *others) if port is not None and _is_free(port))

    def is_listened_to(self) -> bool:
        """Whether something listens on the known port."""
        port = self.known_port()
        return port is not None and not _is_free(port)

    def forget_port(self) -> None:
        """Delete the record of the port that the data are set up for."""
        self.port.unlink(missing_ok=True)

    def remember_port(self, port: int) -> None:
        """Record that the data are set up for `port`."""
        _write(self.port, str(port))


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        # As mongod does: a connection that has just ended does not occupy the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError):
            return False
        return True


def _write(path: Path, text: str) -> None:
    """Write the whole file or nothing, readable by this user alone."""
    staged = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
