#!/usr/bin/env bash
# The project's scripts give shellcheck nothing to warn of. usage: scripts.sh SOURCE_FOLDER
set -euo pipefail
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
