#!/usr/bin/env bash
# Hosts on one machine: namespaces joined by a bridge. tests/support/hosts.py starts this in namespaces of its
# own (network, mounts, processes); whatever it makes goes away with its first process, however that ends.
#
#   network.sh FOLDER COUNT KEEP...
#
# Host K (host1 … hostCOUNT) has a network with the address 10.77.0.K, a host name, System V and POSIX shared
# memory and a /tmp that the others do not see. All see the other files of the machine; what stands in /tmp they see
# if it is in one of the folders KEEP. FOLDER/hostK.pid names a process that lives in the host, FOLDER/ready says that
# all is set up. The hosts last until stdin closes.
set -euo pipefail

folder=$1 count=$2
shift 2
keep=("$folder" "$@")

# An empty /tmp with the kept folders in it: made aside, then moved into its place.
private_tmp() {
    local path fresh
    fresh=$(mktemp -d "$folder/tmp.XXXXXX")
    mount -n -t tmpfs -o mode=1777 tmpfs "$fresh"
    for path in "${keep[@]}"; do
        [[ $path == /tmp/* ]] || continue
        mkdir -p "$fresh/${path#/tmp/}"
        mount -n --bind "$path" "$fresh/${path#/tmp/}"
    done
    mount -n --move "$fresh" /tmp
}

# The first process of a host: waits until its network is there, names itself, and stays.
live_as() {
    local name=$1
    hostname "$name"
    ip link set lo up
    mount -n -t tmpfs -o mode=1777 tmpfs /dev/shm
    private_tmp
    touch "$folder/$name.up"
    exec sleep infinity
}

until_exists() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        [ -e "$1" ] && return 0
        sleep 0.05
    done
    echo "network.sh: no $1 after 10 s" >&2
    return 1
}

if [ "${LIVE_AS:-}" ]; then
    live_as "$LIVE_AS"
fi

echo "127.0.0.1 localhost" >"$folder/hosts"
for ((k = 1; k <= count; k++)); do
    echo "10.77.0.$k host$k" >>"$folder/hosts"
done
mount -n --bind "$folder/hosts" /etc/hosts
ip link add switch type bridge
ip link set switch up
for ((k = 1; k <= count; k++)); do
    LIVE_AS=host$k unshare --net --uts --mount --ipc "$0" "$folder" "$count" "${keep[@]:1}" </dev/null &
    pid=$!
    until_exists "$folder/host$k.up"
    ip link add "cable$k" type veth peer name eth0 netns "$pid"
    ip link set "cable$k" master switch up
    nsenter --target "$pid" --net ip address add "10.77.0.$k/24" dev eth0
    nsenter --target "$pid" --net ip link set eth0 up
    echo "$pid" >"$folder/host$k.pid"
done
touch "$folder/ready"
cat >/dev/null
