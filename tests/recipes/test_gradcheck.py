#!/usr/bin/env python3
"""trainer gradcheck passes on recipes with and without many ReLUs, and has checked every row."""
import json
import os
import pathlib
import subprocess
import sys

TRAINER = os.path.abspath(os.environ.get("TRAINER", "build/trainer"))
SOURCE = pathlib.Path(os.environ.get("TRAINER_SOURCE", pathlib.Path(__file__).parents[2]))


def main():
    failures = []
    for recipe in ("demo", "cifar10-resnet20"):
        for seed in ("1", "2"):
            done = subprocess.run(
                [TRAINER, "gradcheck", str(SOURCE / "launch" / "recipes" / f"{recipe}.yaml"),
                 "--input", "32x32x3", "--samples", "2", "--elements", "1", "--seed", seed, "--json"],
                capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"})
            where = f"{recipe}, seed {seed}"
            if done.returncode:
                failures.append(f"{where}: exit code {done.returncode}: {done.stderr}")
                continue
            found = json.loads(done.stdout)
            print(f"{where}: {len(found['rows'])} rows, "
                  f"{sum(row['kinks'] for row in found['rows'])} elements at kinks")
            if not found["passed"] or found["rows"][-1]["name"] != "input":
                failures.append(f"{where}: {done.stdout}")
            failures += [f"{where}: {row}" for row in found["rows"]
                         if row["checked"] < 1 or row["wrong"] or not row["worst"] <= 1e-6]
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
