# shellcheck shell=bash
# What the fetch scripts share. Source it, with the data set's name:
#   source "$(dirname "${BASH_SOURCE[0]}")/common.sh" cifar10 "$@"
# The scripts take one operand, the folder for everything (default: data), in which they leave
# <name>.h5 and, in <name>/, what was downloaded. Environment:
#   TRAINER       the program (default: build/trainer beside this folder)
#   DATASETS_URL  where to download from instead: a mirror's folder, file:///some/folder included
# Safe to run again: a file that is there with the right checksum is not downloaded again.
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

# fetch BASE FILE MD5: BASE/FILE to the download folder, checked. The file appears under its name only
# when its checksum is the published one.
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
        stop "$url: MD5 $found; expected $3: not the published file, nothing was kept"
    fi
    mv "$file.part" "$file"
}

# unpack ARCHIVE: in the download folder.
unpack() {
    tar -xzf "$download/$1" -C "$download"
}

# fetch_idx BASE MD5 MD5 MD5 MD5: the four files of MNIST and those that took its form.
fetch_idx() {
    fetch "$1" train-images-idx3-ubyte.gz "$2"
    fetch "$1" train-labels-idx1-ubyte.gz "$3"
    fetch "$1" t10k-images-idx3-ubyte.gz "$4"
    fetch "$1" t10k-labels-idx1-ubyte.gz "$5"
}

# import_downloaded FLAG...: into FOLDER/<name>.h5.
import_downloaded() {
    [ -x "$trainer" ] || stop "$trainer: no such program; build it, or say where it is with TRAINER="
    "$trainer" dataset import "$@" "$download" -o "$folder/$name.h5"
}
