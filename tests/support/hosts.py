"""Hosts of a network, as namespaces of this machine: each has an address, a loopback and processes of its own."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_SUBNET = "10.77.0"
_OWN_ALONE = ("127.", "[::1]", "[::ffff:127.")


@dataclass(frozen=True, slots=True)
class Network:
    """Hosts that reach each other, and nothing else; `addresses` by name."""

    prefix: str
    addresses: dict[str, str]

    def on(self, host: str, command: Sequence[str]) -> list[str]:
        """Return the command that runs `command` on a host."""
        return ["ip", "netns", "exec", f"{self.prefix}{host}", *command]

    def hosts_file(self) -> str:
        """Return an /etc/hosts in which every host has its name."""
        return "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in self.addresses.items())

    def listening(self, host: str) -> set[int]:
        """Return the ports of a host that other hosts can connect to."""
        found = subprocess.run(
            self.on(host, ["ss", "--no-header", "--listening", "--tcp", "--numeric"]),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        places = [line.split()[3] for line in found.splitlines()]
        return {int(place.rpartition(":")[2]) for place in places if not place.startswith(_OWN_ALONE)}


def lacking() -> str | None:
    """Say what this machine lacks for networks of hosts; None where it has all."""
    if os.geteuid() != 0:
        return "Network namespaces need root."
    tools = [tool for tool in ("ip", "ss", "unshare", "setpriv") if shutil.which(tool) is None]
    if tools:
        return f"Network namespaces need {' and '.join(tools)} (Debian: iproute2, util-linux)."
    name = f"probe-{uuid.uuid4().hex[:6]}"
    probe = f"ip netns add {name} && ip -n {name} link add br0 type bridge; code=$?; ip netns del {name}; exit $code"
    made = subprocess.run(["sh", "-c", probe], capture_output=True, text=True, check=False)
    return None if made.returncode == 0 else f"This machine allows no network namespaces: {made.stderr.strip()}"


@contextmanager
def network(names: Sequence[str]) -> Iterator[Network]:
    """Join new hosts by a switch; their processes end with them."""
    made = Network(f"{uuid.uuid4().hex[:6]}-", {name: f"{_SUBNET}.{n}" for n, name in enumerate(names, 10)})
    switch = f"{made.prefix}switch"
    try:
        _ip("netns", "add", switch)
        _ip("-n", switch, "link", "add", "br0", "type", "bridge")
        _ip("-n", switch, "link", "set", "br0", "up")
        for number, (name, address) in enumerate(made.addresses.items()):
            host, plug = f"{made.prefix}{name}", f"plug{number}"
            _ip("netns", "add", host)
            _ip("-n", switch, "link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", host)
            _ip("-n", switch, "link", "set", plug, "master", "br0", "up")
            _ip("-n", host, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", host, "link", "set", device, "up")
        yield made
    finally:
        for name in (*made.addresses, "switch"):
            _removed(f"{made.prefix}{name}")


def _removed(namespace: str) -> None:
    found = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False).stdout
    for pid in found.split():
        subprocess.run(["kill", "-KILL", pid], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
