import pytest

from execution_monitor.auth.trusted_urls import is_https_or_loopback


@pytest.mark.parametrize(
    ("url", "trustworthy"),
    [
        ("https://issuer.example", True),
        ("http://localhost:8080/realms/x", True),
        ("http://[::1]:8080", True),
        ("http://issuer.example", False),
        ("http://127.0.0.1.example", False),
        ("http://localhost@issuer.example", False),
        ("ftp://localhost", False),
        ("https://", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_an_address_is_trusted_when_no_one_on_the_network_can_forge_its_responses(url: str, trustworthy: bool):  # noqa: FBT001 - the expectation
    assert is_https_or_loopback(url) is trustworthy
