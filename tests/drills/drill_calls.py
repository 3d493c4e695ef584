"""System call number n on the files of a run or a data set fails, once or from then on, or reads and writes half: the
command gives the same answer, or ends with one line that names the file, the right exit code, and no harm done."""
import errno
import os

from drill import expect
from faults import Bench, chosen
from support.program import CHECKPOINT, DATA, RUN_FILE, SYSTEM

HALF = 0  # of what was asked for is read or written, which is no failure
ERRORS = {"open": ("EACCES", "EIO", "EMFILE"), "read": ("EIO", "ESTALE", "EINTR", HALF),
          "write": ("ENOSPC", "EIO", "EDQUOT", "EINTR", HALF), "fsync": ("EIO", "ENOSPC"),
          "rename": ("EIO", "EACCES", "ENOSPC"), "mmap": ("ENOMEM", "EACCES", "ENODEV"),
          "link": ("EPERM", "ENOSPC"), "resize": ("ENOSPC", "EIO")}


def trials(bench, drill):
    """Every call of every command, or a draw of them: (command, kind, number, for good, error)."""
    # Images that cannot be mapped are read, and `describe` says so.
    pairs = [(name, kind) for name in chosen(drill) for kind in ERRORS if (name, kind) != ("describe", "mmap")]
    if drill.count >= drill.full:
        for name, kind in pairs:
            for number in range(1, bench.calls(name, kind) + 1):
                for forever in (False, True):
                    yield name, kind, number, forever
        return
    done = 0
    while done < drill.count:
        name, kind = drill.rng.choice(pairs)
        calls = bench.calls(name, kind)
        if calls:
            done += 1
            yield name, kind, drill.rng.randint(1, calls), drill.rng.random() < 0.5


def run(drill):
    bench = Bench(drill)
    for number, (name, kind, call, forever) in enumerate(trials(bench, drill)):
        what = f"{name}: {kind} {call}{' and on' if forever else ''}"
        drill.trial(number, what, one, bench, name, kind, call, forever)


def codes(name, path, kind):
    """The exit codes that a failure on a file may have; `verify` may not know yet what a file is."""
    base = os.path.basename(path)
    if kind in ("open", "read", "mmap") and ".tmp-" not in base:
        return {CHECKPOINT} if base.startswith(("step-", "best", "latest")) else \
            {DATA} if base.endswith(".h5") and name != "verify" else {SYSTEM, RUN_FILE, DATA, CHECKPOINT}
    return {SYSTEM}


def names(bench, path):
    """What a line may call a file: a checkpoint by its link, too."""
    base = os.path.basename(path).split(".tmp-")[0]
    return ["the folder"] if path == bench.place else [base, "latest.h5"] if base.startswith("step-") else [base]


def one(rng, out, bench, name, kind, call, forever):
    error = rng.choice(ERRORS[kind])
    if forever and error == "EINTR":
        error = "EIO"
    bench.renew()
    done, _, path = bench.run(bench.words(name), kind, call, forever, getattr(errno, error) if error else HALF)
    about = f"{error or 'half'} at {kind} {call}{' and on' if forever else ''} of '{name}', on {path},"
    line = bench.check(name, done, about)
    bench.drill.note("lines" if line else "the same answer")
    if not line:
        return
    expect(error not in (HALF, "EINTR"), "no reason to fail:", about, line)
    named = any(name in line for name in names(bench, path))
    expect(forever or named, "the line does not name the file:", about, line)
    expect(forever or done.returncode in codes(name, path, kind), "exit code", done.returncode, "after", about, line)
    expect(forever or os.strerror(getattr(errno, error)) in line, "the line does not say why:", about, line)
