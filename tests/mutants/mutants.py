#!/usr/bin/env python3
"""Plants single faults in a copy of the sources, one at a time, and says which of them the tests notice.

usage: mutants.py [--name PATTERN] [--all] [--trust] [--folder FOLDER] [--jobs N]
       mutants.py --check [--build BUILD]      whether every fault of the table still applies

The table is faults.txt beside this file. For each fault the copy is built as far as the expected killers need it,
and these tests run; --all runs all unit, rank and structure tests instead of the expected ones. First the tests have
to pass without a fault; --trust takes that for granted. A fault is killed if a test fails or runs for 10 minutes. It
survives if all pass, and is an error if it no longer applies or does not compile. The copy is in FOLDER (default:
build/mutants), which the next call builds upon. The exit code is 0 if all faults were killed. On a quiet machine a
fault takes between 5 seconds and a minute."""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TABLE = pathlib.Path(__file__).with_name("faults.txt")
KEYS = ("fault", "file", "old", "new", "killer", "means")
COPIED = ("CMakeLists.txt", "CMakePresets.json", "cmake", "src", "tests", "bench", "launch", "docs", "datasets",
          "README.md", "CONTRIBUTING.md", "CHANGELOG.md", ".clang-format")
QUICK = "unit|ranks|structure"
LONGEST = 600  # seconds that the tests of one fault may take


@dataclasses.dataclass
class Fault:
    fault: str
    file: str
    old: str
    new: str
    killer: str
    means: str

    def place(self, source):
        """(file, its text with the fault). ValueError if the old text does not stand there exactly once."""
        pattern = re.compile(r"\s+".join(map(re.escape, self.old.split())))
        files = sorted(path for path in (source / "src").rglob("*")
                       if path.is_file() and path.match(self.file))
        if not files:
            raise ValueError(f"no file below src/ matches {self.file}")
        found = [(path, text, match) for path in files for text in [path.read_text()]
                 for match in pattern.finditer(text)]
        if len(found) != 1:
            raise ValueError(f"\"{self.old}\" stands {len(found)} times in {self.file}; expected once")
        path, text, match = found[0]
        return path, text[:match.start()] + self.new + text[match.end():]


def read_table(text):
    faults = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if not lines:
            continue
        pairs = [(key, value.strip()) for key, _, value in (line.partition(":") for line in lines)]
        if tuple(key for key, _ in pairs) != KEYS:
            raise SystemExit(f"{TABLE.name}: {lines[0]}: expected the keys {', '.join(KEYS)}, in this order")
        faults.append(Fault(**dict(pairs)))
    return faults


def tests_of(build):
    """Every test by name: (the targets that it needs, its labels). ctest names the programs once they are built."""
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True,
                           text=True).stdout
    tests = {}
    for test in json.loads(shown)["tests"]:
        properties = {item["name"]: item["value"] for item in test.get("properties", ())}
        words = [*test.get("command", ()), *(word.partition("=")[2] for word in properties.get("ENVIRONMENT", ()))]
        inside = [os.path.relpath(word, build) for word in words if word.startswith(f"{build}/")]
        tests[test["name"]] = inside, properties.get("LABELS", [])
    return tests


def check(source, build):
    """What is wrong with the table, a line each."""
    faults = read_table(TABLE.read_text())
    names = tests_of(build) if build else None
    seen = set()
    for fault in faults:
        if fault.fault in seen:
            yield f"{fault.fault}: stands twice in the table"
        seen.add(fault.fault)
        try:
            _, text = fault.place(source)
            del text
        except ValueError as problem:
            yield f"{fault.fault}: {problem}"
        if names and not any(re.search(fault.killer, name) for name in names):
            yield f"{fault.fault}: no test's name matches the killer {fault.killer}"


def synchronise(source, tree):
    """Makes `tree` a copy of the sources; files that are the same keep their times."""
    wanted = set()
    for name in COPIED:
        top = source / name
        for path in ([top] if top.is_file() else top.rglob("*")):
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            to = tree / path.relative_to(source)
            wanted.add(to)
            if not to.exists() or to.read_bytes() != path.read_bytes():
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, to)
    for path in tree.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()


class Laboratory:
    def __init__(self, folder, jobs):
        self.tree, self.build, self.jobs = folder / "tree", folder / "build", jobs
        self.tree.mkdir(parents=True, exist_ok=True)

    def run(self, *words, timeout=None):
        """(whether it went well, what it printed); a timeout is a failure."""
        try:
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
            return done.returncode == 0, done.stdout
        except subprocess.TimeoutExpired:
            return False, "timeout"

    def configure(self):
        synchronise(SOURCE, self.tree)
        words = ["cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                 "-DTRAINER_ALL_VARIANTS=OFF"]
        if shutil.which("ccache"):
            words.append("-DCMAKE_C_COMPILER_LAUNCHER=ccache")
        good, text = self.run(*map(str, words))
        if not good:
            sys.exit(f"cmake failed:\n{text[-3000:]}")
        print("building the sources as they are", flush=True)
        good, text = self.run("ninja", "-C", str(self.build), f"-j{self.jobs}")
        if not good:
            sys.exit(f"the sources do not compile:\n{text[-3000:]}")
        self.tests = tests_of(str(self.build))

    def select(self, fault, everything):
        chosen = [name for name, (_, labels) in self.tests.items()
                  if (everything and re.search(QUICK, " ".join(labels))) or
                  (not everything and re.search(fault.killer, name))]
        return [name for name in chosen if name not in ("sanitize", "slurm", "mutants_apply")]

    def compile(self, names):
        targets = sorted({target for name in names for target in self.tests[name][0]})
        return self.run("ninja", "-C", str(self.build), f"-j{self.jobs}", *targets)

    def test(self, names, timeout):
        pattern = "^(" + "|".join(map(re.escape, names)) + ")$"
        return self.run("ctest", "--test-dir", str(self.build), f"-j{self.jobs}", "--stop-on-failure", "-R", pattern,
                        timeout=timeout)


def first_failure(text):
    found = re.search(r"Test +#\d+: (\S+) \.+\*\*\*(?!Skipped)", text)
    return found.group(1) if found else "timeout"


def plant_and_test(lab, fault, everything):
    """(the verdict, the first test that failed or why there is no verdict)"""
    names = lab.select(fault, everything)
    if not names:
        return "error", f"no test's name matches {fault.killer}"
    try:
        path, text = fault.place(lab.tree)
    except ValueError as problem:
        return "error", str(problem)
    before = path.read_text()
    path.write_text(text)
    try:
        good, output = lab.compile(names)
        if not good:
            return "error", "does not compile: " + (re.findall(r"error: .*", output) or [output[-300:]])[0]
        good, output = lab.test(names, LONGEST)
        return ("survived", ", ".join(names)) if good else ("killed", first_failure(output))
    finally:
        path.write_text(before)


def measure(lab, faults, everything, trust):
    lab.configure()
    if not trust:
        names = sorted({name for fault in faults for name in lab.select(fault, everything)})
        print(f"running {len(names)} tests on them", flush=True)
        good, output = lab.test(names, None)
        if not good:
            sys.exit(f"{first_failure(output)} fails without any fault:\n{output[-3000:]}")
    verdicts = {"killed": 0, "survived": 0, "error": 0}
    for fault in faults:
        verdict, words = plant_and_test(lab, fault, everything)
        verdicts[verdict] += 1
        print(f"{verdict:9} {fault.fault}  ({words})", flush=True)
        if verdict == "survived":
            print(f"          {fault.file}: {fault.old}\n          {fault.means}", flush=True)
    total = len(faults)
    print(f"{verdicts['killed']} of {total} faults were killed, {verdicts['survived']} survived, "
          f"{verdicts['error']} could not be planted")
    return verdicts["killed"] != total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--build", help="with --check: a build folder, whose tests have to match the killers")
    parser.add_argument("--name", default="", help="only faults whose names match")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--trust", action="store_true")
    parser.add_argument("--folder", type=pathlib.Path, default=SOURCE / "build" / "mutants")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if arguments.check:
        wrong = list(check(SOURCE, arguments.build))
        print("\n".join(wrong) if wrong else "every fault of the table applies")
        return bool(wrong)
    faults = [fault for fault in read_table(TABLE.read_text()) if re.search(arguments.name, fault.fault)]
    return measure(Laboratory(arguments.folder.resolve(), arguments.jobs), faults, arguments.all,
                   arguments.trust)


if __name__ == "__main__":
    sys.exit(main())
