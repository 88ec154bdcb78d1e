"""Dates as recorded runs spell them."""

from datetime import UTC, datetime

# As found in real files, besides ISO 8601: Pegasus 4 (20200401T035043+0000) and Pegasus 5 (05-10-23T16:23:32Z).
_SPELLINGS = ("%Y%m%dT%H%M%S%z", "%m-%d-%yT%H:%M:%S%z", "%m-%d-%yT%H:%M:%S")


def parse_date(text: str) -> datetime:
    """A moment in UTC; one without a zone is taken as UTC. Raises `ValueError` for what is no date."""
    moment = _parse(text.strip())
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r:.60} lies outside of the calendar") from error
    # MongoDB keeps milliseconds; what is compared later must not differ by less.
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _parse(text: str) -> datetime:
    for spelling in _SPELLINGS:
        try:
            return datetime.strptime(text, spelling)  # noqa: DTZ007 - the caller adds the zone
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r:.60} is no date") from error
