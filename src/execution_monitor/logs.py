"""Where the process's own log goes: stderr, as JSON lines in production."""

import sys

import structlog
from structlog.typing import Processor


def configure_logging(*, as_json: bool) -> None:
    """Send every later log call to stderr: one JSON object a line, or text for people."""
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            *renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
