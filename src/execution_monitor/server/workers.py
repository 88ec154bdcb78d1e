"""Worker processes that share one port: started, replaced when they die, and stopped together."""

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any

import structlog

from execution_monitor.errors import ExecutionMonitorError, SetupError
from execution_monitor.observability.logging import configure_logging
from execution_monitor.server.listeners import metrics_listener
from execution_monitor.server.uvicorn_server import Server
from execution_monitor.settings import Settings

log = structlog.get_logger()

CreateApp = Callable[[Settings], Any]

_TICK_SECONDS = 0.2
# Between two starts of a worker: one that dies at once must not keep a processor busy.
_RESTART_SECONDS = 1.0
# How long workers have to stop, after one signal and after two; then they are killed. A healthy one takes less.
_STOP_SECONDS = 9.0
_FORCED_STOP_SECONDS = 2.0
# uvicorn's exit code when the application did not start.
_NOT_STARTED = 3


def run_workers(create_app: CreateApp, settings: Settings, listener: socket.socket, count: int) -> None:
    """Serve from `count` processes until SIGINT or SIGTERM; raises `SetupError` when they cannot start."""
    if settings.metrics != "off":
        # The worker that responds would only know its own metrics.
        log.info("metrics_have_ports_of_their_own", reason="There are several workers.")
        settings = settings.model_copy(update={"metrics": "off"})
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(metrics_listener(settings, listener, number)) for number in range(count)]
        workers = [_Worker(create_app, settings, number, (listener, *more)) for number, more in enumerate(listeners)]
        _Workers(workers, settings.drain_seconds).run()


class _Worker:
    """One worker: its process, and the ones that replace it."""

    def __init__(
        self, create_app: CreateApp, settings: Settings, number: int, listeners: Sequence[socket.socket]
    ) -> None:
        if settings.metrics_port is not None:
            settings = settings.model_copy(update={"metrics_port": settings.metrics_port + number})
        self._arguments = (create_app, settings, listeners, os.getpid())
        self._started_at = 0.0
        self.process: SpawnProcess | None = None

    def start_when_due(self) -> None:
        """Start its process, unless one was started a moment ago."""
        if time.monotonic() - self._started_at >= _RESTART_SECONDS:
            self._started_at = time.monotonic()
            self.process = multiprocessing.get_context("spawn").Process(target=_serve, args=self._arguments)
            self.process.start()

    def reap(self) -> int | None:
        """Drop its process if it has ended; the exit code."""
        if self.process is None or self.process.exitcode is None:
            return None
        code = self.process.exitcode
        self.process.close()
        self.process = None
        return code


class _Workers:
    def __init__(self, workers: Sequence[_Worker], drain_seconds: float) -> None:
        self._workers = workers
        self._drain_seconds = drain_seconds
        self._signals = 0

    def run(self) -> None:
        """Keep them running until a signal; then stop them."""
        with self._signals_counted():
            try:
                while not self._signals:
                    self._replace_dead()
                    wait([process.sentinel for process in self._processes()], _TICK_SECONDS)
            finally:
                self._stop()

    def _replace_dead(self) -> None:
        for worker in self._workers:
            code = worker.reap()
            if code == _NOT_STARTED:
                raise SetupError("A worker could not start; the log says why.")
            if code is not None:
                log.error("worker_died", code=code)
            if worker.process is None:
                worker.start_when_due()

    def _stop(self) -> None:
        signals_sent = 0
        deadline = time.monotonic() + _STOP_SECONDS + self._drain_seconds
        while processes := self._processes():
            if signals_sent < max(self._signals, 1):
                signals_sent += 1
                for process in processes:
                    process.terminate()
                if signals_sent > 1:
                    deadline = min(deadline, time.monotonic() + _FORCED_STOP_SECONDS)
            if time.monotonic() > deadline:
                log.error("workers_ended_by_force", count=len(processes))
                for process in processes:
                    process.kill()
            wait([process.sentinel for process in processes], _TICK_SECONDS)
            for worker in self._workers:
                worker.reap()

    def _processes(self) -> list[SpawnProcess]:
        return [worker.process for worker in self._workers if worker.process is not None]

    @contextlib.contextmanager
    def _signals_counted(self) -> Generator[None]:
        before = {number: signal.signal(number, self._count) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _count(self, _: int, __: FrameType | None) -> None:
        self._signals += 1


def _serve(create_app: CreateApp, settings: Settings, listeners: Sequence[socket.socket], parent: int) -> None:
    """Run in a worker: serve until SIGTERM."""
    configure_logging(as_json=not settings.is_development, level=settings.log_level)
    try:
        app = create_app(settings)
    except ExecutionMonitorError as error:
        log.error("not_started", reason=error.message)  # noqa: TRY400 - the sentence says it all
        sys.exit(_NOT_STARTED)
    Server(app, settings, parent=parent).run(sockets=list(listeners))
