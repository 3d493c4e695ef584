"""Allocation number n of the program fails, for every n of a command: it ends with exit code 6 and one line that says
how much memory could not be had for what; nothing is broken."""
import errno
import re

from drill import expect
from faults import Bench, chosen
from support.program import SYSTEM

LINE = re.compile(r"trainer: (rank \d+: )?out of memory: [0-9.]+ [KMGT]?i?B for .+ cannot be had")


def trials(bench, drill):
    if drill.count >= drill.full:
        for name in chosen(drill):
            for number in range(1, bench.calls(name, "memory") + 1):
                yield name, number
        return
    for _ in range(drill.count):
        name = drill.rng.choice(chosen(drill))
        yield name, drill.rng.randint(1, bench.calls(name, "memory"))


def run(drill):
    bench = Bench(drill)
    for number, (name, call) in enumerate(trials(bench, drill)):
        drill.trial(number, f"{name}: allocation {call}", one, bench, name, call)


def one(_, out, bench, name, call):
    bench.renew()
    done, _, path = bench.run(bench.words(name), "memory", call, False, errno.ENOMEM)
    about = f"allocation {call} of '{name}' failed:"
    expect(path is not None, about, "no, it did not")
    line = bench.check(name, done, about)
    expect(line and done.returncode == SYSTEM and LINE.match(line), about, "exit code", done.returncode, done.stderr)
    bench.drill.note(name)
