"""Headers: lists in several lines, and content codings."""

from collections.abc import Sequence

import pytest
from starlette.datastructures import Headers

from execution_monitor.asgi.headers import accepts_gzip, combined_header


def test_the_lines_of_a_header_are_one_list():
    headers = Headers(raw=[(b"accept", b"text/html"), (b"x", b"1"), (b"accept", b"application/json")])

    assert combined_header(headers, "accept") == "text/html, application/json"
    assert combined_header(headers, "cookie") is None


@pytest.mark.parametrize(
    ("lines", "accepts"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param([""], False, id="an empty line"),
        pytest.param(["gzip"], True, id="gzip"),
        pytest.param(["GZIP"], True, id="in capitals"),
        pytest.param(["x-gzip"], True, id="by its old name"),
        pytest.param(["br , gzip ; q=0.5"], True, id="as second best"),
        pytest.param(["*"], True, id="anything"),
        pytest.param(["br;q=1, *;q=0.1"], True, id="anything at worst"),
        pytest.param(["br", "gzip"], True, id="in a second line"),
        pytest.param(["gzip;q=0.001"], True, id="at the lowest quality there is"),
        pytest.param(["gzip;q=0"], False, id="refused"),
        pytest.param(["gzip;q=0.000"], False, id="refused at length"),
        pytest.param(["gzip; Q=0"], False, id="refused in capitals"),
        pytest.param(["gzip;q=0, *"], False, id="anything else"),
        pytest.param(["*;q=0"], False, id="nothing at all"),
        pytest.param(["identity"], False, id="identity"),
        pytest.param(["identity, gzip;q=0.5"], False, id="identity preferred"),
        pytest.param(["identity;q=0.5, gzip"], True, id="gzip preferred"),
        pytest.param(["identity;q=0, gzip"], True, id="no identity"),
        pytest.param(["gzip;q=x"], False, id="a quality that is no number"),
        pytest.param(["gzip;level=9"], False, id="a parameter that is none"),
        pytest.param(["xgzip, gzipped, notgzip"], False, id="names that hold the name"),
    ],
)
def test_accept_encoding_decides_on_gzip(lines: Sequence[str], accepts: bool):  # noqa: FBT001 - a case
    raw = [(b"accept-encoding", line.encode()) for line in lines]

    assert accepts_gzip(Headers(raw=raw)) is accepts
