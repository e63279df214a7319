"""
Which addresses a notification may be sent to: public ones, unless the operator allows all.

The list of what is not public is that of `ipaddress` with what it leaves out, and an IPv6 address that stands for an
IPv4 address is judged by that one.
"""

import ipaddress

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")  # a tunnel that is out of use, to any IPv4 address
_TEREDO = ipaddress.IPv6Network("2001::/32")  # another one
# Some releases of Python 3.11 count a part of these as global.
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4", "fec0::/10"),
    )
)


def is_public(text: str) -> bool:
    """
    Tell whether this is the address of a host on the public Internet.

    Private, loopback, link-local (with the metadata services of clouds), shared, multicast and reserved ones are none,
    nor is what is no address.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in _SIX_TO_FOUR or address in _TEREDO:
            return False
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if any(address.version == network.version and address in network for network in _SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def is_address(host: str) -> bool:
    """Tell whether a host is written as an address."""
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True
