"""Every bit of every structure of HDF5 files (object headers with their types, shapes and layouts, tables, trees,
heaps) flipped, in data sets and checkpoints of this program and in files of h5py, with right checksums, seals and
guards. The program must never die; the child that examines a file before it may. All bits are read by the C programs
of tests/fuzz; of the bits that describe types, some go through the commands of the program as well."""
import glob
import subprocess

from drill import expect
from fuzzed import fuzz, kinds, program
from support.program import start

PART_OF_PROGRAM = 40  # of so many flips, one is given to the program
READERS = {"dataset": (["dataset", "info"], ["dataset", "verify"], ["verify"], ["inspect"]),
           "checkpoint": (["verify"], ["inspect"], ["eval"], ["dataset", "info"]),
           "donor": (["inspect"], ["dataset", "info"], ["verify"]),
           "bytes": (["dataset", "info"], ["inspect"])}


def run(drill):
    every = [kind for kind in kinds() if kind.hdf5]
    bits = [count(kind, "--flips") for kind in every]
    for number, (kind, all_bits) in enumerate(zip(every, bits)):
        share = min(all_bits, max(1, drill.count * all_bits // sum(bits)))
        fuzz(drill, kind, share, number, ["--flips", "--seal", "--may-differ"])
    types = [(kind, flip) for kind in every for flip in range(count(kind, "--types"))]
    few = min(len(types), max(4, drill.count // PART_OF_PROGRAM))
    for number, (kind, flip) in enumerate(drill.rng.sample(types, few)):
        drill.trial(number, f"flip {flip} of {kind.target}, through the program", one, drill, kind, flip)


def count(kind, which):
    done = subprocess.run([program(kind.target), which, "--count", "0", *kind.files], capture_output=True, text=True)
    return int(done.stdout)


def one(rng, out, drill, kind, flip):
    subprocess.run([program(kind.target), "--types", "--seal", "--make", out, "--first", str(flip), "--count", "1",
                    *kind.files], check=True)
    [path] = glob.glob(f"{out}/mutant-*")
    words = rng.choice(READERS[kind.target])
    done = start(1, *words, path, timeout=120, errors="replace")
    if done.returncode:
        expect(done.returncode in (2, 4, 5), *words, "ends with", done.returncode, done.stderr)
        expect(len(done.stderr.splitlines()) == 1, *words, "says more than one line:", done.stderr)
    drill.note("read by the program" if done.returncode == 0 else "refused by the program")
    if "crashed" in done.stderr:
        drill.note("died in the program's child")
