#!/usr/bin/env bash
# What ssh is to mpirun on a cluster, for the hosts of network.sh: agent.sh HOST COMMAND...
# The command gets a login's environment, not mpirun's. TRAINER_HOSTS is the folder of network.sh.
set -euo pipefail
host=$1
shift
exec nsenter --target "$(cat "$TRAINER_HOSTS/$host.pid")" --net --uts --mount --ipc \
    env -i HOME="${HOME:-/}" PATH="$PATH" sh -c "$*"
