"""What the scripts here share. Importing it also makes tests/support importable, which starts the program."""
import argparse
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))


def parser_of(doc):
    """A parser whose --help begins with the script's docstring as it is."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def cpu_name():
    """The model of this machine's processor."""
    with open("/proc/cpuinfo") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown CPU")


def limits(ranks, *flags):
    """What build/bench/bench_limits measures on so many ranks at once."""
    from support.program import TRAINER, environment
    program = os.path.join(os.path.dirname(TRAINER), "bench", "bench_limits")
    words = ["mpirun", "--bind-to", "core", "-np", ranks, program, "--json", *flags]
    return json.loads(output_of(words, env=environment()))


def result(ranks, *words, codes=(0,)):
    """What the program prints with --json. If it ends with another exit code, the script ends with that."""
    from support.program import command, environment
    done = subprocess.run(command(ranks, *words, "--json"), stdout=subprocess.PIPE, text=True, env=environment())
    if done.returncode not in codes:
        sys.exit(done.returncode)
    return json.loads(done.stdout)


def output_of(words, **more):
    """What a program prints on stdout. Its stderr is shown; if it fails, the script ends with its exit code."""
    done = subprocess.run(list(map(str, words)), stdout=subprocess.PIPE, text=True, **more)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout
