"""Links of alerts: the pages of the dashboard that a message leads to, at the address that an operator sets."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote, urlencode

# A link in a message should be one that every client opens.
MAX_URL_LENGTH = 2_000
# What the dashboard reads without quotation marks (`src/dashboard/src/model/filterText.ts`).
_PLAIN = re.compile(r'[^\s\ufeff"(),]+')
# Browsers resolve the segments `.` and `..`, encoded ones too, and proxies merge slashes.
_LOSES_SEGMENTS = re.compile(r"(?:^|/)\.{0,2}(?:/|\Z)")
_MOST_RELATIVE = 99_999
_UNITS = {"s": 1, "m": 60, "h": 3_600}


class _NotExpressible(Exception):
    """The dashboard's text of filters has no words for this one."""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links below `public_url`; without one there are none.

    Attributes:
        public_url: where people open the dashboard, such as `https://monitor.example.com`.
    """

    public_url: str | None = None

    def of_list(
        self, filters: Iterable[object], since: datetime | None = None, until: datetime | None = None
    ) -> str | None:
        """The list of the executions that match all of `filters` and were created from `since` and before `until`.

        None where such a list has no address in the dashboard: a filter there has no words for, or too many.

        Args:
            filters: Filters as JSON with the names of the API, as their owners gave them; None matches everything.
            since: From when on.
            until: Before when.
        """
        if self.public_url is None:
            return None
        try:
            text = " ".join(part for each in filters for part in _conditions(each))
        except _NotExpressible:
            return None
        times = {"since": since, "until": until}
        query = {
            **({"filter": text} if text else {}),
            **{name: _to_text(time) for name, time in times.items() if time is not None},
        }
        # A query may contain brackets, colons and commas (RFC 3986), and people read URLs.
        return self._link(f"/?{urlencode(query, quote_via=quote, safe='():,')}" if query else "/")

    def of_execution(self, execution_id: str) -> str | None:
        """The page of one execution, whatever its id consists of."""
        if _LOSES_SEGMENTS.search(execution_id):
            return self._link(f"/executions/?id={quote(execution_id, safe='')}")
        return self._link(f"/executions/{quote(execution_id, safe='/')}")

    def _link(self, path: str) -> str | None:
        if self.public_url is None:
            return None
        url = self.public_url.rstrip("/") + path
        return url if len(url) <= MAX_URL_LENGTH else None


def _conditions(given: object) -> Iterator[str]:
    """The conditions of a filter as texts, all of which must hold."""
    for name, value in _values(given):
        match name:
            case "and":
                for each in _list(value):
                    yield from _conditions(each)
            case "or":
                yield _group("any", [_as_one(each) for each in _list(value)])
            case "not":
                yield _group("not", [_as_one(value)])
            case "tags":
                tag = dict(_values(value))
                yield f"tags:has({','.join(_quoted(tag[key]) for key in ('key', 'value') if key in tag)})"
            case _:
                for operator, operand in _values(value):
                    yield from _condition(name, operator, operand)


def _condition(field: str, operator: str, operand: Any) -> Iterator[str]:
    if operator == "withinSeconds":
        yield f"{field}:gte({_age(operand)})"
    elif operator == "notIn" and operand == []:
        return
    elif operator in ("in", "notIn"):
        yield f"{field}:{operator}({_quoted_list(_list(operand))})"
    elif operator == "eq" and field == "status":
        yield f"{field}:in({_quoted(operand)})"
    else:
        yield f"{field}:{operator}({_quoted(operand)})"


def _as_one(given: object) -> str:
    conditions = list(_conditions(given))
    return conditions[0] if len(conditions) == 1 else _group("all", conditions)


def _group(name: str, parts: Sequence[str]) -> str:
    return f"{name}({' '.join(parts)})"


def _quoted_list(values: Sequence[Any]) -> str:
    if not values:
        raise _NotExpressible
    return ",".join(map(_quoted, values))


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if not text:
        raise _NotExpressible
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _age(seconds: Any) -> str:
    for unit, length in _UNITS.items():
        if isinstance(seconds, int) and seconds % length == 0 and 0 < seconds // length <= _MOST_RELATIVE:
            return f"-{seconds // length}{unit}"
    raise _NotExpressible


def _values(given: object) -> Iterator[tuple[str, Any]]:
    """The members of an object of JSON; null ones say nothing."""
    if given is None:
        return
    if not isinstance(given, Mapping):
        raise _NotExpressible
    for name, value in cast("Mapping[str, Any]", given).items():
        if value is not None:
            yield name, value


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise _NotExpressible
    return cast("list[Any]", value)


def _to_text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
