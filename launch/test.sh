#!/usr/bin/env bash
# From a bare checkout to the verdict of the whole test suite: packages, build (warnings are errors),
# ctest. The same tests can be run one by one: see the end of this file.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: launch/test.sh [--quick] [--no-sanitize] [--no-slurm] [CTEST ARGUMENT]...

  --quick        neither the sanitizers' build nor the Slurm of its own
  --no-sanitize  without the second build under the address and undefined-behaviour sanitizers
  --no-slurm     without bringing up a Slurm; its packages are not installed either
  Anything else goes to ctest:  launch/test.sh -R checkpoint
TEXT
}

leave_out=() arguments=()
for argument in "$@"; do
    case $argument in
    --quick) leave_out+=(sanitize slurm) ;;
    --no-sanitize) leave_out+=(sanitize) ;;
    --no-slurm) leave_out+=(slurm) ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) arguments+=("$argument") ;;
    esac
done

# shellcheck source=launch/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
groups=(test)
# The Slurm test needs root; without it the packages would be of no use.
if [[ " ${leave_out[*]} " != *" slurm "* && $(id -u) == 0 ]]; then
    groups+=(slurm)
fi
set_up "${groups[@]}"

say "Building into build/ (warnings are errors)"
build build -DCMAKE_BUILD_TYPE=Release -DTRAINER_TESTS=ON -DTRAINER_WERROR=ON

if ((${#leave_out[@]})); then
    arguments+=(-LE "$(IFS='|' && echo "${leave_out[*]}")")
fi
say "ctest --test-dir build --output-on-failure ${arguments[*]}"
exec ctest --test-dir build --output-on-failure -j "$(nproc)" "${arguments[@]}"
