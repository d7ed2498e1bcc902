"""Ports of an address of this machine: whether one is taken, and how a free one is picked."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the ephemeral ranges of Linux (from 32768) and macOS (from 49152), so that no client's
# socket sits by chance on the port a home remembers.
_LOWEST, _HIGHEST = 20_000, 29_999


def is_taken(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether something listens on `port`, or otherwise keeps a server from listening there."""
    if answers(port, host):
        return True
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: connections that are only timing out do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def can_listen(host: str) -> bool:
    """Tell whether `host` is an address of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a connection to `port` is accepted."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        return client.connect_ex((host, port)) == 0


def free_port(avoid: set[int], host: str = LOOPBACK) -> int:
    """Pick a free port at random, so that two homes started in the same moment do not pick the same."""
    while True:
        port = random.randint(_LOWEST, _HIGHEST)  # noqa: S311
        if port not in avoid and not is_taken(port, host):
            return port
