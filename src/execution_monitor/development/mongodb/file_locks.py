"""Locks between processes (flock): held on an open file, and released by the kernel when the process dies."""

import contextlib
import fcntl
import os
from collections.abc import Generator
from pathlib import Path


@contextlib.contextmanager
def open_lock(path: Path) -> Generator[int]:
    """A descriptor of `path`, created if missing, to lock and unlock; closing it at the end unlocks it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Generator[None]:
    """Wait until no other process is in a block locked by the same `path`."""
    with open_lock(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def share(descriptor: int) -> None:
    """Take a shared lock, waiting for an exclusive one to be released."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def is_last(descriptor: int) -> bool:
    """Whether no other process holds the lock; the call may lose this process's own shared lock."""
    return _take(descriptor, fcntl.LOCK_EX)


def is_held(path: Path) -> bool:
    """Whether a process holds an exclusive lock on `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _take(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _take(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
