"""Code generation: one Python function from a row to JSON, without a call for values that need no conversion.

Of an operation only the response keys become source, as literals; all else is bound by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from execution_monitor.storage.coercion import MAX_BIG_INT
from execution_monitor.storage.record_fields import StoredField, StoredForm

Emit = Callable[[Any], Any]

# GraphQL's Int has 32 bits (specification, section 3.5.1).
_LARGEST_INT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Value:
    """How one value becomes JSON: by `emit` of its row, or without a call where the `stored` field has its usual form.

    `inner` is what a field needs that is not stored as it is returned: the names of an enum, or the function of an
    object.
    """

    emit: Emit
    stored: StoredField | None = None
    inner: Any = None


# A test of the stored value `v`, and an expression that, where it holds, returns the same as `emit` without a call.
_TEMPLATES: Mapping[StoredForm, tuple[str, str]] = {
    StoredForm.TEXT: ("type(v) is str", "v"),
    StoredForm.NONEMPTY_TEXT: ("type(v) is str and v", "v"),
    StoredForm.INTEGER: (f"type(v) is int and -{_LARGEST_INT} <= v <= {_LARGEST_INT}", "v"),
    # PyMongo decodes integers of 64 bits as a class of its own.
    StoredForm.BIG_INTEGER: (f"type(v) is int and -{MAX_BIG_INT} <= v <= {MAX_BIG_INT}", "v"),
    # Adding zero removes the sign of a zero.
    StoredForm.NUMBER: ("type(v) is float and 0.0 <= v < infinity", "v + 0.0"),
    # As rows are read for lists; a date with a time zone takes half as long again to read and to write.
    StoredForm.DATETIME: (
        "type(v) is datetime and v.tzinfo is None and v.year > 1",
        "isoformat(v, 'T', 'milliseconds') + '+00:00'",
    ),
    StoredForm.CHOICE: ("type(v) is str and v in {inner}", "{inner}[v]"),
    StoredForm.OBJECT: ("type(v) is dict", "{inner}(v)"),
}
_GLOBALS: Mapping[str, Any] = {
    "__builtins__": {"type": type, "str": str, "int": int, "float": float, "dict": dict},
    "datetime": datetime,
    "infinity": float("inf"),
    "isoformat": datetime.isoformat,
}


def compile_row(fields: Sequence[tuple[str, Value]]) -> Emit:
    """Compile the function from a row to JSON with these response keys, in this order."""
    bound = dict(_GLOBALS)
    entries = [f"{key!r}: {_expression(value, index, bound)}" for index, (key, value) in enumerate(fields)]
    source = "\n".join(["def emit(row):", " get = row.get", " return {", *[f"  {each}," for each in entries], " }"])
    exec(compile(source, "<compiled selection>", "exec"), bound)  # noqa: S102 - made of the templates above
    return bound["emit"]


def _expression(value: Value, index: int, bound: dict[str, Any]) -> str:
    emit, inner = f"emit_{index}", f"inner_{index}"
    bound[emit] = value.emit
    if value.stored is None:
        return f"{emit}(row)"
    bound[inner] = value.inner
    test, unchanged = (each.replace("{inner}", inner) for each in _TEMPLATES[value.stored.form])
    test = test.replace("type(v)", f"type(v := get({value.stored.field!r}))", 1)
    otherwise = f"None if v is None else {emit}(row)" if value.stored.nullable else f"{emit}(row)"
    return f"{unchanged} if {test} else {otherwise}"
