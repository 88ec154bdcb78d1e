"""Where a step stands among those of its execution, for engines that do not number them."""

from datetime import UTC, datetime, timedelta

_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def position_of_start(started_at: datetime, *, goes_first: bool = False) -> int:
    """A position by which steps are in the order of their starts, without knowledge of any other step.

    One that `goes_first` stands before others of the same millisecond. It counts half milliseconds and begins again
    after 12 days: the API shows it as a number of 32 bits.
    """
    milliseconds = (started_at - _EPOCH) // _MILLISECOND
    return (2 * milliseconds + (not goes_first)) % 2**31
