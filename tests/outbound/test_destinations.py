"""Destinations: which URLs may be sent to."""

import pytest

from execution_monitor.errors import BadUserInput
from execution_monitor.outbound.destinations import DestinationRules, Service

RULES = DestinationRules()
REFUSED = {
    "no scheme": "receiver.example.com/hook",
    "plain http": "http://receiver.example.com/hook",
    "another scheme": "gopher://receiver.example.com/",
    "a file": "file:///etc/passwd",
    "a user": "https://user@receiver.example.com/",
    "a user and a password": "https://user:secret@receiver.example.com/",
    "an empty user": "https://@receiver.example.com/",
    "no host": "https:///hook",
    "the port of mail": "https://receiver.example.com:25/",
    "the port of http": "https://receiver.example.com:80/",
    "the port of a database": "https://receiver.example.com:27017/",
    "port 0": "https://receiver.example.com:0/",
    "a port that is none": "https://receiver.example.com:x/",
    "a decimal address": "https://2130706433/",
    "an octal address": "https://0177.0.0.1/",
    "a hexadecimal address": "https://0x7f.0.0.1/",
    "a hexadecimal number": "https://0x7f000001/",
    "a short address": "https://127.1/",
    "leading zeros": "https://08.8.8.8/",
    "too large a part": "https://8.8.8.256/",
    "a name that ends in a number": "https://receiver.0x10/",
    "a dot behind the name": "https://receiver.example.com./",
    "a dot behind an address": "https://127.0.0.1./",
    "loopback": "https://127.0.0.1/",
    "metadata of a cloud": "https://169.254.169.254/latest/meta-data/",
    "loopback of IPv6": "https://[::1]/",
    "mapped": "https://[::ffff:127.0.0.1]/",
    "NAT64": "https://[64:ff9b::7f00:1]/",
    "6to4": "https://[2002:7f00:1::]/",
    "a zone": "https://[fe80::1%25eth0]/",
    "brackets around a name": "https://[receiver.example.com]/",
    "letters that are no ASCII": "https://rëceiver.example.com/",
    "full-width digits": "https://\uff11\uff12\uff17.0.0.1/",
    "a backslash": "https://receiver.example.com\\@127.0.0.1/",
    "a space": "https://receiver.example.com/ hook",
    "a line break": "https://receiver.example.com/\r\nX-Header: 1",
    "a null byte": "https://receiver.example.com/\0",
    "a fragment": "https://receiver.example.com/#hook",
    "an empty label": "https://receiver..example.com/",
    "too long": f"https://receiver.example.com/{'x' * 2_000}",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_a_url_is_refused_with_what_to_do_and_without_repeating_it(url: str):
    with pytest.raises(BadUserInput) as refused:
        RULES.check(url)

    assert refused.value.message.endswith(".")
    assert "secret" not in refused.value.message
    assert url not in refused.value.message


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://receiver.example.com/hook?key=1", "receiver.example.com", 443),
        ("https://RECEIVER.example.com:8443/hook", "receiver.example.com", 8443),
        ("https://8.8.8.8/", "8.8.8.8", 443),
        ("https://[2606:4700:4700::1111]:8443/", "2606:4700:4700::1111", 8443),
        ("https://xn--rceiver-cya.example.com", "xn--rceiver-cya.example.com", 443),
        ("https://4.example.com/", "4.example.com", 443),
    ],
)
def test_a_public_url_names_its_host_and_port(url: str, host: str, port: int):
    destination = RULES.check(url)

    assert (destination.url, destination.host, destination.port, destination.is_inside) == (url, host, port, False)


def test_http_is_for_development():
    rules = DestinationRules.allowing([], is_development=True)

    assert rules.check("http://receiver.example.com/hook").port == 80
    with pytest.raises(BadUserInput):
        rules.check("http://127.0.0.1/hook")


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("alerts.internal:9093", "https://alerts.internal:9093/api"),
        ("10.0.0.7:443", "https://10.0.0.7/hook"),
        ("[fd00::7]:8443", "https://[fd00::7]:8443/hook"),
    ],
)
def test_an_operator_allows_a_receiver_inside_by_host_and_port(allowed: str, url: str):
    rules = DestinationRules.allowing([allowed.upper()], is_development=False)

    assert rules.check(url).is_inside
    with pytest.raises(BadUserInput):
        RULES.check(url)


def test_a_receiver_inside_is_allowed_at_its_own_port_alone():
    rules = DestinationRules.allowing(["10.0.0.7:8443"], is_development=False)

    with pytest.raises(BadUserInput, match="not public"):
        rules.check("https://10.0.0.7/")


@pytest.mark.parametrize(
    ("service", "url"),
    [
        (Service.SLACK, "https://hooks.slack.com/services/T0/B0/x"),
        (Service.SLACK, "https://hooks.slack-gov.com/services/T0/B0/x"),
        (Service.TEAMS, "https://contoso.webhook.office.com/webhookb2/x"),
        (Service.TEAMS, "https://prod-1.westus.logic.azure.com/workflows/x"),
    ],
)
def test_a_service_has_hosts_of_its_own(service: Service, url: str):
    assert RULES.check(url, service).url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://receiver.example.com/services/T0/B0/x",
        "https://hooks.slack.com.example.com/services/x",
        "https://xhooks.slack.com/x",
    ],
)
def test_another_host_is_none_of_a_service(url: str):
    with pytest.raises(BadUserInput, match="no address of Slack"):
        RULES.check(url, Service.SLACK)


def test_what_is_shown_of_a_destination_has_neither_path_nor_query():
    assert "token" not in repr(RULES.check("https://receiver.example.com/token?token=1"))
