"""What is made up to be asked, and what any answer to it must be."""

import re
from typing import Any

from hypothesis import strategies as st
from hypothesis_graphql import nodes

# Of Python, of the driver, of MongoDB, of paths.
INSIDES = re.compile(
    r"Traceback|\.py\b|line \d+, in|0x[0-9a-f]{8}|<class|object at|NoneType|pymongo|mongod|MongoDB server|errmsg|"
    r"Error\(|bson|asyncio|/site-packages|/usr/|/root/|/home/",
)
SCALARS = {
    "DateTime": st.datetimes().map(lambda each: nodes.String(f"{each.isoformat()}Z")) | st.text().map(nodes.String),
    "JSON": st.text().map(nodes.String),
}


def assert_sound(status: int, body: Any) -> None:
    """`body` is what a client may be shown: data, or errors with a code that is the client's own mistake."""
    assert status < 500, body
    for error in body.get("errors", ()):
        code = error["extensions"]["code"]
        assert code != "INTERNAL_SERVER_ERROR", error
        assert not INSIDES.search(error["message"]), error
