"""The events in a body: one as a JSON object, or several as an array of which a bad one costs no other.

for event in decode_events(b'[{"eventType": "START", ...}, {}]'):
    ...  # a RunEvent, then a BadUserInput
"""

import json
from collections.abc import Iterator
from typing import Any

import orjson

from execution_monitor.asgi.request_bodies import BodyTooLarge
from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.openlineage.events import RunEvent, read_event

# An event is decoded at one go, which nothing else in the process runs beside; of so many bytes it takes some
# milliseconds.
MAX_EVENT_BYTES = 2 * 1024 * 1024
# Up to here a whole array is decoded at one go, too.
_AT_ONE_GO_BYTES = 256 * 1024
# More are a mistake, and their failures alone would be a long response.
MAX_EVENTS = 10_000
_TOO_MANY = f"A batch may have {MAX_EVENTS:,} events; send several."
_NOT_JSON = (b"NaN", b"Infinity", b"\\ud", b"\\uD")
_WHITESPACE = " \t\r\n"
_SCANNER = json.JSONDecoder()

# An event, None for one that is about no run, or why it cannot be read.
Decoded = RunEvent | None | BadUserInput


def is_list(content: bytes) -> bool:
    """Whether the body is an array, as far as its first character says."""
    return content.lstrip()[:1] == b"["


def decode_events(content: bytes) -> Iterator[Decoded]:
    """The events in `content`, in their order.

    Raises:
        BadUserInput: it is not JSON, or has too many events; perhaps behind the events that come before it.
    """
    if is_list(content):
        for place, event in enumerate(_decode_list(content)):
            if place == MAX_EVENTS:
                raise BadUserInput(_TOO_MANY)
            yield event
    elif len(content) > MAX_EVENT_BYTES:
        raise BodyTooLarge(_too_long())
    else:
        yield _read(_loads(content))


def count_events(content: bytes) -> int:
    """How many events a body has; raises `BadUserInput` where `decode_events` would, whatever the events are."""
    if not is_list(content):
        return 1
    count = 0
    for _ in _elements(content):
        count += 1
        if count > MAX_EVENTS:
            raise BadUserInput(_TOO_MANY)
    return count


def _decode_list(content: bytes) -> Iterator[Decoded]:
    if len(content) <= _AT_ONE_GO_BYTES:
        try:
            decoded = orjson.loads(content)
        except orjson.JSONDecodeError:
            # Perhaps only one of its events is to blame.
            decoded = None
        if decoded is not None:
            yield from map(_read, decoded)
            return
    for element in _elements(content):
        if len(element) > MAX_EVENT_BYTES:
            yield BadUserInput(_too_long())
            continue
        try:
            decoded = _loads(element.encode("utf-8", "surrogatepass"))
        except BadUserInput as error:
            yield error
        else:
            yield _read(decoded)


def _read(decoded: Any) -> Decoded:
    try:
        return read_event(decoded)
    except BadUserInput as error:
        return error


def _loads(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        repaired = _repair(content)
        if repaired is None:
            raise BadUserInput(f"The body is not JSON: {error}.") from error
        return repaired


def _repair(content: bytes) -> Any:
    """The value without what clients in Python send and JSON does not have: NaN, and halves of characters."""
    if not any(each in content for each in _NOT_JSON):
        return None
    try:
        decoded = json.loads(content, parse_constant=lambda _: None)
        return orjson.loads(json.dumps(decoded, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _elements(content: bytes) -> Iterator[str]:
    """The text of each element of an array."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BadUserInput("The body is not JSON in UTF-8.") from error
    place = _skip(text, text.index("[") + 1)
    if text[place : place + 1] == "]":
        _require_end(text, place + 1)
        return
    while True:
        end = _end_of_value(text, place)
        yield text[place:end]
        place = _skip(text, end)
        if text[place : place + 1] == "]":
            _require_end(text, place + 1)
            return
        if text[place : place + 1] != ",":
            raise BadUserInput("The body is not JSON: an array has a comma or an end behind each value.")
        place = _skip(text, place + 1)


def _end_of_value(text: str, place: int) -> int:
    try:
        return _SCANNER.raw_decode(text, place)[1]
    except (ValueError, RecursionError) as error:
        raise BadUserInput("The body is not JSON, or nested too deep.") from error


def _require_end(text: str, place: int) -> None:
    if _skip(text, place) != len(text):
        raise BadUserInput("The body goes on behind its JSON.")


def _skip(text: str, place: int) -> int:
    """The place of the next character that is no white space."""
    while text[place : place + 1] and text[place] in _WHITESPACE:
        place += 1
    return place


def _too_long() -> str:
    return f"An event may have {MAX_EVENT_BYTES:,} bytes; switch off facets that are large, such as spark.logicalPlan."
