#!/usr/bin/env python3
"""Public and private functions of a module tell themselves apart by name, as in libuv.

A header under src/ is public if another module includes it, or if a public header of its own module
does; else it is private (tests and benches may include it all the same). A function with external
linkage that a private header declares has a double underscore in its name, after the prefix
(`h5__quiet`); one that a public header declares has none. Nothing stands above cli/, so that all of it
is private and needs no mark.

usage: names.py [SOURCE_FOLDER]          checks SOURCE_FOLDER/src
       names.py --list [SOURCE_FOLDER]   prints each private header and what it declares
       names.py --self-test              checks that a breach of each rule is found
"""
import pathlib
import re
import sys
import tempfile

from modules import code_of

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
# A prototype that begins in the first column: type words, the name, a parenthesis, a semicolon.
PROTOTYPE = re.compile(r"^(?!static|typedef|extern|return|#|\s|else)[\w\s*]*?\b(?:KERNEL\()?(\w+)\)?"
                       r"\((?:[^;{}()]|\([^;{}]*?\))*\)(?:\s*__attribute__\s*\(\(.*?\)\))?\s*;",
                       re.M | re.S)


def prototypes(text):
    """The functions that a header declares, static inline ones and macros aside."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", "", code_of(text), flags=re.M)
    return [name for name in PROTOTYPE.findall(code) if not name.isupper()]


def private_headers(root):
    """Each header below `root`, and whether it is private."""
    includes = {path.relative_to(root).as_posix(): INCLUDE.findall(path.read_text())
                for path in root.rglob("*") if path.suffix in (".c", ".h", ".def")}
    public, found = set(), {header for name, headers in includes.items() for header in headers
                            if header.split("/")[0] != name.split("/")[0]}
    while found - public:
        public |= found
        found = {header for name in public for header in includes.get(name, ())}
    return {name: name not in public for name in sorted(includes)
            if name.endswith(".h") and not name.startswith("cli/")}


def check(folder):
    root = pathlib.Path(folder) / "src"
    for header, private in private_headers(root).items():
        for name in prototypes((root / header).read_text()):
            if private and "__" not in name:
                yield f"src/{header}: {name} is for its own module alone and needs a double underscore"
            if not private and "__" in name:
                yield f"src/{header}: {name} has a double underscore, and other modules include it"


def self_test():
    files = {
        "src/store/inner.h": "void store_quiet(void);\nint store__fine(int a,\n    int (*f)(int));\n",
        "src/store/file.h": '#include "store/types.h"\nint store_open(const char *path);\n'
                            "char *store__shape(int rank)\n    __attribute__((nonnull(1)));\n"
                            "void KERNEL(store_add)(int n, const float *x);\n"
                            "static inline int store_twice(int a) {\n    return 2 * a;\n}\n",
        "src/store/file.c": '#include "store/file.h"\n#include "store/inner.h"\n',
        "src/store/types.h": "int store_bytes(void);\n",
        "src/store/deep.h": "#pragma once\nvoid KERNEL(store_sum)(void);\n",
        "src/nn/model.c": '#include "store/file.h"\n',
        "src/cli/main.h": "void run(void);\n",
        "tests/store/test.c": '#include "store/inner.h"\n',
    }
    expected = ["src/store/deep.h: store_sum is", "src/store/file.h: store__shape has",
                "src/store/inner.h: store_quiet is"]
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = list(check(folder))
    good = len(found) == len(expected) and all(map(str.startswith, found, expected))
    if not good:
        print("expected", *expected, "found", *found, sep="\n")
    return 0 if good else 1


def main():
    words = sys.argv[1:]
    if words == ["--self-test"]:
        return self_test()
    if words and words[0] == "--list":
        root = pathlib.Path(words[1] if len(words) > 1 else ".") / "src"
        for header, private in private_headers(root).items():
            if private:
                print(header, *prototypes((root / header).read_text()))
        return 0
    breaches = list(check(words[0] if words else "."))
    print("\n".join(breaches) if breaches else "public and private names tell themselves apart")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
