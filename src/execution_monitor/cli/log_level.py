"""The severities of log lines as choices of the command line, apart from what reading them needs to run."""

from enum import StrEnum


class LineLevel(StrEnum):
    """The severity of a log line, mildest first."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"
