"""What the end-to-end tests share: a small data set, run files, mpirun, and a temporary folder."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

try:
    import h5py
    import numpy as np
except ImportError:
    h5py = np = None  # only the tests that read files need them

TRAINER = os.path.abspath(os.environ.get("TRAINER", "build/trainer"))
SOURCE = os.environ.get("TRAINER_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
SKIPPED = 77


def need_numpy():
    if np is None:
        print(f"skipped: {sys.executable} has no h5py and numpy")
        sys.exit(SKIPPED)


def environment():
    env = dict(os.environ, OMP_NUM_THREADS="1", OMPI_MCA_mpi_yield_when_idle="1")
    if os.geteuid() == 0:
        env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return env


def command(ranks, *arguments):
    words = [TRAINER, *map(str, arguments)]
    return words if ranks == 1 else ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", str(ranks), *words]


def run(ranks, *arguments, code=0, timeout=120, cwd=None):
    """Runs the trainer; returns (stdout, stderr) after checking the exit code."""
    done = subprocess.run(command(ranks, *arguments), env=environment(), cwd=cwd, timeout=timeout, capture_output=True, text=True)
    if done.returncode != code:
        sys.exit(f"{' '.join(command(ranks, *arguments))}\nexit code {done.returncode}, expected {code}\n{done.stdout}\n{done.stderr}")
    return done.stdout, done.stderr


def result(ranks, *arguments, **more):
    return json.loads(run(ranks, *arguments, "--json", **more)[0])


def check(condition, words):
    if not condition:
        sys.exit("FAILED: " + words)
    print("ok:", words, flush=True)


@contextlib.contextmanager
def scratch():
    folder = tempfile.mkdtemp(prefix="trainer-test-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def synthesize(folder, train=643, test=230, validation=120, seed=1):
    path = os.path.join(folder, "shapes.h5")
    run(1, "dataset", "synthesize", "-o", path, "--train", train, "--test", test, "--validation", validation, "--seed", seed)
    return path


# Everything that a run's bits can depend on: convolutions, both batch normalisations, residuals,
# dropout, augmentation, a short last batch, momentum, a schedule.
MODEL = """
  - conv: {out: 8, kernel: 3, padding: 1, bias: false}
  - batchnorm
  - relu
  - residual:
      shortcut: projection
      body:
        - conv: {out: 12, kernel: 3, stride: 2, padding: 1, bias: false}
        - batchnorm
        - relu
        - conv: {out: 12, kernel: 3, padding: 1, bias: false}
        - batchnorm
  - relu
  - residual:
      shortcut: identity
      body:
        - conv: {out: 12, kernel: 3, padding: 1}
        - batchnorm
  - relu
  - maxpool: {kernel: 2}
  - flatten
  - linear: {out: 32, bias: false}
  - batchnorm
  - tanh
  - dropout: {rate: 0.3}
  - linear: {out: 10}
"""


def run_file(folder, data, model=MODEL, name="run.yaml", batch=60, shards="4", length="20 steps", every="5 steps", warmup="2 steps"):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(f"""data: {{file: {data}, train: train, validation: validation}}
augment:
  - flip
  - crop: {{pad: 4, fill: reflect}}
model:{model}
loss: {{cross_entropy: {{label_smoothing: 0.1}}}}
optimizer:
  nesterov: {{rate: 0.05, momentum: 0.9, weight_decay: 5.0e-4}}
schedule:
  cosine: {{warmup: {warmup}}}
train: {{batch: {batch}, shards: {shards}, length: {length}, seed: 3}}
checkpoint: {{every: {every}, keep: 0}}
""")
    return path


def newest_step(out):
    """Of the run's checkpoints; 0 where there is none."""
    with contextlib.suppress(FileNotFoundError):
        kept = os.listdir(f"{out}/checkpoints")
        return max((int(name[5:14]) for name in kept if name.startswith("step-") and name.endswith(".h5")), default=0)
    return 0


def start_and_kill(ranks, step, out, *arguments):
    """Starts the trainer, and sends SIGKILL to one of its processes once a checkpoint of `step` or
    later is there; waits for the end. Returns the exit code."""
    process = subprocess.Popen(command(ranks, *arguments, "--out", out), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and newest_step(out) < step:
        time.sleep(0.002)
    victims = children(process.pid) if ranks > 1 else [process.pid]
    for victim in victims[-1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, 9)
    return process.wait(timeout=120)


def kill_midway(ranks, step, last, out, *arguments):
    """Kills a run, somewhere from `step` on and before `last`: a machine in a hurry may need several tries."""
    for _ in range(10):
        shutil.rmtree(out, ignore_errors=True)
        start_and_kill(ranks, step, out, *arguments)
        if step <= newest_step(out) < last:
            print(f"killed on {ranks} ranks behind step {newest_step(out)}", flush=True)
            return
    sys.exit(f"FAILED: ten runs could not be killed between the steps {step} and {last}")


def children(parent):
    """The processes started by `parent`, directly."""
    with contextlib.suppress(FileNotFoundError):
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            return [int(word) for word in file.read().split()]
    return []
