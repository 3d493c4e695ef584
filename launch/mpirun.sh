#!/usr/bin/env bash
# mpirun, except that SIGTERM, SIGINT (Ctrl-C) and SIGHUP let the ranks finish their step and save: mpirun itself
# would kill them after two seconds and return 1. Returns what the ranks return: 75 if the run was stopped and
# --resume goes on. A second signal makes the ranks leave at once.
#
#   launch/mpirun.sh -np 4 build/trainer train run.yaml --out runs/a --resume
set -uo pipefail

# In a session of its own it gets no Ctrl-C from the terminal; SIGUSR2 is passed on to the ranks.
setsid mpirun "$@" <&0 &
mpirun=$!
trap 'kill -USR2 "$mpirun" 2>/dev/null' TERM INT HUP USR2
trap 'kill -USR1 "$mpirun" 2>/dev/null' USR1
while :; do
    wait "$mpirun"
    code=$?
    kill -0 "$mpirun" 2>/dev/null || break # a signal ends `wait`, but not mpirun
done
exit "$code"
