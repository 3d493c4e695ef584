#!/usr/bin/env python3
"""The boundaries between the modules (src/modules.txt), checked in the sources themselves.

- A library's header stands only in the files that wrap the library.
- A module includes the modules that the table gives it, every one and no other, and the table gives
  it only modules above it.
- The picture in docs/design.md shows the same: its arrows reach what the table reaches.
- Below cli/ nothing prints, exits or keeps state in a global, and no text has words of the command line: flags
  (`--json`) or the program's commands (`trainer eval`).

usage: modules.py [SOURCE_FOLDER]          checks SOURCE_FOLDER/src
       modules.py --self-test              checks that a breach of each rule is found
"""
import pathlib
import re
import sys
import tempfile

def read_table(text):
    """src/modules.txt: each module and the modules that it may include, lowest first."""
    table = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            module, uses = line.split(":")
            table[module] = set(uses.split())
    return table


# Library headers and the files (under src/) that may include them.
LIBRARIES = {
    r"mpi\.h": r"comm/.*|cli/world\.c",
    r"hdf5.*\.h": r"store/.*",
    r"cblas.*\.h": r"compute/openblas[^/]*\.[ch]",
    r"dnnl.*\.h": r"compute/onednn[^/]*\.[ch]",
    r"yaml\.h": r"runfile/.*",
    r"jpeglib\.h|turbojpeg\.h|png\.h": r"pictures/.*",
    r"jansson\.h": r"(report|train|cli)/.*",
}

PRINTS = re.compile(r"(?<![\w.>])(printf|puts|putchar|perror|vprintf)\s*\(|"
                    r"\bfprintf\s*\(\s*(stdout|stderr)\b|\bfputs\s*\([^;]*\b(stdout|stderr)\s*\)")
EXITS = re.compile(r"(?<![\w.>])(exit|_exit|_Exit|quick_exit)\s*\(")
# A definition in the first column that is neither const nor a function nor a type.
GLOBAL = re.compile(r"^(?:static\s+)?(?:_Thread_local\s+|__thread\s+)?(?:volatile\s+|unsigned\s+)?"
                    r"(?:struct\s+\w+|enum\s+\w+|int|bool|char|float|double|long|size_t|FILE|void|"
                    r"u?int\d+_t|_Atomic\s+\w+|pthread_\w+)\b(?:\s*\*+\s*|\s+)(\w+)\s*(\[[^\]]*\])*\s*(=[^=]|;)")
LOCAL_STATIC = re.compile(r"^\s+static\s+(?!.*\bconst\b|inline\b|_Noreturn\b)[\w\s*]+?\b(\w+)\s*"
                          r"(\[[^\]]*\])*\s*(=[^=]|;)")

# Neighbouring literals are one text.
TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"(?:\s+(?:PRI\w+\s+)?"(?:\\.|[^"\\\n])*")*')
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
COMMAND = re.compile(r'struct Command command_\w+ = \{\s*\.name = "(\w+)')

# What may break a rule, and why.
ALLOWED = {
    ("base/error.c", "print"): "a failed CHECK says where before it aborts",
    ("base/error.c", "exit"): "the same",
    ("base/error.c", "global"): "the handler of failed CHECKs, set once by cli/world.c",
    ("base/log.c", "global"): "the handler of log messages, set once by cli/log.c",
    ("base/memory.c", "print"): "out of memory ends the process, naming the purpose",
    ("base/memory.c", "exit"): "the same",
}


def code_of(text):
    """The text without comments and without the contents of strings, line numbers kept."""
    def blank(match):
        token = match.group(0)
        if token.startswith(("//", "/*")):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + token[0]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def without_comments(text):
    """The text without comments, line numbers kept."""
    def blank(match):
        token = match.group(0)
        return re.sub(r"[^\n]", " ", token) if token.startswith(("//", "/*")) else token
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def check_words(text, commands):
    """Texts that have words of the command line, which stand in cli/ alone."""
    code = without_comments(text)
    program = re.compile(rf"\btrainer ({'|'.join(sorted(commands))})\b") if commands else None
    for match in TEXT.finditer(code):
        words = "".join(re.findall(r'"((?:\\.|[^"\\\n])*)"', match.group(0)))
        for pattern in filter(None, (FLAG, program)):
            found = pattern.search(words)
            if found:
                number = code.count("\n", 0, match.start()) + 1
                yield number, f"`{found.group(0)}` is a word of the command line, which cli/ alone knows"


def check_file(root, path, table, used, commands):
    name = path.relative_to(root).as_posix()
    module = name.split("/")[0]
    text = path.read_text()
    code = code_of(text)
    if module not in table:
        yield 1, f"module {module}/ is not in src/modules.txt"
        return
    for number, line in enumerate(text.splitlines(), 1):
        include = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if not include:
            continue
        header = include.group(1)
        for library, allowed in LIBRARIES.items():
            if re.fullmatch(library, header) and not re.fullmatch(allowed, name):
                yield number, f"{header} may be included only in {allowed}"
        other = header.split("/")[0] if "/" in header else None
        if other in table and other != module:
            used.setdefault(module, set()).add(other)
            if other not in table[module]:
                yield number, f"{module}/ must not know {other}/"
    if module == "cli":
        return
    yield from check_words(text, commands)
    for number, line in enumerate(code.splitlines(), 1):
        rules = (("print", PRINTS, "prints; below cli/ and report/ a failure goes up as an error"),
                 ("exit", EXITS, "ends the process; only cli/ may"),
                 ("global", GLOBAL, "is a variable that all runs would share"),
                 ("global", LOCAL_STATIC, "is a variable that all runs would share"))
        for rule, pattern, words in rules:
            found = pattern.search(line)
            if found and (name, rule) not in ALLOWED and (module, rule) != ("report", "print"):
                yield number, f"`{found.group(0).strip()}` {words}"


def check_table(table, used):
    seen = set()
    for module, uses in table.items():
        for other in sorted(uses - seen):
            yield f"src/modules.txt: {module} uses {other}, which does not stand above it"
        for other in sorted(uses - used.get(module, set())):
            yield f"src/modules.txt: {module} names {other} and includes nothing of it"
        seen.add(module)


def reach(arrows):
    """Every module and what it reaches over one arrow or more."""
    def below(module):
        found, next_ones = set(), set(arrows.get(module, ()))
        while next_ones - found:
            found |= next_ones
            next_ones = {other for name in found for other in arrows.get(name, ())}
        return found
    return {module: below(module) for module in arrows}


def read_picture(text):
    """The arrows of the first mermaid graph: `a & b --> c & d` is four of them."""
    arrows = {}
    graph = re.search(r"```mermaid\n(.*?)```", text, re.S)
    for line in graph.group(1).splitlines() if graph else ():
        if "-->" in line:
            left, right = ([name.strip() for name in side.split("&")] for side in line.split("-->"))
            for module in left:
                arrows.setdefault(module, set()).update(right)
    return arrows


def check_picture(table, text):
    picture, wanted = reach(read_picture(text)), reach(table)
    for module in table:
        shown = picture.get(module, set())
        for other in sorted(wanted[module] - shown):
            yield f"docs/design.md: the picture does not lead from {module} to {other}"
        for other in sorted(shown - wanted[module]):
            yield f"docs/design.md: the picture leads from {module} to {other}; src/modules.txt does not"


def check(folder):
    root = pathlib.Path(folder) / "src"
    table, used = read_table((root / "modules.txt").read_text()), {}
    files = sorted(path for path in root.rglob("*") if path.suffix in (".c", ".h", ".def"))
    commands = {name for path in files if path.parent.name == "cli" for name in COMMAND.findall(path.read_text())}
    breaches = [f"src/{path.relative_to(root)}:{number}: {words}"
                for path in files for number, words in check_file(root, path, table, used, commands)]
    breaches += check_table(table, used)
    breaches += check_picture(table, (root.parent / "docs" / "design.md").read_text())
    return files, breaches


def self_test():
    """Each line breaks one rule in a file of its own; all must be found, and nothing in the last."""
    cases = {
        "train/a.c": "#include <mpi.h>\n",
        "nn/b.c": '#include "comm/exchange.h"\n',
        "data/c.c": "#include <hdf5.h>\n",
        "compute/d.c": "#include <cblas.h>\n",
        "compute/openblas_e.c": "#include <dnnl.h>\n",
        "train/f.c": "#include <yaml.h>\n",
        "base/g.c": '#include "nn/model.h"\n',
        "optim/h.c": "void f(void) {\n    printf(\"x\");\n}\n",
        "comm/i.c": "void f(void) {\n    exit(1);\n}\n",
        "data/sheets/m.c": "#include <png.h>\n",
        "data/j.c": "static int counter;\n",
        "store/k.c": "int f(void) {\n    static int counter = 0;\n    return counter++;\n}\n",
        "other/l.c": "\n",
        "run/n.c": '#include "data/dataset.h"\n',
        "nn/o.c": 'const char *f(void) {\n    return "expected --json";\n}\n',
        "data/p.c": 'const char *f(void) {\n    return "run: trainer "\n           "eval FILE";\n}\n',
    }
    # base uses what stands below it, nn names what it does not include, the picture lacks an arrow
    # and has one too many.
    table = ("base: run\nstore: base\ncompute: base\ncomm: base\ndata: base\nnn: base store\noptim: base\n"
             "run: data\ntrain: base\nreport: base\ncli: base\n")
    design = "```mermaid\ngraph TD\n  train --> comm\n```\n"
    in_table = ["base uses run, which", "nn names store and", "not lead from nn to base",
                "picture leads from train to comm"]
    clean = ("#include <stdio.h>\n#include \"base/error.h\"\n/* exit(1); printf( */\n"
             "static const char *const names[] = {\"exit(1)\", NULL};\nstruct Name;\n"
             "static int f(void) {\n    static const int table[] = {1};\n"
             "    snprintf(0, 0, \"mpi.h\"); /* --json */\n    f(\"a trainer checkpoint -- x\", \"%s--%s\");\n"
             "    return table[0];\n}\n")
    command = 'const struct Command command_eval = {\n    .name = "eval",\n    .help = "--json"};\n'
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**cases, "nn/clean.c": clean, "cli/command.c": command}.items():
            path = pathlib.Path(folder, "src", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        pathlib.Path(folder, "src", "modules.txt").write_text(table)
        pathlib.Path(folder, "docs").mkdir()
        pathlib.Path(folder, "docs", "design.md").write_text(design)
        _, breaches = check(folder)
    missed = [name for name in cases if name != "run/n.c" and not any(f"src/{name}:" in line for line in breaches)]
    missed += [words for words in in_table if not any(words in line for line in breaches)]
    wrong = [line for line in breaches if any(name in line for name in ("clean.c", "run/n.c", "cli/command.c"))]
    for name in missed:
        print(f"the breach in {name} was not found")
    for line in wrong:
        print(f"no breach, but found: {line}")
    return 1 if missed or wrong else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    files, breaches = check(sys.argv[1] if len(sys.argv) > 1 else ".")
    if not files:
        print("no sources found")
        return 1
    print("\n".join(breaches) if breaches else f"{len(files)} files keep to the boundaries")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
