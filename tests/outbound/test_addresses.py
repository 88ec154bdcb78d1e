"""Public addresses."""

import pytest

from execution_monitor.outbound.addresses import is_public

PRIVATE = (
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "172.31.255.255"),  # noqa: S104 - nothing is bound
    *("192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1"),
    *("100::1", "2001:db8::1", "3fff::1", "2001:10::1", "2001:20::1", "4000::1"),
)
CARRYING_PRIVATE = (
    "::ffff:10.0.0.1",  # IPv4-mapped
    "::ffff:169.254.169.254",
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:a00:1::",
    "2001:0:7f00:1::53aa:64c",  # Teredo by the server 127.0.0.1
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo of the client 10.0.0.1
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",  # NAT64 of one network
    "2a00:1450:4001::5efe:10.0.0.1",  # ISATAP
    "2a00:1450:4001:0:200:5efe:10.0.0.1",
)
PUBLIC = (
    *("8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "198.17.0.1", "223.255.255.254"),
    *("2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_private_or_special_network_is_not_public(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", CARRYING_PRIVATE)
def test_an_address_that_carries_a_private_one_is_not_public(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "text", ["", "example.com", "2130706433", "0x7f.1", "0177.0.0.1", "8.8.8.8 ", "8.8.8", "[::1]"]
)
def test_what_is_no_address_is_not_public(text: str):
    assert not is_public(text)
