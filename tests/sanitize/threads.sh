#!/usr/bin/env bash
# The threads of the watchdogs and of streams under the thread sanitizer: their unit tests, built from
# the sources without MPI and HDF5. usage: threads.sh SOURCE_FOLDER
set -euo pipefail
source_folder=$1
folder=$(mktemp -d "${TMPDIR:-/tmp}/trainer-threads.XXXXXX")
trap 'rm -rf "$folder"' EXIT
sources=("$source_folder"/src/{watch,base}/*.c "$source_folder"/src/comm/{beat,ranks}.c)
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
compile=(cc -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=thread -I"$source_folder/src")
data=$source_folder/src/data/dataset
"${compile[@]}" -DSTREAM_ALONE -o "$folder/stream" "$source_folder/tests/data/test_stream.c" \
    "$data"/{stream,block_order,block_digests,blocks,axes}.c "$data/../order.c" "$source_folder"/src/base/*.c \
    -lcmocka -lxxhash -lpthread -lm
setarch "$(uname -m)" -R "$folder/stream"
for test in watchdog early; do
    "${compile[@]}" -o "$folder/$test" \
        "$source_folder/tests/watch/test_$test.c" "${sources[@]}" -lcmocka -lxxhash -lpthread -lm
    # Only a program with a fixed layout of its memory suits the sanitizer on new kernels.
    setarch "$(uname -m)" -R "$folder/$test"
done
