"""Listening sockets, and how many connections the limit of open files leaves room for."""

import contextlib
import errno
import resource
import socket
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from execution_monitor.errors import SetupError
from execution_monitor.settings import Settings

# Open files that are no connections of clients: those of MongoDB and of an issuer, and plain files.
_RESERVED = 256


@dataclass(frozen=True, slots=True)
class Options:
    """The options or variables that choose another address, for error messages."""

    host: str = "--host"
    port: str = "--port"


_COMMAND_LINE = Options()
_METRICS = Options("EXECUTION_MONITOR_METRICS_HOST", "EXECUTION_MONITOR_METRICS_PORT")


def bind(host: str, port: int, options: Options = _COMMAND_LINE) -> socket.socket:
    """A socket that listens at `host` and `port`; raises `SetupError` with advice when that is impossible."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise SetupError(f"{host} is no address of this machine; pass another with {options.host}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two sockets can be bound to one port, but only one can listen: this must fail now, not later.
        listener.listen()
    except OSError as error:
        listener.close()
        raise SetupError(_advise(error, host, port, options)) from error
    listener.set_inheritable(True)
    return listener


def _advise(error: OSError, host: str, port: int, options: Options) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use; stop what uses it, or choose another with {options.port}."
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than you have; choose one above 1023 with {options.port}."
    return f"{host} is no address of this machine; pass another with {options.host}."


@contextlib.contextmanager
def metrics_listener(settings: Settings, main: socket.socket, worker: int = 0) -> Generator[Sequence[socket.socket]]:
    """The listener where `worker` serves `/metrics` without a token, if it is configured; closed in the end."""
    if settings.metrics_port is None:
        yield ()
        return
    port = settings.metrics_port + worker
    if port == main.getsockname()[1]:
        # At another address both could listen; but the port alone decides whether a request needs a token.
        raise SetupError(f"Port {port} is the server's own; choose another with {_METRICS.port}.")
    with bind(settings.metrics_host, port, _METRICS) as listener:
        yield (listener,)


def make_room_for_sockets(wanted: int) -> int:
    """Raise the limit of open files for `wanted` sockets, as far as allowed; for how many there is room then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    limit = wanted + _RESERVED if hard == resource.RLIM_INFINITY else min(wanted + _RESERVED, hard)
    if soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return max(1, min(wanted, max(soft, limit) - _RESERVED))
