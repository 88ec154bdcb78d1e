"""Generated scalars for fuzzing, and what must hold for every response."""

import re
from typing import Any

from hypothesis import strategies as st
from hypothesis_graphql import nodes

# Parts of messages of Python, the driver and MongoDB, and of paths.
INTERNALS = re.compile(
    r"Traceback|\.py\b|line \d+, in|0x[0-9a-f]{8}|<class|object at|NoneType|pymongo|mongod|MongoDB server|errmsg|"
    r"Error\(|bson|asyncio|/site-packages|/usr/|/root/|/home/",
)
SCALARS = {
    "DateTime": st.datetimes().map(lambda each: nodes.String(f"{each.isoformat()}Z")) | st.text().map(nodes.String),
    "BigInt": st.integers(-(2**54), 2**54).map(nodes.Int),
    "JSON": st.text().map(nodes.String),
}


def assert_sound(status: int, body: Any) -> None:
    """Check that `body` has data, or errors whose codes are mistakes of the client, and shows no internals."""
    assert status < 500, body
    for error in body.get("errors", ()):
        code = error["extensions"]["code"]
        assert code != "INTERNAL_SERVER_ERROR", error
        assert not INTERNALS.search(error["message"]), error
