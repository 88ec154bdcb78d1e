"""Addresses of saved views: what the dashboard has is kept, and what leads elsewhere is refused."""

import pytest

from execution_monitor.errors import BadUserInput
from execution_monitor.saved_views.addresses import MAX_BYTES, checked_address


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/?since=-24h",
        "/executions?filter=status%3Ain(FAILED)&sort=TOTAL_COST%3ADESC",
        "/executions/?id=a%2F%2Fb",
        "/executions/a%2520b/c",
        "/workflows/h%C3%B3a%20%C4%91%C6%A1n?since=-7d",
        "/executions?filter=workflowName:eq(//cdn/../x)#top",
        "/" + "x" * (MAX_BYTES - 1),
    ],
)
def test_an_address_of_the_dashboard_is_kept_as_it_is(address: str):
    assert checked_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("", id="nothing"),
        pytest.param("executions", id="no slash"),
        pytest.param("https://evil.example/", id="a scheme"),
        pytest.param("javascript:alert(1)", id="a script"),
        pytest.param("//evil.example", id="two slashes"),
        pytest.param("/\\evil.example", id="a backslash"),
        pytest.param("/executions?filter=\\", id="a backslash in the query"),
        pytest.param("/\t/evil.example", id="a tab, which browsers drop"),
        pytest.param("/executions\n", id="a line break"),
        pytest.param("/\x7f", id="a control character of ASCII"),
        pytest.param("/\x85", id="a control character of Latin-1"),
        pytest.param("/\u202egpj.exe", id="a change of direction"),
        pytest.param("/\ud800", id="half of a surrogate pair"),
        pytest.param(" /executions", id="a space before it"),
        pytest.param("/.//evil.example", id="a dot and two slashes"),
        pytest.param("/executions/..//evil.example", id="two dots"),
        pytest.param("/%2E%2e/x", id="dots, encoded"),
        pytest.param("/executions/..", id="dots at the end"),
        pytest.param("/executions//a", id="an empty segment"),
    ],
)
def test_an_address_that_is_no_path_of_the_dashboard_is_refused(address: str):
    with pytest.raises(BadUserInput, match="exactly one slash"):
        checked_address(address)


@pytest.mark.parametrize("address", ["/" + "x" * MAX_BYTES, "/" + "é" * (MAX_BYTES // 2)])
def test_a_longer_address_is_refused(address: str):
    with pytest.raises(BadUserInput, match="at most 4,096 bytes"):
        checked_address(address)
