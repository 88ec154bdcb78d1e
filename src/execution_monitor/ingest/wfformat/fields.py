"""Types that all versions of WfFormat share: values, and the objects that are the same."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

# Found in real files, besides ISO 8601: Pegasus 4 (20200401T035043+0000) and Pegasus 5 (05-10-23T16:23:32Z).
_DATE_FORMATS = ("%Y%m%dT%H%M%S%z", "%m-%d-%yT%H:%M:%S%z", "%m-%d-%yT%H:%M:%S")


def parse_date(text: str) -> datetime:
    """Return a date in UTC, as which it is taken without a time zone; raises `ValueError` if `text` is not a date."""
    date = _parse_any(text.strip())
    date = date.replace(tzinfo=UTC) if date.tzinfo is None else date
    try:
        date = date.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r:.60} lies outside of the calendar") from error
    # MongoDB stores milliseconds; dates that are compared later must not differ by less.
    return date.replace(microsecond=date.microsecond // 1000 * 1000)


def _parse_any(text: str) -> datetime:
    for date_format in _DATE_FORMATS:
        try:
            return datetime.strptime(text, date_format)  # noqa: DTZ007 - the caller adds the zone
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r:.60} is no date") from error


def _refuse_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    return text


def _to_date(value: Any) -> Any:
    return parse_date(value) if isinstance(value, str) else value


def _to_whole(value: Any) -> Any:
    # The schema calls counts of bytes numbers, and some engines write 1024.0.
    return round(value) if isinstance(value, float) else value


def _to_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(_refuse_nul)]
# Names are keys and appear in lists; the longest real one has 200 characters.
Name = Annotated[Text, Field(min_length=1, max_length=4_096)]
Timestamp = Annotated[datetime, BeforeValidator(_to_date)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# The integers of BSON.
Whole = Annotated[int, BeforeValidator(_to_whole), Field(ge=-(2**63), lt=2**63)]
Count = Annotated[Whole, Field(ge=0)]


class WfObject(BaseModel):
    """An object of the format; unknown properties are permitted and left out."""

    # Strict: a number in quotes, or true for 1, is an error and not converted.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True)


class Command(WfObject):
    """The command of a task."""

    program: Text | None = None
    arguments: list[Text] = Field(default_factory=list[Text])


class Measurements(WfObject):
    """What was measured of a task; where 1.4 has another name, it comes second."""

    executed_at: Timestamp | None = None
    command: Command | None = None
    core_count: Amount | None = Field(default=None, validation_alias=AliasChoices("coreCount", "cores"))
    avg_cpu: Amount | None = Field(default=None, alias="avgCPU")
    read_bytes: Count | None = None
    written_bytes: Count | None = None
    memory_in_bytes: Count | None = None
    energy_in_kwh: Amount | None = Field(default=None, validation_alias=AliasChoices("energyInKWh", "energy"))
    avg_power_in_w: Amount | None = Field(default=None, validation_alias=AliasChoices("avgPowerInW", "avgPower"))
    priority: Whole | None = None
    # 1.4 and the first schema of 1.5 have one machine per task.
    machines: Annotated[list[Text], BeforeValidator(_to_list)] = Field(
        default_factory=list[Text], validation_alias=AliasChoices("machines", "machine")
    )


class Processor(WfObject):
    """The processor of a machine; names of 1.4 come second."""

    core_count: Count | None = Field(default=None, validation_alias=AliasChoices("coreCount", "count"))
    speed_in_mhz: Amount | None = Field(default=None, validation_alias=AliasChoices("speedInMHz", "speed"))
    vendor: Text | None = None


class Machine(WfObject):
    """A machine that tasks ran on."""

    node_name: Name
    system: Text | None = None
    architecture: Text | None = None
    release: Text | None = None
    memory_in_bytes: Count | None = None
    cpu: Processor | None = None


class RuntimeSystem(WfObject):
    """The engine that ran the workflow."""

    name: Name
    version: Text | None = None


class Author(WfObject):
    """Who recorded the run."""

    name: Name


class Header(WfObject):
    """The properties of a file as a whole."""

    name: Name
    schema_version: str
    description: Text | None = None
    created_at: Timestamp | None = None
    author: Author | None = None
