"""The folder of one mongod: its data, its log, its key and the port it answers on."""

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
DATA_SETTING = "EXECUTION_MONITOR_DATA_DIR"


@dataclass(frozen=True, slots=True)
class MongodFolder:
    """Where one mongod keeps its data, log, key and port."""

    path: Path

    @property
    def data(self) -> Path:
        """MongoDB's own files."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """What the running server says; that of the one before is beside it."""
        return self.path / "mongod.log"

    @property
    def key(self) -> Path:
        """The secret of the replica set, from which the passwords are derived."""
        return self.path / "key"

    @property
    def port(self) -> Path:
        """The port of the last start, in decimal."""
        return self.path / "port"

    def create(self) -> None:
        """Make what is missing, for this user's eyes only."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        self.data.mkdir(mode=0o700, exist_ok=True)

    def ensure_key(self) -> None:
        """Make the key unless there is one."""
        if not self.key.exists():
            _write(self.key, secrets.token_hex(128))

    def choose_port(self) -> int:
        """The port of the last start when it is free, else another that is; remembered for the next start."""
        try:
            preferred = int(self.port.read_text())
        except (FileNotFoundError, ValueError):
            preferred = 0
        try:
            port = _bind(preferred)
        except (OSError, OverflowError):
            port = _bind(0)
        if port != preferred:
            _write(self.port, str(port))
        return port


def _bind(port: int) -> int:
    with socket.socket() as listener:
        # As mongod does: a connection that has just ended does not occupy the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        return int(listener.getsockname()[1])


def _write(path: Path, text: str) -> None:
    """Write whole or not at all, for this user's eyes only."""
    staged = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
