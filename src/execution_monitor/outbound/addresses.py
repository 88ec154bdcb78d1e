"""Public addresses: which IP addresses lie outside every private network, also those that carry another one inside."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

# Python's `is_global` has multicast among them, and by version some of the rest.
_NEVER_V4 = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
# All public addresses of IPv6 that are assigned lie in 2000::/3.
_PUBLIC_V6 = IPv6Network("2000::/3")
_NEVER_V6 = tuple(map(ip_network, ("2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "3fff::/20")))
_NAT64 = IPv6Network("64:ff9b::/96")
# The second half of an address of ISATAP, without the bit that says whether it is unique.
_ISATAP, _ISATAP_MASK = 0x0000_5EFE, 0xFDFF_FFFF
_32_BITS = 0xFFFF_FFFF


def is_public(text: str) -> bool:
    """Whether `text` is an IP address that anyone on the Internet may be reached at, and so is each one inside it.

    Addresses inside others: IPv4-mapped ones, 6to4, Teredo, NAT64 and ISATAP.
    """
    if "%" in text:  # of one network interface
        return False
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return _is_public_v4(address) if isinstance(address, IPv4Address) else _is_public_v6(address)


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not any(address in network for network in _NEVER_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    inner = _carried_by(address)
    if address.ipv4_mapped is not None or address in _NAT64:
        return all(map(_is_public_v4, inner))
    is_assigned = address in _PUBLIC_V6 and not any(address in network for network in _NEVER_V6)
    return is_assigned and all(map(_is_public_v4, inner))


def _carried_by(address: IPv6Address) -> Sequence[IPv4Address]:
    """The addresses of IPv4 that packets for `address` may be sent on to."""
    if address.teredo is not None:
        return address.teredo
    last = IPv4Address(int(address) & _32_BITS)
    is_isatap = (int(address) >> 32 & _ISATAP_MASK) == _ISATAP
    carried = (address.ipv4_mapped, address.sixtofour, last if address in _NAT64 or is_isatap else None)
    return [each for each in carried if each is not None]
