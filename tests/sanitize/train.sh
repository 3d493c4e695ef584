#!/usr/bin/env bash
# A few steps of training on two ranks, a resume, and an evaluation: what the unit tests do not join.
# usage: train.sh TRAINER
set -euo pipefail
trainer=$1
here=$(cd "$(dirname "$0")" && pwd)
# Open MPI's libraries have no frame pointers: only the slow unwinder sees through them.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:fast_unwind_on_malloc=0"
export LSAN_OPTIONS="suppressions=$here/leaks.supp:print_suppressions=0"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMP_NUM_THREADS=1
folder=$(mktemp -d "${TMPDIR:-/tmp}/trainer-sanitize.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# Open MPI unloads its plug-ins before the leak checker asks whose memory is left: keep them loaded,
# so that the suppressions can name them.
echo 'int dlclose(void *handle) { return handle == 0; }' | cc -shared -fPIC -x c - -o keep.so
ranks=(mpirun --oversubscribe -np 2 -x "LD_PRELOAD=$(cc -print-file-name=libasan.so):$PWD/keep.so")

"$trainer" dataset synthesize -o shapes.h5 --train 96 --validation 32 --test 33
cat >run.yaml <<'RUN'
data: {file: shapes.h5, train: train, validation: validation}
augment: [flip, crop: {pad: 4}]
model:
  - conv: {out: 8, kernel: 3, padding: 1, bias: false}
  - batchnorm
  - relu
  - maxpool: {kernel: 2}
  - residual:
      body:
        - conv: {out: 16, kernel: 3, stride: 2, padding: 1, bias: false}
        - batchnorm
      shortcut: pad
  - relu
  - global_avgpool
  - flatten
  - dropout: {rate: 0.2}
  - linear: {out: 10}
loss: cross_entropy
optimizer: {nesterov: {rate: 0.05, momentum: 0.9, weight_decay: 5.0e-4}}
schedule: {cosine: {warmup: 1 steps}}
train: {batch: 20, shards: 2, length: 8 steps, seed: 1}
checkpoint: {every: 3 steps, keep: 2}
RUN
"${ranks[@]}" "$trainer" train run.yaml --out run --set 'train.length=5 steps'
"${ranks[@]}" "$trainer" train run.yaml --out run --resume
"${ranks[@]}" "$trainer" eval run/checkpoints/latest.h5 run/checkpoints/best.h5 \
    --data shapes.h5 --split test
"$trainer" inspect run/checkpoints/latest.h5 >/dev/null
