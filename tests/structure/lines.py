#!/usr/bin/env python3
"""Lines of pages, scripts and Python files are shorter than 120 characters. Rows of tables may be longer, since
Markdown has no other way to write a long cell; docs/run-file.md is written by the program.

usage: lines.py SOURCE_FOLDER"""
import pathlib
import sys

LIMIT = 120
PATTERNS = ("*.md", "docs/*.md", "datasets/*", "launch/**/*", ".ci/*", "tests/**/*.py", "bench/*.py", "tests/**/*.sh",
            "cmake/*.cmake", "**/CMakeLists.txt")


def is_table(path, line):
    return path.suffix == ".md" and line.lstrip().startswith("|")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    files = sorted({path for pattern in PATTERNS for path in root.glob(pattern)
                    if path.is_file() and path.suffix not in (".png", ".pyc") and path.name != "run-file.md" and
                    not path.relative_to(root).parts[0].startswith("build")})
    long = [f"{path.relative_to(root)}:{number}: {len(line)} characters, expected fewer than {LIMIT}"
            for path in files for number, line in enumerate(path.read_text().splitlines(), 1)
            if len(line) >= LIMIT and not is_table(path, line)]
    print("\n".join(long) if long else f"{len(files)} files have lines of fewer than {LIMIT} characters")
    return bool(long) or not files


if __name__ == "__main__":
    sys.exit(main())
