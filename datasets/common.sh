# shellcheck shell=bash
# What the fetch scripts share. To be sourced with the data set's name:
#   source "$(dirname "${BASH_SOURCE[0]}")/common.sh" cifar10 "$@"
# The scripts take one operand, a folder (default: data). They write the data set to <name>.h5 in it,
# and the downloaded files to <name>/. Environment:
#   TRAINER       the program (default: build/trainer in the folder above this one)
#   DATASETS_URL  a mirror to download from instead; file:///some/folder is one, too
# They can be run again: a file that has the right checksum is not downloaded again.
set -euo pipefail

name=$1
shift
folder=${1:-data}
if [ $# -gt 1 ] || [[ $folder == -* ]]; then
    printf 'usage: %s [FOLDER]\n' "${0##*/}" >&2
    exit 2
fi
trainer=${TRAINER:-$(dirname "${BASH_SOURCE[0]}")/../build/trainer}
download=$folder/$name

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

stop() {
    say "$*"
    exit 1
}

md5_of() {
    md5sum -- "$1" | cut -d' ' -f1
}

# fetch BASE FILE MD5: downloads BASE/FILE and checks it. The file gets its name only if its checksum is
# the published one.
fetch() {
    local url=${DATASETS_URL:-$1}/$2 file=$download/$2 found
    if [ -e "$file" ] && [ "$(md5_of "$file")" = "$3" ]; then
        say "$file is there already"
        return
    fi
    mkdir -p "$download"
    say "downloading $url"
    curl --fail --location --silent --show-error --retry 3 --output "$file.part" "$url" || {
        rm -f "$file.part"
        stop "$url: download failed"
    }
    found=$(md5_of "$file.part")
    if [ "$found" != "$3" ]; then
        rm -f "$file.part"
        stop "$url: MD5 $found; expected $3: this is not the published file, and it was not kept"
    fi
    mv "$file.part" "$file"
}

# unpack ARCHIVE: in the download folder.
unpack() {
    tar -xzf "$download/$1" -C "$download"
}

# fetch_idx BASE MD5 MD5 MD5 MD5: the four files of MNIST, or of a data set with the same file names.
fetch_idx() {
    fetch "$1" train-images-idx3-ubyte.gz "$2"
    fetch "$1" train-labels-idx1-ubyte.gz "$3"
    fetch "$1" t10k-images-idx3-ubyte.gz "$4"
    fetch "$1" t10k-labels-idx1-ubyte.gz "$5"
}

# import_downloaded FLAG...: imports what was downloaded to FOLDER/<name>.h5.
import_downloaded() {
    [ -x "$trainer" ] || stop "$trainer: no such program; build it, or name it with TRAINER="
    "$trainer" dataset import "$@" "$download" -o "$folder/$name.h5"
}
