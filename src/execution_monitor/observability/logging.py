"""Logging of the process to stderr: JSON lines in production, text in development."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

from execution_monitor.observability.log_level import LogLevel

# uvicorn's line for an accepted WebSocket holds the query string, where clients may put secrets.
_SOCKET_LINE = '%s - "WebSocket %s"'
# An error of a client, which gets a response; uvicorn logs it as an error of ours, with a traceback.
_NO_TEXT_LINE = "Invalid UTF-8 sequence received"


def configure_logging(*, as_json: bool, level: LogLevel = "info") -> None:
    """Write every later log line from `level` on to stderr, libraries' too: one JSON object each, or readable text."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_to_json)]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    structlog.configure(
        processors=[*processors, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=processors, processors=[ProcessorFormatter.remove_processors_meta, *renderer]
        )
    )
    handler.addFilter(_is_to_be_logged)
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries log every request that they make at the level info.
    root.setLevel(max(threshold, logging.WARNING))
    logging.getLogger("uvicorn").setLevel(threshold)


def _to_json(event: Any, default: Callable[[Any], Any]) -> str:
    try:
        return orjson.dumps(event, default, orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, or half of a surrogate pair
        return json.dumps(event, default=default)


def _is_to_be_logged(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith((_SOCKET_LINE, _NO_TEXT_LINE))
