#!/usr/bin/env bash
# Goes from a fresh checkout to a trained ensemble: packages, build, data, two trainings on two ranks,
# evaluation. It writes to build/ and demo/ only. Run again, it trains anew.
# shellcheck disable=SC2119
set -euo pipefail
if (($#)); then
    echo "usage: launch/demo.sh    (takes no arguments; see README.md for what it does)" >&2
    [[ $1 == -h || $1 == --help ]] && exit 0 || exit 2
fi
# shellcheck source=launch/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

run() {
    show "$@"
    "$@"
}
began=$SECONDS

say "1. Packages"
set_up

say "2. The program: build/trainer"
fresh=()
[ -e build/CMakeCache.txt ] || fresh=(-DTRAINER_TESTS=OFF)
build build -DCMAKE_BUILD_TYPE=Release "${fresh[@]}"
trainer=build/trainer
choose_mpirun 2
built=$SECONDS

say "3. Data: drawn shapes, 10 classes, so that nothing has to be downloaded"
mkdir -p demo
run $trainer dataset synthesize -o demo/shapes.h5 --validation 2000
run $trainer dataset preview demo/shapes.h5 -o demo/preview.png

say "4. Two trainings that differ in the seed, each on two ranks"
rm -rf demo/run-1 demo/run-2
run "${mpirun[@]}" $trainer train launch/recipes/demo.yaml --out demo/run-1
run "${mpirun[@]}" $trainer train launch/recipes/demo.yaml --out demo/run-2 --set train.seed=2

say "5. Each network alone on the test images, which no training saw; then both as an ensemble"
run "${mpirun[@]}" $trainer eval demo/run-1/checkpoints/best.h5 --split test
run "${mpirun[@]}" $trainer eval demo/run-2/checkpoints/best.h5 --split test
run "${mpirun[@]}" $trainer eval demo/run-1/checkpoints/best.h5 demo/run-2/checkpoints/best.h5 \
    --split test

say "Done in $((SECONDS - began)) s ($((built - began)) s of it for packages and the build). The files now:"
cat <<TEXT
  demo/shapes.h5                       26,000 images in three splits, with their statistics
  demo/preview.png                     some of these images
  demo/run-1/run.yaml                  the run, every default written out
  demo/run-1/metrics.jsonl             loss, rate and speed of each step
  demo/run-1/checkpoints/best.h5       the network that was best on the validation images,
                                       readable with h5py and PyTorch; latest.h5 is the last

Each line after a \$ above can also be typed by hand. Next, for example:
TEXT
if [ "$(id -u)" = 0 ]; then
    echo "  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1   # you are root"
fi
cat <<TEXT
  $trainer describe launch/recipes/demo.yaml
  $trainer inspect demo/run-1/checkpoints/best.h5
  $trainer predict demo/run-1/checkpoints/best.h5 --split test -o demo/predictions.csv
  ${mpirun[*]} $trainer train launch/recipes/demo.yaml --out demo/run-3 --set optimizer.rate=0.05
TEXT
