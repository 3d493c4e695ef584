#!/usr/bin/env bash
# A few steps of training on two ranks with the whole toolbox at once, a resume, transfer, evaluation,
# values instead of classes: what the unit tests do not join.
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

"$trainer" dataset synthesize -o shapes.h5 --size 16 --train 91 --validation 32 --test 33
"$trainer" dataset statistics shapes.h5 --pca --draw statistics.png >/dev/null
cat >run.yaml <<'RUN'
data: {file: shapes.h5, train: train, validation: validation}
preprocess: {decorrelate: zca, epsilon: 0.1}
augment:
  - flip: {alternate: true}
  - crop: {pad: 2, fill: reflect}
  - resized_crop
  - translate
  - rotate
  - shear
  - brightness
  - contrast
  - saturation
  - hue
  - lighting
  - greyscale
  - cutout
mix:
  - mixup: {probability: 0.5}
  - cutmix: {probability: 0.5}
model:
  - conv: {out: 8, kernel: 3, padding: 1, dropconnect: 0.1}
  - batchnorm: {statistics: batch}
  - prelu: {slopes: channel}
  - fractional_maxpool: {sequence: random}
  - residual: {drop: 0.3, body: [{conv: {out: 8, kernel: 3, padding: 1}}, batchnorm, gelu]}
  - dropout: {rate: 0.1, drops: channels}
  - branches:
      paths:
        - [{conv: {out: 4, kernel: 1}}]
        - [{conv: {out: 4, kernel: 5, padding: 2}}, {groupnorm: {groups: 2}}]
  - residual: {drop: 0.3, shortcut: pad, body: [{conv: {out: 12, kernel: 3, stride: 2, padding: 1}}, selu]}
  - residual:
      shortcut: projection
      body: [{conv: {out: 12, kernel: 3, padding: 2, dilation: 2, groups: 12}}, batchnorm]
  - upsample: {mode: bilinear}
  - maxpool: {kernel: 3, stride: 2, padding: 1, ceil_mode: true}
  - flatten
  - linear: {out: 32, dropconnect: 0.2}
  - alpha_dropout
  - maxout
  - layernorm
  - dropout: {rate: 0.2, form: plain}
  - linear: {out: 10}
loss: {cross_entropy: {label_smoothing: 0.1}}
optimizer: {adamw: {rate: 0.002, amsgrad: true}}
parameters:
  - weights: {l1: 1.0e-5, max_norm: 2}
  - all: {name: "0.*", rate: 0.5}
clip: {norm: 1, value: 0.5}
lookahead: {every: 3}
schedule: {cosine_restarts: {period: 3 steps, warmup: 1 steps}}
average: {swa: {start: 2 steps, every: 2 steps, batches: all}}
early_stopping: {patience: 9}
train: {batch: 24, shards: 4, length: 8 steps, seed: 1}
checkpoint: {every: 3 steps, keep: 2, snapshots: true}
RUN
"$trainer" dataset preview --augment run.yaml shapes.h5 -o seen.png >/dev/null
"${ranks[@]}" "$trainer" train run.yaml --out run --stop-after 5
"${ranks[@]}" "$trainer" train run.yaml --out run --resume
"${ranks[@]}" "$trainer" eval run/checkpoints/latest.h5 run/checkpoints/best.h5 --data shapes.h5 --split test
"${ranks[@]}" "$trainer" eval run/checkpoints/latest.h5 --split test --views ten_crop --dropout-samples 2
"${ranks[@]}" "$trainer" predict run/checkpoints/snapshot-*.h5 --data shapes.h5 --split test -o classes.csv
"$trainer" inspect run/checkpoints/latest.h5 >/dev/null

# The donor's first layers, its preprocessing and nothing else; then another batch of the toolbox.
"${ranks[@]}" "$trainer" train run.yaml --out transferred \
    --set start_from.checkpoint=run/checkpoints/latest.h5 --set preprocess= \
    --set 'start_from.fresh=["17.*"]' --set optimizer='{lamb: {rate: 0.01}}' \
    --set schedule='{plateau: {patience: 0}}' \
    --set average=ema --set checkpoint.snapshots=false --set loss='{svm: {squared: true}}' --set 'mix=[]' \
    --set 'train.length=4 steps' --set large_batch='{base: 12, warmup: 0}'

printf 'a,b,"y, 1",z\n' >table.csv
for i in $(seq 40); do printf '%d,%d,%d,0.1\n' "$i" $((i * i % 7)) $((3 * i)); done >>table.csv
"$trainer" dataset import --format table --split train=table.csv \
    --split validation=table.csv --target 'y, 1' --target z -o table.h5
cat >values.yaml <<'RUN'
data: {file: table.h5}
model: [flatten, {linear: {out: 12}}, batchnorm, tanh, {linear: {out: 2}}]
loss: huber
optimizer: {lars: {rate: 1}}
average: {polyak: {start: 2 steps, batches: 2}}
train: {batch: 9, shards: 3, length: 2 epochs}
RUN
mpirun --oversubscribe -np 3 -x "LD_PRELOAD=$(cc -print-file-name=libasan.so):$PWD/keep.so" \
    "$trainer" train values.yaml --out values
"${ranks[@]}" "$trainer" eval values/checkpoints/latest.h5 --split validation
"${ranks[@]}" "$trainer" predict values/checkpoints/latest.h5 --split validation -o values.csv
