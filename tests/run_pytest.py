#!/usr/bin/env python3
"""Runs files of tests with pytest, for ctest.

usage: run_pytest.py [--needs MODULE[,MODULE]...] FILE... [PYTEST ARGUMENT]...

The tests run with this interpreter if it has pytest and the modules; otherwise with the one that the
environment's TRAINER_TORCH_PYTHON names. The exit code is pytest's, but 77 if nothing ran: no
interpreter has the modules, or every test was skipped. The reasons are printed."""
import importlib.util
import os
import subprocess
import sys

SKIPPED = 77
HAS_MODULES = "import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, sys.argv[1:])))"


class Tally:
    """A plugin of pytest that counts the tests that ran and keeps why others were skipped."""

    def __init__(self):
        self.ran, self.reasons = 0, []

    def note(self, report):
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.reasons.append(reason.removeprefix("Skipped: "))
        elif getattr(report, "when", None) == "call":
            self.ran += 1

    pytest_runtest_logreport = pytest_collectreport = note


def lacks(python, modules):
    return subprocess.run([python, "-c", HAS_MODULES, *modules]).returncode != 0


def find_python(modules):
    """The interpreter that has the modules: this one, or TRAINER_TORCH_PYTHON, or None."""
    if all(map(importlib.util.find_spec, modules)):
        return sys.executable
    other = os.environ.get("TRAINER_TORCH_PYTHON")
    return None if not other or lacks(other, modules) else other


def run(arguments):
    import pytest

    tally = Tally()
    code = pytest.main(arguments, [tally])
    if code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and tally.reasons and not tally.ran:
        print("skipped:", "; ".join(sorted(set(tally.reasons))))
        return SKIPPED
    return int(code)


def main():
    arguments, modules = sys.argv[1:], ["pytest"]
    if arguments[:1] == ["--needs"]:
        modules += arguments[1].split(",")
        arguments = arguments[2:]
    python = find_python(modules)
    if not python:
        other = os.environ.get("TRAINER_TORCH_PYTHON")
        others = f"and so does {other}" if other else "and TRAINER_TORCH_PYTHON names no other"
        print(f"skipped: {sys.executable} lacks one of {', '.join(modules)}, {others}")
        return SKIPPED
    if python != sys.executable:
        os.execv(python, [python, __file__, *arguments])
    return run(arguments)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
