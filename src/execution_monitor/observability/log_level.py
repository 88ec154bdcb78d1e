"""From which level on lines are logged."""

from typing import Literal

LogLevel = Literal["debug", "info", "warning", "error"]
