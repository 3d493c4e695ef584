#!/bin/sh
# Builds against oneDNN 3.2 from PyPI and runs the tests of compute/ with it.
#
#   tests/compute/onednn_3.sh [FOLDER]
#
# FOLDER gets a virtual environment with the library (180 MB) and a build; it is kept, so that a second call is
# quick. Without it both go into a temporary folder. Ends with 77, and says why, if the packages cannot be had.
set -eu

source=$(cd "$(dirname "$0")/../.." && pwd)
if [ $# -gt 0 ]; then
    mkdir -p "$1"
    folder=$(cd "$1" && pwd)
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi

if [ ! -e "$folder/venv/lib/libdnnl.so" ]; then
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --retries 1 \
        onednn-cpu-gomp==2023.2.0 onednn-devel-cpu-gomp==2023.2.0 || {
        echo "skipped: PyPI does not give oneDNN 3.2 (onednn-cpu-gomp, onednn-devel-cpu-gomp); is there a network?" >&2
        exit 77
    }
fi

cmake -S "$source" -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DTRAINER_WERROR=ON \
    -DCMAKE_PREFIX_PATH="$folder/venv" >"$folder/configure.log" || {
    cat "$folder/configure.log"
    exit 1
}
cmake --build "$folder/build" --parallel 2 \
    --target test_compute_backend test_compute_convolution test_compute_gemm
ldd "$folder/build/tests/compute/test_compute_convolution" | grep "$folder/venv/lib/libdnnl.so.3"
ctest --test-dir "$folder/build" --output-on-failure -R '^compute_(backend|convolution|gemm)'
