"""HDF5 files in which the fields of one to three structures were changed (sizes, addresses, counts, types), and all
checksums, seals and guards were made right again, as somebody would who means harm. The program must never die, never
hang and never take all memory; the child that examines a file before it may die."""
from fuzzed import fuzz
from specimens import every


def run(drill):
    kinds = [kind for kind in every(drill.folder) if kind.hdf5]
    for number, kind in enumerate(kinds):
        fuzz(drill, kind, drill.count // len(kinds), number, ["--structures", "--seal", "--may-differ"])
