#!/usr/bin/env bash
# Builds with the address and undefined-behaviour sanitizers and runs the unit tests and one short
# training on two ranks there. usage: run.sh SOURCE_FOLDER BUILD_FOLDER GENERATOR
set -euo pipefail
source_folder=$1 build=$2 generator=$3
here=$(cd "$(dirname "$0")" && pwd)

# Without -Werror: gcc's warnings about uninitialised values have false alarms under its sanitizers.
cmake -S "$source_folder" -B "$build" -G "$generator" -DCMAKE_BUILD_TYPE=Debug \
    -DTRAINER_SANITIZE=ON -DTRAINER_ALL_VARIANTS=OFF >/dev/null
cmake --build "$build" --target trainer unit_tests

# Open MPI, its plug-ins and libraries keep what they allocate until the process ends.
export LSAN_OPTIONS="suppressions=$here/leaks.supp:print_suppressions=0"
export ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
# Four ranks exchange as six do, which take turns on few cores.
ctest --test-dir "$build" --output-on-failure -j "$(($(nproc) + 1))" -L 'unit|ranks' -E comm_exchange_6ranks
"$here/train.sh" "$build/trainer"
