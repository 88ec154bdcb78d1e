"""The formats of recorded runs, one entry each: `load` and `replay` take the files that this table describes."""

from collections.abc import Callable
from dataclasses import dataclass

from execution_monitor.ingest.core.recorded_run import RecordedRun
from execution_monitor.ingest.wfformat.model import VERSIONS
from execution_monitor.ingest.wfformat.parser import parse


@dataclass(frozen=True, slots=True)
class Format:
    """A format of recorded runs.

    Attributes:
        files: What its files are, for the help of the command line.
        marker: Bytes that each file of the format contains, and no file of another format.
        parse: Returns the run that the content of a file records; raises `BadUserInput` that names what is wrong.
    """

    files: str
    marker: bytes
    parse: Callable[[bytes], RecordedRun]


FORMATS = (Format(f"WfFormat files (JSON, version {VERSIONS[0]} to {VERSIONS[-1]})", b'"schemaVersion"', parse),)


def parse_run(content: bytes) -> RecordedRun:
    """Return the run that `content` records.

    A file without any marker goes to the first format, whose error says what is wrong with it.

    Raises:
        BadUserInput: The content is not a run of its format.
    """
    matching = next((each for each in FORMATS if each.marker in content), FORMATS[0])
    return matching.parse(content)


def describe_formats() -> str:
    """Say in a sentence which files can be read."""
    return f"{' or '.join(each.files for each in FORMATS)}."
