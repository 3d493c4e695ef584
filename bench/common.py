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


def some_of(known):
    """The type of a flag that takes some of these words, with commas between them."""
    def check(text):
        for word in text.split(","):
            if word not in known:
                raise argparse.ArgumentTypeError(f"{word!r}: expected some of {','.join(known)}")
        return text
    return check


def more_than_zero(number):
    """The type of a flag that takes a number (int or float) above 0."""
    def check(text):
        try:
            value = number(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0")
        return value
    return check


COUNT, SECONDS = more_than_zero(int), more_than_zero(float)


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
