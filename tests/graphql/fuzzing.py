"""Generated scalars, and what every response to generated requests must be."""

import re
from typing import Any

from hypothesis import strategies as st
from hypothesis_graphql import nodes

# Of Python, of the driver, of MongoDB, of paths.
INTERNALS = re.compile(
    r"Traceback|\.py\b|line \d+, in|0x[0-9a-f]{8}|<class|object at|NoneType|pymongo|mongod|MongoDB server|errmsg|"
    r"Error\(|bson|asyncio|/site-packages|/usr/|/root/|/home/",
)
SCALARS = {
    "DateTime": st.datetimes().map(lambda each: nodes.String(f"{each.isoformat()}Z")) | st.text().map(nodes.String),
    "JSON": st.text().map(nodes.String),
}


def assert_sound(status: int, body: Any) -> None:
    """`body` has data, or errors with a code for a mistake of the client, without internals of the server."""
    assert status < 500, body
    for error in body.get("errors", ()):
        code = error["extensions"]["code"]
        assert code != "INTERNAL_SERVER_ERROR", error
        assert not INTERNALS.search(error["message"]), error
