"""Where a step stands among those of its execution, for engines that do not number them."""

from datetime import UTC, datetime, timedelta

_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def position_of_start(started_at: datetime) -> int:
    """A position by which steps are in the order of their starts, without knowledge of any other step.

    It counts milliseconds, and begins again after 2³¹ of them, 25 days: the API shows it as a number of 32 bits.
    """
    return (started_at - _EPOCH) // _MILLISECOND % 2**31
