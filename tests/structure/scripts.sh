#!/usr/bin/env bash
# The project's scripts can be executed, and give shellcheck nothing to warn of. usage: scripts.sh SOURCE_FOLDER
set -euo pipefail
blocked=$(cd "$1" && grep -rlI -m 1 '^#!' .ci datasets launch tests bench | while read -r file; do
    [[ $(head -c 2 "$file") != "#!" || -x $file ]] || echo "$file"
done)
[ -z "$blocked" ] || { echo "begin with #! and cannot be executed: $blocked"; exit 1; }
if ! command -v shellcheck >/dev/null; then
    echo "skipped: no shellcheck"
    exit 77
fi
cd "$1"
shell='^#!.*\b(ba)?sh$|^# shellcheck shell='
mapfile -t files < <(grep -rlE "$shell" .ci datasets launch tests bench --exclude='*.py' | sort)
((${#files[@]} >= 10)) || { echo "${#files[@]} scripts in $1, expected at least 10"; exit 1; }
shellcheck --severity=warning "${files[@]}"
echo "${#files[@]} scripts are clean"
