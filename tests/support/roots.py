"""A root of its own for a process, as a container has one: the machine's programs, what is mounted, nothing else."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SCRIPT = """
set -eu
root={root}
hostname {hostname}
mount -t tmpfs -o mode=0755 root $root
for folder in bin sbin lib lib64 usr; do
  if [ -L /$folder ]; then cp -P /$folder $root/; elif [ -d /$folder ]; then
    mkdir $root/$folder; mount --bind /$folder $root/$folder; fi
done
cp -a /etc $root/etc
mkdir $root/dev $root/proc $root/sys
mount --rbind /dev $root/dev
mount -t proc proc $root/proc
printf %s {hosts} > $root/etc/hosts
printf '%s:x:%s:0::/:/bin/sh\\n' root 0 election 999 appuser 1000 > $root/etc/passwd
{mounts}
{seal}
exec chroot $root setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs --bounding-set=-all \\
  --inh-caps=-all env -i {variables} sh -c 'cd {folder} && exec "$@"' service {command}
"""
_SPACES = "unshare --mount --uts --pid --fork --kill-child --propagation private sh -c"


@dataclass(frozen=True, slots=True)
class Root:
    """Where a process runs, and as whom: without capabilities, in a process space that ends with it."""

    place: Path
    hostname: str
    hosts_file: str
    user: str
    variables: Mapping[str, str]
    folder: str
    is_read_only: bool
    mounts: list[str] = field(default_factory=list)

    def mount(self, source: Path, target: str, *, read_only: bool) -> None:
        """Show a file or folder of the machine there."""
        there = f"$root{target}"
        made = f"mkdir -p {there}" if source.is_dir() else f"mkdir -p $(dirname {there}); touch {there}"
        remounted = f"; mount -o remount,bind,ro {there}" if read_only else ""
        self.mounts.append(f"{made}; mount --bind {shlex.quote(str(source))} {there}{remounted}")

    def scratch(self, target: str) -> None:
        """Show an empty folder in memory there, that everybody may write to."""
        self.mounts.append(f"mkdir -p $root{target}; mount -t tmpfs -o mode=1777 tmpfs $root{target}")

    def command(self, command: Sequence[str]) -> list[str]:
        """Return the command that runs `command` there; the starter must be root."""
        self.place.mkdir(exist_ok=True)
        script = _SCRIPT.format(
            root=shlex.quote(str(self.place)),
            hostname=self.hostname,
            hosts=shlex.quote(self.hosts_file),
            mounts="\n".join(self.mounts),
            seal="mount -o remount,ro $root" if self.is_read_only else "",
            user=self.user,
            variables=" ".join(shlex.quote(f"{name}={value}") for name, value in self.variables.items()),
            folder=self.folder,
            command=shlex.join(command),
        )
        return [*_SPACES.split(), script]
