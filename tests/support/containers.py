"""What `docker compose up` does with docker-compose.yml, without Docker: each service on a host of its own.

A service gets the command, variables, user, volumes and read-only root that the file says.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from engines.java import find_java
from tests.support import images
from tests.support.hosts import Network, network
from tests.support.images import PROJECT
from tests.support.roots import Root

COMPOSE_FILE = PROJECT / "docker-compose.yml"
ONE_SHOTS = ("secrets", "setup")
# The machine that runs Docker, and another one that has its address.
DOCKER_HOST, ELSEWHERE = "docker", "elsewhere"
_WAIT_SECONDS = 400
# What the images bring.
_IMAGE_VARIABLES = {
    "PATH": "/opt/election/.venv/bin:/usr/local/bin:/usr/bin:/bin",
    "PYTHONUNBUFFERED": "1",
    "ELECTION_HOME": "/var/lib/election",
    "ELECTION_ENV_FILE": "/run/election/engines.env",
}

Service = dict[str, Any]


def services_of(settings: Mapping[str, str]) -> dict[str, Service]:
    """Read the services, with settings in the place of their variables."""

    def value(found: re.Match[str]) -> str:
        return settings.get(found[1]) or found[2]

    text = re.sub(r"\$\{(\w+):-([^}]*)\}", value, COMPOSE_FILE.read_text())
    services: dict[str, Service] = yaml.safe_load(text)["services"]
    return services


@dataclass(slots=True)
class Container:
    """A service that was started."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """Return what it printed last."""
        return self.log.read_text(errors="replace")[-3000:]


@dataclass(slots=True)
class Containers:
    """The services of the default profile on a network, beside the host of Docker and another machine."""

    network: Network
    image: Path
    postgres: Path
    folder: Path
    services: dict[str, Service]
    running: dict[str, Container] = field(default_factory=dict)

    def volume(self, name: str) -> Path:
        """Return the folder of a named volume."""
        return self.folder / "volumes" / name

    def up(self) -> None:
        """Start all services, each once those it depends on are as it wants them, and wait until all are well."""
        waiting = dict(self.services)
        deadline = time.monotonic() + _WAIT_SECONDS
        while waiting or not all(map(self._is_well, self.services)):
            for name in [one for one, service in waiting.items() if self._may_start(service)]:
                self._start(name, waiting.pop(name))
            if time.monotonic() > deadline:
                ill = [name for name in self.services if not self._is_well(name)]
                said = "\n".join(f"== {name}\n{one.said()}" for name, one in self.running.items() if name in ill)
                raise AssertionError(f"Not well: {', '.join(ill)}.\n{said}")
            time.sleep(1)

    def run(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as `docker compose exec NAME` does: with all that the service has."""
        whole = self._command(name, self.services[name], command)
        return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=300)

    @contextmanager
    def started(self, name: str, *command: str) -> Iterator[None]:
        """Run such a command while the body runs."""
        with subprocess.Popen(self._command(name, self.services[name], command)) as process:
            try:
                yield
            finally:
                process.kill()

    def run_on(self, host: str, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command on a host that is no service's, with this machine's own programs."""
        whole = self.network.on(host, ["env", *(f"{key}={value}" for key, value in variables.items()), *command])
        return subprocess.run(whole, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300)

    def _is_well(self, name: str) -> bool:
        return self._is_done(name) if name in ONE_SHOTS else self._is_healthy(name)

    def _is_healthy(self, name: str) -> bool:
        """Tell whether a service passes its health check; of a stand-in, whether its port answers."""
        if (container := self.running.get(name)) is None:
            return False
        code = container.process.poll()
        assert code is None, f"{name} ended with {code}.\n{container.said()}"
        if self.services[name]["image"].startswith("election"):
            return self.run(name, *self.services[name]["healthcheck"]["test"][1:]).returncode == 0
        port = 5432 if name == "postgres" else 19092
        probe = f"import socket; socket.create_connection(('localhost', {port}), 2)"
        return self.run_on(name, sys.executable, "-c", probe).returncode == 0

    def _is_done(self, name: str) -> bool:
        if (container := self.running.get(name)) is None or (code := container.process.poll()) is None:
            return False
        assert code == 0, f"{name} ended with {code}.\n{container.said()}"
        return True

    def _may_start(self, service: Service) -> bool:
        return all(
            self._is_done(name) if one["condition"] == "service_completed_successfully" else self._is_healthy(name)
            for name, one in service.get("depends_on", {}).items()
        )

    def _start(self, name: str, service: Service) -> None:
        log = self.folder / f"{name}.log"
        command = service.get("command", [])
        if service["image"].startswith("apache/kafka"):
            command = ["sh", "-c", images.KAFKA]
        elif service["image"].startswith("postgres"):
            command = ["sh", "-c", images.POSTGRES, "postgres", *command]
        with log.open("wb") as output:
            process = subprocess.Popen(self._command(name, service, command), stdout=output, stderr=output)
        self.running[name] = Container(process, log)

    def _command(self, name: str, service: Service, command: Sequence[str]) -> list[str]:
        java = find_java(os.environ).resolve().parents[1]
        root = Root(
            place=self.folder / "roots" / name,
            hostname=service.get("hostname", name),
            hosts_file=self.network.hosts_file(),
            user={"appuser": "1000"}.get(service["user"], service["user"].partition(":")[0]),
            variables={**_IMAGE_VARIABLES, "JAVA_HOME": str(java), **service.get("environment", {})},
            folder="/opt/election",
            is_read_only=service.get("read_only", False),
        )
        root.mount(self.image, "/opt/election", read_only=True)
        root.mount(self.postgres, "/opt/postgres", read_only=True)
        # Python and Java of this machine, where they lie outside of /usr.
        for tool in {Path(sys.base_prefix), java}:
            if not tool.is_relative_to("/usr"):
                root.mount(tool, str(tool), read_only=True)
        for line in service.get("volumes", []):
            source, target, *options = line.split(":")
            place = PROJECT / source if source.startswith(".") else self.volume(source)
            root.mount(place, target, read_only="ro" in options)
        for line in service.get("tmpfs", ["/tmp"]):
            root.scratch(line.partition(":")[0])
        return self.network.on(name, root.command(command))


@contextmanager
def containers(image: Path, postgres: Path, folder: Path) -> Iterator[Containers]:
    """Yield the services, not started yet; ELECTION_HOST is the address of the machine that runs Docker."""
    names = [name for name, one in services_of({}).items() if "profiles" not in one]
    (folder / "roots").mkdir()
    with network([*names, DOCKER_HOST, ELSEWHERE]) as hosts:
        services = services_of({"ELECTION_HOST": hosts.addresses[DOCKER_HOST]})
        made = Containers(hosts, image, postgres, folder, {name: services[name] for name in names})
        for volume in yaml.safe_load(COMPOSE_FILE.read_text())["volumes"]:
            made.volume(volume).mkdir(mode=0o700, parents=True)
            # As the images have them, which Docker copies.
            owner = 1000 if volume.startswith("kafka") else 999
            os.chown(made.volume(volume), owner, owner)
        try:
            yield made
        finally:
            for container in made.running.values():
                container.process.kill()
            for container in made.running.values():
                container.process.wait()
