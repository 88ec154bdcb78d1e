"""Redaction: makes what engines report fit to be stored, before anything else sees it.

Secrets are masked, payloads are left out unless a setting keeps them, what is too long is cut, and what BSON cannot
hold is replaced. The same value always gives the same result, so a report that is repeated changes nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from execution_monitor.ingest.own_patterns import compile_patterns
from execution_monitor.ingest.payload_limits import (
    MARK,
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_ERROR_MESSAGE_BYTES,
    MAX_KEY_BYTES,
    MAX_NAME_BYTES,
    MAX_PAYLOAD_BYTES,
    MAX_STACK_TRACE_BYTES,
    cut_end,
    cut_middle,
    left_out,
    size_of,
)
from execution_monitor.ingest.secret_patterns import MASK, is_secret_name, mask_secrets, may_hold_secrets
from execution_monitor.ingest.storable_values import (
    NUL_SHOWN,
    storable_count,
    storable_integer,
    storable_measure,
    storable_other,
    storable_text,
    storable_time,
)

# What people and models say and get.
_PAYLOADS = frozenset({"input_parameters", "final_result", "input_data", "result"})
# Numbers and names, among which there may be texts that people wrote.
_MEASUREMENTS = frozenset({"performance_data", "attributes"})
# They refer to documents, whose own ids are stored as they are.
_IDS = frozenset({"execution_id", "step_id", "parent_execution_id", "retry_of_execution_id", "depends_on"})
# Attributes that say where and why something failed, as the error of an execution does.
_DIAGNOSTIC = ("code.", "error.", "exception.", "log.", "logger.", "process.", "service.", "thread.")
_STACK_TRACES = frozenset({"exception.stacktrace", "stack_trace", "stackTrace", "stacktrace"})
_ERROR_LIMITS = {"message": MAX_ERROR_MESSAGE_BYTES, "code": MAX_NAME_BYTES, "type": MAX_NAME_BYTES}
_TOO_DEEP = f"{MARK} [more than {MAX_DEPTH} levels left out]"

# A secret that begins before a cut is found as far as this behind it.
_BEYOND_A_CUT = 4_096
# Of names, and of texts without secrets: most are repeated in every report.
_MAX_CACHED = 10_000
_MAX_CACHED_LENGTH = 100
# The type of a value, its length, and the end of its name.
_BYTES_PER_VALUE = 8
_PAIR = 2
_ABSENT = object()


class Redaction:
    """Cleans the values of stored fields; `clean` is what `Facts` takes.

    Args:
        keeps_payloads: whether inputs, results, and the texts of attributes and performance data are stored.
        patterns: regular expressions of RE2. What they match is masked, as are values whose names they match.

    Raises:
        SetupError: one of `patterns` cannot be used.
    """

    def __init__(self, *, keeps_payloads: bool = False, patterns: Sequence[str] = ()) -> None:
        self._own = compile_patterns(patterns)
        self._names: dict[str, tuple[str, bool]] = {}
        self._harmless: set[str] = set()
        self._rules: dict[str, Callable[[Any], Any]] = {
            **dict.fromkeys(_PAYLOADS, self._payload if keeps_payloads else _withhold),
            **dict.fromkeys(_MEASUREMENTS, self._payload if keeps_payloads else self._measurements),
            **dict.fromkeys(_IDS, _ids),
            "attributes": self._attributes if keeps_payloads else self._measurements,
            "error_details": self._error,
            "message": self._message,
            "tags": self._tags,
        }

    def clean(self, field: str, value: Any) -> Any:
        """The value of the stored field `field` as it may be stored; None where nothing of it may."""
        if value is None or value is True or value is False:
            return value
        return self._rules.get(field, self._plain)(value)

    def name(self, name: str) -> tuple[str, bool]:
        """The name of a value within a payload as it is stored, and whether the value is secret."""
        known = self._names.get(name)
        if known is None:
            whole = storable_text(name)
            stored = mask_secrets(whole[: 2 * MAX_KEY_BYTES]).replace("\0", NUL_SHOWN)
            is_secret = is_secret_name(stored)
            if self._own is not None and self._own.search(stored) is not None:
                is_secret = True
                # Of a word, `card_number`, a reader should know that it was there; digits are a value's.
                if any(map(str.isdigit, stored)):
                    stored = self._own.sub(_mask_match, stored)
            known = cut_end(stored, MAX_KEY_BYTES, missing=size_of(whole[2 * MAX_KEY_BYTES :])), is_secret
            if len(name) <= _MAX_CACHED_LENGTH:
                if len(self._names) >= _MAX_CACHED:
                    self._names.clear()
                self._names[name] = known
        return known

    def mask_name(self, name: str) -> str:
        """The name of an execution, say, as it may be shown: without secrets, and not too long."""
        return self.text(name, MAX_NAME_BYTES)

    def text(self, text: str, limit: int, depth: int = MAX_DEPTH, *, is_stack_trace: bool = False) -> str:
        """`text` without secrets and cut to `limit` bytes; JSON in it is read to `depth` levels."""
        if len(text) <= min(limit, _MAX_CACHED_LENGTH) and text in self._harmless:
            return text
        text = storable_text(text)
        longest = limit + _BEYOND_A_CUT
        if is_stack_trace:
            middle = text[longest:-longest]
            if middle:
                text = text[:longest] + text[-longest:]
            return cut_middle(self._mask(text, depth), limit, missing=size_of(middle))
        rest = text[longest:]
        return cut_end(self._mask(text[:longest] if rest else text, depth), limit, missing=size_of(rest))

    def _mask(self, text: str, depth: int) -> str:
        may_be_json = text[:1] in {"{", "["}
        if may_be_json and depth > 0 and len(text) <= MAX_PAYLOAD_BYTES + _BEYOND_A_CUT:
            masked = self._mask_json(text, depth)
            if masked is not None:
                return masked
        masked = mask_secrets(text)
        if self._own is not None:
            masked = self._own.sub(_mask_match, masked)
        if masked == text and not may_be_json and len(text) <= _MAX_CACHED_LENGTH and text.isascii():
            if len(self._harmless) >= _MAX_CACHED:
                self._harmless.clear()
            self._harmless.add(text)
        return masked

    def _mask_json(self, text: str, depth: int) -> str | None:
        """JSON with the values masked that have the names of secrets; None where `text` is no JSON."""
        # Names may be written with escapes.
        if not (may_hold_secrets(text) or "\\u" in text or (self._own is not None and self._own.search(text))):
            return text
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        # Nothing is cut: the text itself will be.
        masked = _Walk(self, 2 * MAX_PAYLOAD_BYTES * _BYTES_PER_VALUE).value(value, depth)
        return text if masked == value else storable_text(json.dumps(masked, ensure_ascii=False))

    def _plain(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value, MAX_NAME_BYTES)
        if isinstance(value, int):
            return storable_count(value)
        if isinstance(value, float):
            return storable_measure(value)
        if isinstance(value, datetime):
            return storable_time(value)
        return self._payload(value)

    def _payload(self, value: Any) -> Any:
        return _Walk(self, MAX_PAYLOAD_BYTES).value(value, MAX_DEPTH)

    def _attributes(self, value: Any) -> Any:
        return _Walk(self, MAX_PAYLOAD_BYTES, most=MAX_ATTRIBUTES).value(value, MAX_DEPTH)

    def _measurements(self, value: Any) -> Any:
        kept = _Walk(self, MAX_PAYLOAD_BYTES, keeps_texts=False, most=MAX_ATTRIBUTES).value(value, MAX_DEPTH)
        return None if kept is _ABSENT else kept

    def _error(self, value: Any) -> Any:
        return _Walk(self, MAX_PAYLOAD_BYTES, limits=_ERROR_LIMITS).value(value, MAX_DEPTH)

    def _message(self, value: Any) -> str:
        return self.text(str(value), MAX_PAYLOAD_BYTES)

    def _tags(self, value: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
        kept: list[dict[str, str]] = []
        left = MAX_PAYLOAD_BYTES
        for tag in value:
            if left <= 0 or len(kept) >= MAX_ATTRIBUTES:
                kept.append({"key": MARK, "value": left_out(len(value) - len(kept), "tags")})
                break
            name, is_secret = self.name(str(tag["key"]))
            text = MASK if is_secret else self.text(str(tag["value"]), min(left, MAX_NAME_BYTES))
            kept.append({"key": name, "value": text})
            left -= size_of(name) + size_of(text) + _BYTES_PER_VALUE
        return kept


class _Walk:
    """One way through a value, which keeps as much as fits into a number of bytes.

    Args:
        redaction: whose names and texts are masked.
        room: the bytes.
        keeps_texts: otherwise only numbers, and texts that say where and why something failed.
        limits: of the bytes of texts, by name.
        most: how many values of the outermost object or list are kept.
    """

    __slots__ = ("_keeps_texts", "_limits", "_most", "_redaction", "_room")

    def __init__(
        self,
        redaction: Redaction,
        room: int,
        *,
        keeps_texts: bool = True,
        limits: Mapping[str, int] | None = None,
        most: int | None = None,
    ) -> None:
        self._redaction = redaction
        self._room = room
        self._keeps_texts = keeps_texts
        self._limits = limits or {}
        self._most = most

    def value(self, value: Any, depth: int, name: str = "") -> Any:
        """What is kept of `value`, or `_ABSENT`."""
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, str):
            return self._text(value, depth, name)
        if isinstance(value, int):
            return storable_integer(value)
        if isinstance(value, Mapping):
            return self._object(cast("Mapping[Any, Any]", value), depth)
        if isinstance(value, list | tuple):
            return self._list(cast("Sequence[Any]", value), depth, name)
        return self._other(value)

    def _text(self, value: str, depth: int, name: str) -> Any:
        if not self._keeps_texts and not name.startswith(_DIAGNOSTIC):
            return _ABSENT
        is_stack_trace = name in _STACK_TRACES
        limit = self._limits.get(name, MAX_STACK_TRACE_BYTES if is_stack_trace else MAX_PAYLOAD_BYTES)
        room = max(min(limit, self._room), 0)
        text = self._redaction.text(value, room, depth, is_stack_trace=is_stack_trace)
        self._room -= size_of(text)
        return text

    def _object(self, value: Mapping[Any, Any], depth: int) -> Any:
        if depth <= 0:
            return _TOO_DEEP
        kept: dict[str, Any] = {}
        most, self._most = self._most, None
        shown_as = value.get("key", value.get("name")) if "value" in value else None
        names_a_secret = isinstance(shown_as, str) and self._redaction.name(shown_as)[1]
        for place, (key, each) in enumerate(value.items()):
            if self._room <= 0 or place == most:
                kept[MARK] = left_out(len(value) - place, "values")
                break
            name, is_secret = self._redaction.name(str(key))
            self._room -= size_of(name) + _BYTES_PER_VALUE
            found = self._secret(each) if is_secret or (names_a_secret and key == "value") else _ABSENT
            if found is _ABSENT:
                found = self.value(each, depth - 1, name)
            if found is not _ABSENT:
                kept[name] = found
        return kept if kept or not value or self._keeps_texts else _ABSENT

    def _list(self, value: Sequence[Any], depth: int, name: str) -> Any:
        if depth <= 0:
            return _TOO_DEEP
        kept: list[Any] = []
        most, self._most = self._most, None
        for place, each in enumerate(value):
            if self._room <= 0 or place == most:
                kept.append(left_out(len(value) - place, "values"))
                break
            self._room -= _BYTES_PER_VALUE
            found = self.value(self._pair(each), depth - 1, name)
            if found is not _ABSENT:
                kept.append(found)
        return kept if kept or not value or self._keeps_texts else _ABSENT

    def _pair(self, value: Any) -> Any:
        """An element of a list; of a name and a secret, as headers are often written, the secret is masked."""
        if isinstance(value, list | tuple):
            pair = cast("Sequence[Any]", value)
            if len(pair) == _PAIR and isinstance(pair[0], str) and self._redaction.name(pair[0])[1]:
                return [pair[0], self._secret(pair[1])]
        return cast("Any", value)

    def _secret(self, value: Any) -> Any:
        """What is kept of a secret value; that there is none is no secret."""
        return value if value is None or isinstance(value, bool) else MASK

    def _other(self, value: Any) -> Any:
        found = storable_other(value)
        if isinstance(found, str):
            return self._text(found, 0, "")
        if isinstance(found, bytes):
            if not self._keeps_texts:
                return _ABSENT
            size, room = len(found), max(self._room, 0)
            self._room -= size
            return found if size <= room else left_out(size, "bytes")
        return found


def _mask_match(match: Any) -> str:
    # A boundary of a word, say, matches where there is nothing to mask.
    return MASK if match.group() else ""


def _withhold(_: Any) -> None:
    return None


def _ids(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    kept: list[str] = []
    room = MAX_PAYLOAD_BYTES
    for each in cast("Sequence[str]", value):
        text = storable_text(each)
        room -= size_of(text) + _BYTES_PER_VALUE
        if room < 0:
            break
        kept.append(text)
    return kept
