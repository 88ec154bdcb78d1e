"""What each type of query parameter accepts, refuses and means."""

from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from starlette.datastructures import QueryParams

from execution_monitor.errors import BadUserInput
from execution_monitor.rest.parameters import (
    Choice,
    DateTimeOrDay,
    Parameter,
    RepeatableParameter,
    Text,
    WholeNumber,
    refuse_unknown,
)

SIZE = Parameter("size", WholeNumber(1, 100), "How many.", 20, aliases=("limit",))
COLOURS = RepeatableParameter("colour", Choice(("red", "green")), "Which.")
EARLIEST, LATEST = DateTimeOrDay(time.min), DateTimeOrDay(time.max)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        pytest.param("2026-01-31T23:59:59Z", datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), id="Zulu time"),
        pytest.param("2026-01-31t23:59:59z", datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), id="in small letters"),
        pytest.param("2026-01-31 23:59:59Z", datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), id="a space for the T"),
        pytest.param(
            "2026-01-31T23:59:59.25-03:30",
            datetime(2026, 1, 31, 23, 59, 59, 250_000, tzinfo=timezone(-timedelta(hours=3, minutes=30))),
            id="a fraction and an offset",
        ),
        pytest.param(
            "2026-01-31T23:59:59 02:00",
            datetime(2026, 1, 31, 21, 59, 59, tzinfo=UTC),
            id="a plus that a client forgot to escape",
        ),
        pytest.param("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC), id="a day, which begins at midnight UTC"),
    ],
)
def test_a_date_time_or_day_is_read(text: str, parsed: datetime):
    assert EARLIEST.parse("start", text) == parsed


def test_as_an_end_a_day_counts_to_its_last_instant():
    assert LATEST.parse("end", "9999-12-31") == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["today", "2026-02-30", "20260131", "2026-W05-6", "2026-01-31T25:00:00Z", "2026-01-31T10Z", "٢٠٢٦-01-31"]
)
def test_text_that_is_neither_is_refused_with_an_example(text: str):
    with pytest.raises(BadUserInput, match="start must be RFC 3339 with an offset, such as 2026-01-31T23:59:59Z"):
        EARLIEST.parse("start", text)


def test_a_time_without_an_offset_is_refused_as_such():
    with pytest.raises(BadUserInput, match="start has no offset from UTC"):
        EARLIEST.parse("start", "2026-01-31T23:59:59")


@pytest.mark.parametrize("text", ["0", "-1", "101", "1.0", "1e1", "+1", " 1", "1_0", "१", "9" * 6_000])
def test_text_other_than_a_whole_number_within_bounds_is_refused(text: str):
    with pytest.raises(BadUserInput, match="size must be a whole number from 1 to 100"):
        SIZE.read(QueryParams({"size": text}))


@pytest.mark.parametrize(
    ("query", "value"),
    [
        pytest.param("", 20, id="nothing given means the default"),
        pytest.param("size=", 20, id="an empty one, as forms send it, is not given"),
        pytest.param("size=7", 7, id="its name"),
        pytest.param("limit=7", 7, id="its alias"),
        pytest.param("size=7&limit=07", 7, id="both, when they agree"),
    ],
)
def test_a_parameter_is_read_by_its_name_or_an_alias(query: str, value: int):
    assert SIZE.read(QueryParams(query)) == value


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("size=7&size=7", "size may be given only once", id="repeated"),
        pytest.param("limit=7&limit=", "limit may be given only once", id="repeated and empty"),
        pytest.param("size=7&limit=8", "size and limit mean the same and differ", id="contradicted by its alias"),
    ],
)
def test_an_ambiguous_parameter_is_refused(query: str, message: str):
    with pytest.raises(BadUserInput, match=message):
        SIZE.read(QueryParams(query))


@pytest.mark.parametrize(
    ("query", "values"),
    [
        pytest.param("", (), id="none"),
        pytest.param("colour=&colour=,", (), id="empty ones"),
        pytest.param("colour=red&colour=green", ("red", "green"), id="repeated"),
        pytest.param("colour=green,%20red", ("green", "red"), id="with commas"),
        pytest.param("colour=RED,red&colour=Red", ("red",), id="the same in any case, once"),
    ],
)
def test_a_repeatable_parameter_has_every_value_once(query: str, values: tuple[str, ...]):
    assert COLOURS.read(QueryParams(query)) == values


def test_the_error_for_a_wrong_choice_lists_the_right_ones():
    with pytest.raises(BadUserInput, match=r"colour must be one of red, green\."):
        COLOURS.read(QueryParams("colour=red,blue"))


def test_a_parameter_is_documented_under_each_of_its_names():
    documented = list(SIZE.to_openapi())

    assert [each["name"] for each in documented] == ["size", "limit"]
    assert documented[0]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert documented[1]["schema"] == documented[0]["schema"]


def test_text_is_read_unchanged():
    assert Parameter("id", Text(), "Which.", "").read(QueryParams({"id": "a,b &c"})) == "a,b &c"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("sizes=7", "There is no parameter sizes; did you mean size?", id="a slip"),
        pytest.param("SIZE=7", "There is no parameter SIZE; did you mean size?", id="capitals"),
        pytest.param("limits=", "There is no parameter limits; did you mean limit?", id="an alias, empty"),
        pytest.param("size=7&x=1", "There is no parameter x; known are: size, limit, colour.", id="like none"),
        pytest.param(
            f"{'y' * 60}=1", f"There is no parameter {'y' * 50}...; known are: size, limit, colour.", id="a long one"
        ),
    ],
)
def test_a_parameter_that_there_is_not_is_refused_with_what_was_likely_meant(query: str, message: str):
    with pytest.raises(BadUserInput) as refused:
        refuse_unknown(QueryParams(query), (SIZE, COLOURS))

    assert refused.value.message == message


def test_known_parameters_are_not_refused():
    refuse_unknown(QueryParams("size=7&limit=&colour=red&colour=green"), (SIZE, COLOURS))
