"""Pages of other sites may not write, unless a setting allows theirs; programs may."""

import pytest
from starlette.datastructures import Headers

from execution_monitor.asgi.cross_site import refuse_cross_site
from execution_monitor.errors import Forbidden

FRIEND = "https://friend.example.com"
HOST = "monitor.example.com"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({}, id="a program"),
        pytest.param({"origin": f"https://{HOST}", "sec-fetch-site": "same-origin"}, id="our own page"),
        pytest.param({"origin": f"http://{HOST}:80"}, id="our own page before a proxy"),
        pytest.param({"origin": FRIEND, "sec-fetch-site": "cross-site"}, id="a page that may"),
        pytest.param({"sec-fetch-site": "none"}, id="a person"),
    ],
)
def test_requests_of_programs_and_of_pages_that_may_write_pass(sent: dict[str, str]):
    refuse_cross_site(Headers({"host": HOST, **sent}), [FRIEND])


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"origin": "https://stranger.example.com"}, id="another origin"),
        pytest.param({"origin": "null"}, id="a page without an origin"),
        pytest.param({"origin": f"https://{HOST}:8443"}, id="another port"),
        pytest.param({"origin": f"{FRIEND}.example.org"}, id="an origin that begins like one that may"),
        pytest.param({"sec-fetch-site": "cross-site"}, id="another site"),
        pytest.param({"sec-fetch-site": "same-site"}, id="another host of the same site"),
        pytest.param({"origin": f"https://{HOST}", "sec-fetch-site": "cross-site"}, id="two that contradict"),
    ],
)
def test_requests_of_pages_of_other_sites_are_refused(sent: dict[str, str]):
    with pytest.raises(Forbidden, match="EXECUTION_MONITOR_ALLOWED_ORIGINS"):
        refuse_cross_site(Headers({"host": HOST, **sent}), [FRIEND])
