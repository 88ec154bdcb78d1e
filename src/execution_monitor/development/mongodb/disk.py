"""Errors of a disk that is full or not writable, as messages that say what to do."""

import contextlib
import errno
import shutil
from collections.abc import Generator
from pathlib import Path

from execution_monitor.errors import SetupError

_MEBIBYTE = 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextlib.contextmanager
def explained(folder: Path, setting: str) -> Generator[None]:
    """Turn an `OSError` of the block, which works in `folder`, into a `SetupError` that names `setting` to move it."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise full(folder, setting) from error
        reason = error.strerror or type(error).__name__
        raise SetupError(
            f"{error.filename or folder} cannot be used ({reason}): "
            f"make it writable for you, or set {setting} to another folder."
        ) from error


def full(folder: Path, setting: str) -> SetupError:
    """The error for a disk without space left."""
    return SetupError(
        f"The disk that holds {folder} is full: free some space, or set {setting} to a folder on another disk."
    )


def is_full(folder: Path) -> bool:
    """Whether the disk that holds `folder` has less than a MiB left."""
    return shutil.disk_usage(folder).free < _MEBIBYTE


def require_space(folder: Path, mebibytes: int, setting: str) -> None:
    """Raise `SetupError` unless the disk that holds `folder` has `mebibytes` left."""
    free = shutil.disk_usage(folder).free // _MEBIBYTE
    if free < mebibytes:
        raise SetupError(
            f"{folder} needs {mebibytes} MiB and its disk has {free} MiB left: "
            f"free some space, or set {setting} to a folder on another disk."
        )
