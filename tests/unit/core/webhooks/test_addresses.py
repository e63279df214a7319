import pytest

from service.core.webhooks.addresses import is_address, is_public

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "172.32.0.1", "100.63.255.255"]
NOT_PUBLIC = [
    "127.0.0.1", "127.255.0.1", "::1", "::", "0.0.0.0", "0.1.2.3",  # this host
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "fd12::1", "fec0::1",  # private
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "fe80::1", "fe80::1%eth0", "fd00:ec2::254",  # metadata
    "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.1", "2001:db8::1",  # shared, special, examples
    "224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255", "192.88.99.1",  # multicast, reserved, out of use
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",  # inside v6
    "2002:7f00:1::", "2001:0:7f00:1::", "::127.0.0.1",  # tunnels
    "", "localhost", "1.2.3", "0x7f.1", "2130706433", "127.0.0.1:80",  # no addresses
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_allowed(address: str) -> None:
    """An address of the Internet is, also where an IPv6 address stands for it."""
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_address_that_is_not_public_is_refused(address: str) -> None:
    """This host, its networks, metadata services, what is special, in every form, and what is no address, are not."""
    assert not is_public(address)


def test_host_that_is_an_address_is_known() -> None:
    """Addresses are told from names, with the brackets of URLs too."""
    assert all(map(is_address, ["127.0.0.1", "::1", "[::1]", "fe80::1%eth0"]))
    assert not any(map(is_address, ["localhost", "1.2.3", "example.com", ""]))
