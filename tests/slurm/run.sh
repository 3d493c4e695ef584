#!/usr/bin/env bash
# Brings up a real Slurm of two nodes on this host (its own munge key and socket, its own ports, all
# state in a temporary folder), submits launch/slurm/train.sbatch and ensemble.sbatch on small data,
# and checks what they left. Skipped (77) without root or without Slurm.
set -euo pipefail

skip() {
    echo "skipped: $*"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "a Slurm of our own needs root"
for program in munged slurmctld slurmd sbatch scontrol mpirun; do
    PATH=$PATH:/usr/sbin:/sbin
    command -v "$program" >/dev/null || skip "$program is not installed (slurm-wlm, munge)"
done
mountpoint -q /sys/fs/cgroup || skip "slurmd does not start if /sys/fs/cgroup is not mounted"
source_folder=${TRAINER_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
export TRAINER=${TRAINER:-$source_folder/build/trainer}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export OMP_NUM_THREADS=1

folder=$(mktemp -d "${TMPDIR:-/tmp}/trainer-slurm.XXXXXX")
chmod 755 "$folder"
mkdir "$folder"/{munge,state,spool,jobs}
chmod 755 "$folder/munge"
pids=()

clean_up() {
    local status=$? pid
    trap - EXIT
    ((status == 0 || status == 77)) || show_logs
    if [ "${SLURM_CONF:-}" = "$folder/slurm.conf" ] && [ "$status" != 0 ]; then
        timeout 10 scancel --user=root 2>/dev/null && sleep 2 # jobs of our own Slurm only
    fi
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill "${pids[i]}" 2>/dev/null || true
    done
    for pid in "${pids[@]}"; do
        for _ in {1..50}; do
            kill -0 "$pid" 2>/dev/null || continue 2
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

show_logs() {
    local log
    for log in "$folder"/*.log "$folder"/jobs/*.log; do
        [ -e "$log" ] || continue
        echo "--- ${log##*/}"
        tail -n 25 "$log"
    done
}

fail() {
    echo "FAILED: $*"
    exit 1
}

# free_port: one nobody listens on.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() { # NAME COMMAND...: in the background, to be ended by clean_up
    local name=$1
    shift
    "$@" >>"$folder/$name.log" 2>&1 </dev/null &
    pids+=($!)
}

wait_for() { # SECONDS WHAT COMMAND...
    local seconds=$1 what=$2 end
    shift 2
    end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "$what: not within $seconds s"
        sleep 0.3
    done
}

host=$(hostname -s)
socket=$folder/munge/socket
dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
chmod 400 "$folder/munge/key"
cat >"$folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
SlurmdParameters=config_overrides
MinJobAge=3600
KillWait=5
MpiDefault=none
NodeName=n1 NodeAddr=127.0.0.1 NodeHostname=$host Port=$(free_port) CPUs=1 RealMemory=1000
NodeName=n2 NodeAddr=127.0.0.1 NodeHostname=$host Port=$(free_port) CPUs=1 RealMemory=1000
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$folder/slurm.conf
unset "${!SLURM_JOB@}" "${!SBATCH_@}"

start munged munged --foreground --force --key-file "$folder/munge/key" --socket "$socket" \
    --pid-file "$folder/munge/pid" --log-file "$folder/munged-own.log" --seed-file "$folder/munge/seed"
wait_for 20 "munged" test -S "$socket"
start slurmctld slurmctld -D -f "$SLURM_CONF"
start slurmd-n1 slurmd -D -N n1 -f "$SLURM_CONF"
start slurmd-n2 slurmd -D -N n2 -f "$SLURM_CONF"
nodes_are_idle() {
    [ "$(sinfo -h -t idle -o %D)" = 2 ]
}
wait_for 60 "two idle nodes" nodes_are_idle
echo "Slurm $(sinfo -V | cut -d' ' -f2): two nodes are up"

job_field() { # JOB FIELD: of every task of an array, one line each
    scontrol show job "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p"
}
job_is_over() {
    local states
    states=$(job_field "$1" JobState) && [ -n "$states" ] &&
        ! grep -qE 'PENDING|RUNNING|COMPLETING|CONFIGURING' <<<"$states"
}
expect_completed() { # JOB WHAT
    wait_for 240 "$2 (job $1)" job_is_over "$1"
    if job_field "$1" JobState | grep -qv '^COMPLETED$'; then
        fail "$2 (job $1) ended as $(job_field "$1" JobState | tr '\n' ' ')"
    fi
    if job_field "$1" ExitCode | grep -qv '^0:0$'; then
        fail "$2 (job $1) has exit codes $(job_field "$1" ExitCode | tr '\n' ' ')"
    fi
}
expect_file() {
    [ -s "$1" ] || fail "no $1"
}

cd "$folder/jobs"
"$TRAINER" dataset synthesize -o shapes.h5 --train 512 --validation 128 --test 128 2>/dev/null
cat >run.yaml <<'RUN'
data: {file: shapes.h5, train: train, validation: validation}
model:
  - conv: {out: 8, kernel: 3, stride: 2, padding: 1}
  - relu
  - global_avgpool
  - flatten
  - linear: {out: 10}
loss: cross_entropy
optimizer: {nesterov: {rate: 0.05, momentum: 0.9}}
schedule: {cosine: {warmup: 2 steps}}
train: {batch: 64, shards: 2, length: 2 epochs, seed: 1}
checkpoint: {every: 1 epoch, keep: 0}
RUN

# train.sbatch, on both nodes.
train=$(sbatch --parsable --nodes=2 "$source_folder/launch/slurm/train.sbatch" run.yaml one)
expect_completed "$train" "train.sbatch"
for file in run.yaml metrics.jsonl checkpoints/latest.h5 checkpoints/best.h5; do
    expect_file "one/$file"
done
[ "$(job_field "$train" NumNodes)" = 2 ] || fail "train.sbatch did not run on two nodes"
checkpoints=$(find one/checkpoints -name '*.h5' -type f | wc -l)

# The same line again, asking for more: it must go on, not start anew. It writes to the first job's log, as a requeued
# job does, and must keep what stands there.
log=trainer-$train.log
cp "$log" first.log
again=$(sbatch --parsable --nodes=2 --output="$log" "$source_folder/launch/slurm/train.sbatch" run.yaml one \
    --set 'train.length=3 epochs')
expect_completed "$again" "train.sbatch, resumed"
first_size=$(stat -c %s first.log)
((first_size > 0 && $(stat -c %s "$log") > first_size)) || fail "the resumed run did not append to $log"
cmp -n "$first_size" first.log "$log" || fail "the resumed run changed what stood in $log"
for script in train ensemble; do
    grep -qx '#SBATCH --open-mode=append' "$source_folder/launch/slurm/$script.sbatch" ||
        fail "$script.sbatch does not append to its log"
done
(($(find one/checkpoints -name '*.h5' -type f | wc -l) == checkpoints + 1)) ||
    fail "the resumed run should have added one checkpoint to $checkpoints: $(ls one/checkpoints)"

# ensemble.sbatch: an array of two members, then the ensemble.
bash "$source_folder/launch/slurm/ensemble.sbatch" run.yaml many 2 --split test | tee submitted
members=$(sed -n 's/.*job array \([0-9]*\);.*/\1/p' submitted)
last=$(sed -n 's/.*ensemble: job \([0-9]*\),.*/\1/p' submitted)
expect_completed "$members" "the members of ensemble.sbatch"
expect_completed "$last" "the evaluation of ensemble.sbatch"
expect_file many/seed-1/checkpoints/best.h5
expect_file many/seed-2/checkpoints/best.h5
expect_file many/ensemble.json
cmp -s many/seed-1/checkpoints/latest.h5 many/seed-2/checkpoints/latest.h5 &&
    fail "two seeds gave the same network"
python3 - many/ensemble.json <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[1]))
assert len(result["members"]) == 2, result.keys()
accuracy = result["ensemble"]["top1"]
assert 0 <= accuracy <= 1, accuracy
print(f"ensemble of 2: accuracy {accuracy:.3f}")
PYTHON
echo "train.sbatch and ensemble.sbatch did what they say"
