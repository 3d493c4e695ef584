#!/usr/bin/env bash
# The fetch scripts without a network: from file:// folders, with files made here.
set -u
command -v curl >/dev/null || { echo "skipped: no curl"; exit 77; }
[ -x "$TRAINER" ] || { echo "skipped: $TRAINER is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# expect_stop WORDS COMMAND...: fails, and says so in one line that holds WORDS.
expect_stop() {
    local words=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        echo "did not fail: $*"
        failures=1
    elif ! grep -q -- "$words" "$work/out"; then
        echo "'$words' is not in what $* said:"
        cat "$work/out"
        failures=1
    fi
}

# A mirror whose files are not the published ones.
mkdir "$work/mirror"
for file in cifar-10-binary.tar.gz cifar-100-binary.tar.gz train-images-idx3-ubyte.gz; do
    echo "not the published file" >"$work/mirror/$file"
done
export DATASETS_URL=file://$work/mirror
for set in cifar10 cifar100 mnist fashion-mnist; do
    expect_stop "expected .*not the published file" \
        "$TRAINER_SOURCE/datasets/fetch-$set.sh" "$work/data"
    if [ -n "$(find "$work/data" -type f)" ]; then
        echo "fetch-$set.sh kept something"
        failures=1
    fi
done
expect_stop "download failed" env DATASETS_URL=file:///no/such/folder \
    "$TRAINER_SOURCE/datasets/fetch-cifar10.sh" "$work/data"
expect_stop "usage:" "$TRAINER_SOURCE/datasets/fetch-cifar10.sh" --help-me

# Helpers from download to import, on an archive made here whose checksum is known here.
python3 - "$work/mirror" <<'PYTHON'
import gzip, io, os, struct, sys, tarfile
folder = sys.argv[1]
with tarfile.open(f"{folder}/small.tar.gz", "w:gz") as archive:
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        data = b"".join(bytes([i % 10]) + os.urandom(3072) for i in range(20))
        info = tarfile.TarInfo("cifar-10-batches-bin/" + name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
for stem, count in (("train", 30), ("t10k", 10)):
    with gzip.open(f"{folder}/{stem}-images-idx3-ubyte.gz", "wb") as file:
        file.write(struct.pack(">IIII", 0x803, count, 28, 28) + os.urandom(784 * count))
    with gzip.open(f"{folder}/{stem}-labels-idx1-ubyte.gz", "wb") as file:
        file.write(struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)))
PYTHON
sum_of() {
    md5sum "$work/mirror/$1" | cut -d' ' -f1
}
cat >"$work/small.sh" <<SCRIPT
source "$TRAINER_SOURCE/datasets/common.sh" small "\$@"
fetch https://nowhere.invalid small.tar.gz $(sum_of small.tar.gz)
unpack small.tar.gz
import_downloaded --format cifar10
SCRIPT
cat >"$work/digits.sh" <<SCRIPT
source "$TRAINER_SOURCE/datasets/common.sh" digits "\$@"
fetch_idx https://nowhere.invalid \
    $(sum_of train-images-idx3-ubyte.gz) $(sum_of train-labels-idx1-ubyte.gz) \
    $(sum_of t10k-images-idx3-ubyte.gz) $(sum_of t10k-labels-idx1-ubyte.gz)
import_downloaded --format idx --classes a,b,c,d,e,f,g,h,i,j
SCRIPT
for set in small digits; do
    if ! bash "$work/$set.sh" "$work/data" >"$work/out" 2>&1 ||
        ! "$TRAINER" dataset verify "$work/data/$set.h5" >>"$work/out" 2>&1; then
        cat "$work/out"
        failures=1
    fi
done
# Again: nothing is downloaded twice.
if ! DATASETS_URL=file:///gone bash "$work/small.sh" "$work/data" >"$work/out" 2>&1 ||
    ! grep -q "is there already" "$work/out"; then
    cat "$work/out"
    failures=1
fi
exit $failures
