"""Python source for rows: one function for a selection, without a call for a value that is stored as it is shown.

Of what an operation holds only response keys become source, as literals; all else is bound by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from execution_monitor.storage.record_fields import StoredField, StoredForm

Emit = Callable[[Any], Any]

# GraphQL's Int has 32 bits (specification, section 3.5.1).
_LARGEST_INT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Value:
    """How one value is shown: by `emit` of its row, or at once where the value of the `stored` field has its form.

    `inner` is bound for a field whose value is shown by a look-up or a function: the names of an enum, an object's own.
    """

    emit: Emit
    stored: StoredField | None = None
    inner: Any = None


# Where the test holds, the second shows the stored value `v` as `emit` does: for most values, without a call.
_TEMPLATES: Mapping[StoredForm, tuple[str, str]] = {
    StoredForm.TEXT: ("type(v) is str", "v"),
    StoredForm.NONEMPTY_TEXT: ("type(v) is str and v", "v"),
    StoredForm.INTEGER: (f"type(v) is int and -{_LARGEST_INT} <= v <= {_LARGEST_INT}", "v"),
    # Adding zero takes the sign off a zero.
    StoredForm.NUMBER: ("type(v) is float and 0.0 <= v < infinity", "v + 0.0"),
    # As rows are read for lists; a date with a time zone takes half as long again to read and to spell.
    StoredForm.DATETIME: ("type(v) is datetime and v.tzinfo is None", "isoformat(v, 'T', 'milliseconds') + '+00:00'"),
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
    """The function from a row to JSON with these response keys, in this order."""
    bound = dict(_GLOBALS)
    shown = [f"{key!r}: {_expression(value, index, bound)}" for index, (key, value) in enumerate(fields)]
    source = "\n".join(["def emit(row):", " get = row.get", " return {", *[f"  {each}," for each in shown], " }"])
    exec(compile(source, "<compiled selection>", "exec"), bound)  # noqa: S102 - made of the templates above
    return bound["emit"]


def _expression(value: Value, index: int, bound: dict[str, Any]) -> str:
    emit, inner = f"emit_{index}", f"inner_{index}"
    bound[emit] = value.emit
    if value.stored is None:
        return f"{emit}(row)"
    bound[inner] = value.inner
    test, shown = (each.replace("{inner}", inner) for each in _TEMPLATES[value.stored.form])
    test = test.replace("type(v)", f"type(v := get({value.stored.field!r}))", 1)
    otherwise = f"None if v is None else {emit}(row)" if value.stored.nullable else f"{emit}(row)"
    return f"{shown} if {test} else {otherwise}"
