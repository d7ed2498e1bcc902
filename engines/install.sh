#!/bin/sh
# Install what is locked: Python packages into VENV, and the jars of Kafka and Spark.
# Usage: engines/install.sh VENV [--runtime]    --runtime leaves out what only development needs
set -eu
cd "$(dirname "$0")/.."
venv=$1
python=$venv/bin/python
export PATH="$PWD/$venv/bin:$PATH"

test -x "$python" || "${PYTHON:-python3}" -m venv "$venv"
command -v uv >/dev/null || "$python" -m pip install --quiet --require-hashes -r requirements-uv.txt
echo "Installing the locked packages into $venv …"
install="uv pip install --quiet --compile-bytecode --python $python"
if [ "${2:-}" = --runtime ]; then
  $install --require-hashes -r pyproject.toml --constraint requirements.txt
else
  uv pip sync --quiet --compile-bytecode --python "$python" --require-hashes requirements.txt
fi
$install --no-deps --build-constraints requirements.txt -e .
"$python" -m engines.jars
