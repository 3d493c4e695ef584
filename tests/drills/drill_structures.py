"""HDF5 files in which the fields of one to three structures were changed (sizes, addresses, counts, types), and all
checksums, seals and guards were made right again, as somebody would who means harm. The program must never die, never
hang and never take all memory; the child that examines a file before it may die."""
from fuzzed import fuzz, kinds


def run(drill):
    every = [kind for kind in kinds() if kind.hdf5]
    for number, kind in enumerate(every):
        fuzz(drill, kind, drill.count // len(every), number, ["--structures", "--seal", "--may-differ"])
