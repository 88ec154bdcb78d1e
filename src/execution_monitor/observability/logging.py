"""Where the process's own log goes: stderr, as JSON lines in production."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any, Literal

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

LogLevel = Literal["debug", "info", "warning", "error"]

# uvicorn's line of an accepted socket holds the query string, where clients put what is for nobody else.
_SOCKET_LINE = '%s - "WebSocket %s"'
# A mistake of a client, which it is told; uvicorn takes it for a failure of ours, with a trace.
_NO_TEXT_LINE = "Invalid UTF-8 sequence received"


def configure_logging(*, as_json: bool, level: LogLevel = "info") -> None:
    """Send every later line from `level` on to stderr, libraries' too: one JSON object each, or text for people."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_spell)]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    facts: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    structlog.configure(
        processors=[*facts, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(foreign_pre_chain=facts, processors=[ProcessorFormatter.remove_processors_meta, *renderer])
    )
    handler.addFilter(_is_ours_to_tell)
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries tell of every request they make at the level info.
    root.setLevel(max(threshold, logging.WARNING))
    logging.getLogger("uvicorn").setLevel(threshold)


def _spell(event: Any, default: Callable[[Any], Any]) -> str:
    try:
        return orjson.dumps(event, default, orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, or half of a surrogate pair
        return json.dumps(event, default=default)


def _is_ours_to_tell(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith((_SOCKET_LINE, _NO_TEXT_LINE))
