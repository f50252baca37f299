"""Addresses, `host:port`."""

from ipaddress import ip_address


def is_loopback(address: str) -> bool:
    """Tells whether `host:port` is reached from this machine only; of names only `localhost` is."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
