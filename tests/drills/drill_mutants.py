"""Files of every kind that the program reads, with a bit or a byte changed, a block of zeros, bytes from elsewhere, or
the end cut off. No mutant may crash the program, keep it busy for ever, or take all memory; what this program wrote
itself is refused, or read as if nothing had happened. Most are read by the C programs of tests/fuzz; one in a thousand
goes through the program."""
import os
import shutil

from drill import expect
from fuzzed import fuzz, kinds
from support.program import start

PART_OF_PROGRAM = 1000  # of so many mutants, one is given to the program


def run(drill):
    every = kinds()
    hdf5 = sum(kind.hdf5 for kind in every)
    share = drill.count // (2 * hdf5 + len(every) - hdf5)  # twice as many of each kind that HDF5 reads
    for number, kind in enumerate(every):
        fuzz(drill, kind, share * 2 if kind.hdf5 else share, number, [] if kind.guarded else ["--may-differ"])
    words = program_words(every)
    for number in range(max(drill.count // PART_OF_PROGRAM, 4)):
        drill.trial(number, "through the program", one, *drill.rng.choice(words), drill)


def program_words(kinds):
    """Commands that read the files of this program, and what each says of them."""
    found = []
    for kind in kinds:
        for path in kind.files if kind.guarded else ():
            for words in ([["verify"], ["inspect"]] + [["dataset", "info"]] * (kind.target == "dataset")
                          + [["eval"]] * (kind.target == "checkpoint")):
                done = start(1, *words, path)
                expect(done.returncode == 0, words, path, done.stderr)
                found.append((words, path, done.stdout))
    return found


def one(rng, out, words, path, expected, drill):
    mutant = shutil.copy(path, out)
    with open(mutant, "r+b") as file:
        size = os.path.getsize(mutant)
        file.seek(rng.randrange(size))
        if rng.random() < 0.2:
            file.truncate()
        else:
            file.write(bytes(rng.randrange(1, 256) for _ in range(rng.choice((1, 1, 8)))))
    done = start(1, *words, mutant, timeout=120, errors="replace")
    if done.returncode == 0:
        expect(done.stdout.replace(mutant, path) == expected, *words, "gives another answer:", done.stdout)
    else:
        expect(done.returncode in (2, 4, 5), *words, "ends with", done.returncode, done.stderr)
        expect(len(done.stderr.splitlines()) == 1, *words, "says more than one line:", done.stderr)
    drill.note("read by the program" if done.returncode == 0 else "refused by the program")
