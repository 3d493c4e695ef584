#!/usr/bin/env bash
# A few steps of training on two ranks, a resume, and an evaluation: what the unit tests do not join.
# usage: train.sh TRAINER
set -euo pipefail
trainer=$1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMP_NUM_THREADS=1
folder=$(mktemp -d "${TMPDIR:-/tmp}/trainer-sanitize.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"

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
mpirun --oversubscribe -np 2 "$trainer" train run.yaml --out run --set 'train.length=5 steps'
mpirun --oversubscribe -np 2 "$trainer" train run.yaml --out run --resume
mpirun --oversubscribe -np 2 "$trainer" eval run/checkpoints/latest.h5 run/checkpoints/best.h5 \
    --data shapes.h5 --split test
"$trainer" inspect run/checkpoints/latest.h5 >/dev/null
