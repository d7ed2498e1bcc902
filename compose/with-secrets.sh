#!/bin/sh
# Run a command of Dagster, whose configuration takes its password from the environment, with the service's secrets.
set -eua
. "$ELECTION_ENV_FILE"
exec "$@"
