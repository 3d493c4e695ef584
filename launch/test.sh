#!/usr/bin/env bash
# Goes from a fresh checkout to the result of the test suite: packages, build (warnings are errors),
# ctest. To run single tests, use the ctest command at the end of this file.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: launch/test.sh [--full] [--quick] [--no-sanitize] [--no-slurm] [CTEST ARGUMENT]...

  --full         also the comparisons with PyTorch and the checks of the C files' format and of the
                 scripts: installs clang-format, shellcheck, the linker mold, which makes the build
                 shorter, and, into build/python, PyTorch (a download of 200 MB). What cannot be
                 installed, for example without a network, is named, and its tests are skipped.
  --quick        without the sanitizers and without Slurm, as with the next two
  --no-sanitize  without the second build with the address and undefined-behaviour sanitizers
  --no-slurm     without starting Slurm on this host; its packages are not installed either
  Anything else goes to ctest:  launch/test.sh -R checkpoint
TEXT
}

leave_out=() arguments=() full=
for argument in "$@"; do
    case $argument in
    --full) full=yes ;;
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

torch_version=2.13.0

has_torch() {
    "$1" -c "
import h5py, numpy, pytest, sklearn, torch
assert torch.__version__.split('+')[0] == '$torch_version'" 2>/dev/null
}

has_tensorboard() {
    "$1" -c "import tensorboard" 2>/dev/null
}

# A Python with PyTorch for the tests that compare with it (tests/run_pytest.py), in build/python
# unless TRAINER_TORCH_PYTHON already names one.
provide_torch() {
    local python=build/python/bin/python
    if [ -n "${TRAINER_TORCH_PYTHON:-}" ]; then
        has_torch "$TRAINER_TORCH_PYTHON" ||
            say "$TRAINER_TORCH_PYTHON (TRAINER_TORCH_PYTHON) lacks PyTorch $torch_version or scikit-learn"
        return 0
    fi
    if ! has_torch $python; then
        say "Installing PyTorch $torch_version into build/python"
        mkdir -p build
        # The version is stated: without it pip may choose a build of several gigabytes.
        { python3 -m venv --clear build/python && timeout 900 $python -m pip install --retries 1 \
            "torch==$torch_version" scikit-learn numpy h5py pytest; } >build/python.log 2>&1 || true
        has_torch $python || {
            tail -n 3 build/python.log >&2
            say "PyTorch $torch_version could not be installed (build/python.log says why)"
            return 0
        }
    fi
    export TRAINER_TORCH_PYTHON=$PWD/$python
}

# TensorBoard beside it, for the test that reads event files back.
provide_tensorboard() {
    local python=build/python/bin/python
    [ "${TRAINER_TORCH_PYTHON:-}" = "$PWD/$python" ] || return 0
    has_tensorboard $python && return 0
    say "Installing TensorBoard into build/python"
    timeout 300 $python -m pip install --retries 1 "tensorboard>=2.15" >>build/python.log 2>&1 || true
}

# list_tests PATTERN: the names of the tests that match, in one line.
list_tests() {
    ctest --test-dir build -N -R "$1" | sed -n 's/^ *Test *#[0-9]*: //p' | paste -sd ' '
}

# Names the tests that will be skipped, and why; ctest's own summary lists them once more.
announce_skips() {
    [ -n "${TRAINER_TORCH_PYTHON:-}" ] && has_torch "$TRAINER_TORCH_PYTHON" ||
        say "Skipped, because there is no PyTorch $torch_version: $(list_tests torch)"
    [ -n "${TRAINER_TORCH_PYTHON:-}" ] && has_tensorboard "$TRAINER_TORCH_PYTHON" ||
        say "Skipped, because there is no TensorBoard: $(list_tests tensorboard)"
    command -v clang-format >/dev/null ||
        say "Skipped, because there is no clang-format: $(list_tests structure_format)"
    command -v shellcheck >/dev/null ||
        say "Skipped, because there is no shellcheck: $(list_tests structure_scripts)"
}

groups=(test)
# The Slurm test needs root; without it the packages would be of no use.
if [[ " ${leave_out[*]} " != *" slurm "* && $(id -u) == 0 ]]; then
    groups+=(slurm)
fi
set_up "${groups[@]}"
if [ "$full" ]; then
    if command -v apt-get >/dev/null; then
        for package in "${packages_full[@]}"; do
            (install_packages "$package") || say "$package could not be installed"
        done
    fi
    provide_torch
    provide_tensorboard
fi

say "Building into build/ (warnings are errors)"
build build -DCMAKE_BUILD_TYPE=Release -DTRAINER_TESTS=ON -DTRAINER_WERROR=ON

if ((${#leave_out[@]})); then
    arguments+=(-LE "$(IFS='|' && echo "${leave_out[*]}")")
fi
if [ "$full" ]; then
    announce_skips
fi
say "ctest --test-dir build --output-on-failure ${arguments[*]}"
# Two tests more than cores: many wait for a part of their time.
exec ctest --test-dir build --output-on-failure -j "$(($(nproc) + 2))" "${arguments[@]}"
