#!/usr/bin/env python3
"""What the pages of docs/ quote from the sources is still there.

- Every message of docs/troubleshooting.md: the code in a heading of level 3, in which … stands for anything, has to be
  a part of a text in src/, in which whatever printf fills in counts as … too.
- Every file of docs/glossary.md: the code in a row's last cell is a path below src/.
- Every link of a page to a file of this project.

usage: pages.py SOURCE_FOLDER"""
import pathlib
import re
import sys

LEAST = 25
LITERALS = re.compile(r'(?:"(?:\\.|[^"\\\n])*"|\bPRI[a-zA-Z0-9]+|\s)+')
TOKEN = re.compile(r'"((?:\\.|[^"\\\n])*)"|PRI[a-zA-Z0-9]+')
CONVERSION = re.compile(r"%[-+ #0]*[0-9]*(?:\.[0-9*]+)?(?:(?:hh|h|ll|l|j|z|t)?[a-zA-Z]|\0)")


def texts(root):
    """The texts of the sources; neighbouring literals are one text."""
    for path in sorted(root.rglob("*.[ch]")):
        code = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S)
        for match in LITERALS.finditer(code):
            parts = ["\0" if token.group(1) is None else token.group(1)
                     for token in TOKEN.finditer(match.group(0))]
            text = CONVERSION.sub("…", "".join(parts).replace('\\"', '"').replace("%%", "%"))
            if text:
                yield text


def stands_in(message, text):
    """Whether the pieces between the … come in this order."""
    at = 0
    for piece in (piece.strip() for piece in message.split("…")):
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def check_messages(root):
    found = list(texts(root / "src"))
    quoted = re.findall(r"^### `(.+)`$", (root / "docs" / "troubleshooting.md").read_text(), re.M)
    for message in quoted:
        if not any(stands_in(message, text) for text in found):
            yield f"docs/troubleshooting.md: no text of src/ says: {message}"
    if len(quoted) < LEAST:
        yield f"docs/troubleshooting.md quotes {len(quoted)} messages, expected at least {LEAST}"


def check_glossary(root):
    rows = re.findall(r"^\| (.+?) \|.*\| `(.+?)` \|$", (root / "docs" / "glossary.md").read_text(), re.M)
    for word, path in rows:
        if not (root / "src" / path).exists():
            yield f"docs/glossary.md: {word}: there is no src/{path}"
    if len(rows) < LEAST:
        yield f"docs/glossary.md has {len(rows)} words, expected at least {LEAST}"


def check_links(root):
    for page in sorted([*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("datasets/*.md")]):
        text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            if not (page.parent / target).exists():
                yield f"{page.relative_to(root)}: links to {target}, which does not exist"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    wrong = [*check_messages(root), *check_glossary(root), *check_links(root)]
    print("\n".join(wrong) if wrong else "the pages agree with the sources")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
