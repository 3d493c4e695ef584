#!/usr/bin/env bash
# mpirun, except that SIGTERM, SIGINT (Ctrl-C) and SIGHUP let the ranks finish their step and save: mpirun itself
# would kill them after two seconds and return 1. Returns what the ranks return: 75 if the run was stopped and
# --resume goes on. A second signal makes the ranks leave at once.
#
#   launch/mpirun.sh -np 4 build/trainer train run.yaml --out runs/a --resume
set -uo pipefail

mpirun='' asked=''

# Does a process catch or block SIGUSR2? It is bit 11 of the masks.
heeds_usr2() {
    local name mask
    while read -r name mask; do
        [[ $name == Sig@(Blk|Cgt): ]] && ((16#$mask & 0x800)) && return 0
    done 2>/dev/null <"/proc/$1/status"
    return 1
}

# Until mpirun has started its ranks, and they have begun, it loses the signal or is ended by it.
is_ready() {
    local pid children
    children=$(pgrep -P "$mpirun") || return 1
    for pid in "$mpirun" $children; do
        heeds_usr2 "$pid" || return 1
    done
}

# Passes a signal on to mpirun, which hands it to the ranks.
# shellcheck disable=SC2317 # the traps call it
relay() {
    asked=$1
    [ ! -t 2 ] || printf '\r\033[K' >&2 # after the ^C that a terminal shows
    [ "$mpirun" ] || return 0
    for ((i = 0; i < 60; i++)); do
        is_ready && break
        kill -0 "$mpirun" 2>/dev/null || return 0
        sleep 0.05
    done
    kill "-$1" "$mpirun" 2>/dev/null
}

trap 'relay USR2' TERM INT HUP USR2
trap 'relay USR1' USR1
# In a session of its own it gets no Ctrl-C from the terminal.
setsid mpirun "$@" <&0 &
mpirun=$!
[ -z "$asked" ] || relay "$asked"
while :; do
    wait "$mpirun"
    code=$?
    kill -0 "$mpirun" 2>/dev/null || break # a signal ends `wait`, but not mpirun
done
exit "$code"
