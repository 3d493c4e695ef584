# shellcheck shell=bash disable=SC2034,SC2119,SC2120
# What demo.sh and test.sh share: the packages, the build, and how to call mpirun here. To be sourced.
# Running it again does no harm; it uses the network only if a package is missing.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# One word for each package; "a|b" is either of them (Debian's name first, then Ubuntu's).
packages_build=(build-essential cmake ninja-build pkg-config libopenmpi-dev openmpi-bin
    'libopenblas-openmp-dev|libopenblas-pthread-dev' libdnnl-dev libhdf5-dev libyaml-dev
    'libjpeg62-turbo-dev|libjpeg-turbo8-dev' libpng-dev libtiff-dev libwebp-dev libgif-dev
    zlib1g-dev liblzf-dev libzip-dev libxxhash-dev libjansson-dev gnuplot-nox)
packages_test=(libcmocka-dev python3 python3-h5py python3-numpy python3-pytest iproute2)
# For launch/test.sh --full, if they are to be had.
packages_full=(python3-venv python3-pandas clang-format shellcheck gdb mold)
packages_slurm=(slurm-wlm slurm-wlm-basic-plugins slurm-client munge)

say() {
    printf '\033[1m==> %s\033[0m\n' "$*" >&2
}

# show COMMAND...: prints it as a user would type it.
show() {
    local word words=
    for word in "$@"; do
        [[ $word == *[!A-Za-z0-9_./=:,+-]* ]] && word="'$word'"
        words+=" $word"
    done
    printf '\033[2m$%s\033[0m\n' "$words" >&2
}

stop() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# missing_packages NAME...: prints those that are not installed, one on each line.
missing_packages() {
    local installed wanted name
    installed=" $(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null |
        awk '$1 == "installed" { printf "%s ", $2 }')"
    for wanted in "$@"; do
        for name in ${wanted//|/ }; do
            [[ $installed == *" $name "* ]] && continue 2
        done
        printf '%s\n' "$wanted"
    done
}

# install_packages NAME...: with apt-get, as root or through sudo.
install_packages() {
    local missing wanted name root=() names=()
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null ||
            stop "these packages are missing, and installing them needs root or sudo:" \
                "${missing[*]%%|*}"
        root=(sudo)
    fi
    say "Installing: ${missing[*]%%|*}"
    "${root[@]}" apt-get update -qq || stop "apt-get update failed"
    for wanted in "${missing[@]}"; do
        for name in ${wanted//|/ }; do
            apt-cache show "$name" >/dev/null 2>&1 && break
        done
        names+=("$name")
    done
    # RUNLEVEL=1: a freshly installed daemon (munge, Slurm) is not started.
    mkdir -p build
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -q --no-install-recommends "${names[@]}" >build/packages.log 2>&1 || {
        tail -n 20 build/packages.log >&2
        stop "apt-get could not install: ${names[*]}"
    }
}

# On a system without apt: looks for each program and library, and names those that are missing.
list_missing() {
    local missing=() name
    for name in cc cmake ninja pkg-config mpicc mpirun; do
        command -v "$name" >/dev/null || missing+=("$name (command)")
    done
    if command -v pkg-config >/dev/null; then
        for name in openblas yaml-0.1 libxxhash jansson libjpeg libpng libtiff-4 libwebpdemux zlib libzip; do
            pkg-config --exists "$name" || missing+=("$name (pkg-config module)")
        done
        if [[ $1 == *test* ]] && ! pkg-config --exists cmocka; then
            missing+=("cmocka (pkg-config module)")
        fi
    fi
    [ -e /usr/include/gif_lib.h ] || [ -e /usr/local/include/gif_lib.h ] || missing+=("giflib (gif_lib.h)")
    command -v h5cc >/dev/null || command -v h5pcc >/dev/null || pkg-config --exists hdf5 2>/dev/null ||
        missing+=("HDF5's C library (h5cc)")
    if [[ $1 == *test* ]] && ! python3 -c 'import h5py, numpy, pytest' 2>/dev/null; then
        missing+=("python3 with h5py, numpy and pytest")
    fi
    ((${#missing[@]})) || return 0
    printf '%s: this system has no apt-get. Please install by other means:\n' \
        "${0##*/}" >&2
    printf '  %s\n' "${missing[@]}" >&2
    printf 'and oneDNN (dnnl) for speed; the program also builds without it.\n' >&2
    exit 1
}

# set_up [test] [slurm]: installs what the build needs, and what the named parts need.
set_up() {
    local groups=("${packages_build[@]}") word
    if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
        for word in "$@"; do
            local -n group="packages_$word"
            groups+=("${group[@]}")
            unset -n group
        done
        install_packages "${groups[@]}"
    else
        list_missing "$*"
    fi
    if [ "$(id -u)" = 0 ]; then # Open MPI refuses to run as root without these two
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
}

# build FOLDER CMAKE_ARGUMENT...: configures and builds. The output is shown only if that fails.
build() {
    local folder=$1 log
    shift
    mkdir -p "$folder"
    show cmake -S . -B "$folder" -G Ninja "$@"
    show cmake --build "$folder"
    log=$folder/build.log
    { cmake -S . -B "$folder" -G Ninja "$@" && cmake --build "$folder"; } >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        stop "the build failed; see $log"
    }
}

# choose_mpirun N: sets the array `mpirun` to the words that start N ranks, also on fewer cores.
choose_mpirun() {
    local cores
    cores=$(lscpu -p=CORE 2>/dev/null | grep -v '^#' | sort -u | wc -l)
    mpirun=(mpirun -np "$1")
    if ((cores < $1)); then
        mpirun+=(--oversubscribe)
    fi
}
