"""The choices of `stats`, apart from what reading statistics needs to run; the names are those of GraphQL."""

from enum import StrEnum


class Bucket(StrEnum):
    """How long a bucket is."""

    MINUTE = "1m"
    MINUTES_5 = "5m"
    MINUTES_15 = "15m"
    HOUR = "1h"
    HOURS_3 = "3h"
    HOURS_6 = "6h"
    DAY = "1d"
    WEEK = "1w"
    MONTH = "1M"


class By(StrEnum):
    """What to group by."""

    WORKFLOW_NAME = "workflow"
    USER_ID = "user"
    ERROR_CODE = "error-code"
    TRIGGERED_BY = "trigger"
    SESSION_ID = "session"
    STATUS = "status"
    TAG = "tag"


class First(StrEnum):
    """Which groups come first."""

    COUNT = "count"
    FAILURES = "failures"
    FAILURE_RATE = "failure-rate"
    P95 = "p95"
    COST = "cost"
