"""What all versions of WfFormat have in common: the types of their values, and the parts that are the same."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from execution_monitor.ingest.wfformat.dates import parse_date


def _refuse_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    return text


def _to_moment(value: Any) -> Any:
    return parse_date(value) if isinstance(value, str) else value


def _to_whole(value: Any) -> Any:
    # The schema calls counts of bytes numbers, and some engines write 1024.0.
    return round(value) if isinstance(value, float) else value


def _to_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(_refuse_nul)]
# Names become keys of look-ups and lines of lists; the longest real one has 200 characters.
Name = Annotated[Text, Field(min_length=1, max_length=4_096)]
Moment = Annotated[datetime, BeforeValidator(_to_moment)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# What BSON has as an integer.
Whole = Annotated[int, BeforeValidator(_to_whole), Field(ge=-(2**63), lt=2**63)]
Count = Annotated[Whole, Field(ge=0)]


class Part(BaseModel):
    """An object of the format. Properties that the format does not know are permitted, and left out."""

    # Strict: a number in quotes, or true for 1, is a mistake to be named and not to be guessed at.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True)


class Command(Part):
    """What a task ran."""

    program: Text | None = None
    arguments: list[Text] = Field(default_factory=list[Text])


class Measured(Part):
    """What any version may tell of how a task went; where 1.4 has a name of its own, it comes second."""

    executed_at: Moment | None = None
    command: Command | None = None
    core_count: Amount | None = Field(default=None, validation_alias=AliasChoices("coreCount", "cores"))
    avg_cpu: Amount | None = Field(default=None, alias="avgCPU")
    read_bytes: Count | None = None
    written_bytes: Count | None = None
    memory_in_bytes: Count | None = None
    energy_in_kwh: Amount | None = Field(default=None, validation_alias=AliasChoices("energyInKWh", "energy"))
    avg_power_in_w: Amount | None = Field(default=None, validation_alias=AliasChoices("avgPowerInW", "avgPower"))
    priority: Whole | None = None
    # 1.4 and the first schema of 1.5 have one machine a task.
    machines: Annotated[list[Text], BeforeValidator(_to_list)] = Field(
        default_factory=list[Text], validation_alias=AliasChoices("machines", "machine")
    )


class Processor(Part):
    """The processor of a machine; the names that come second are those of 1.4."""

    core_count: Count | None = Field(default=None, validation_alias=AliasChoices("coreCount", "count"))
    speed_in_mhz: Amount | None = Field(default=None, validation_alias=AliasChoices("speedInMHz", "speed"))
    vendor: Text | None = None


class Machine(Part):
    """A machine that tasks ran on."""

    node_name: Name
    system: Text | None = None
    architecture: Text | None = None
    release: Text | None = None
    memory_in_bytes: Count | None = None
    cpu: Processor | None = None


class RuntimeSystem(Part):
    """The engine that ran the workflow."""

    name: Name
    version: Text | None = None


class Author(Part):
    """Who recorded the run."""

    name: Name


class Header(Part):
    """What a file says of itself."""

    name: Name
    schema_version: str
    description: Text | None = None
    created_at: Moment | None = None
    author: Author | None = None
