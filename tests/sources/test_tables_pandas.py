"""Tables as pandas.read_csv reads them: 50 files of all kinds have equal values."""
import os
import random
import subprocess

import pytest

pd = pytest.importorskip("pandas", reason="pandas is not installed")
np = pytest.importorskip("numpy")

FILES, ROWS = 50, 12
MISSING = ("", "NA", "NaN", "nan", "N/A", "n/a", "NULL", "null", "#N/A", "<NA>", "-nan", "-NaN", "1.#IND", "#NA")
TEXTS = ("Paris", "New York", "O'Hara", 'say "hi"', "a,b", "c;d", "e|f", "Käfer", "北京", "x=1", "12-B",
         "0x10", "1 2", "1e", "--", "True story")


class Table:
    """A random table: how it is written, its rows as fields, and its text."""

    def __init__(self, number, folder, seed):
        self.draw = random.Random(seed * 1000 + number)
        self.path, self.out = f"{folder}/{number}.csv", f"{folder}/{number}.txt"
        self.separator = (",", ";", "\t", "|", None)[number % 5]
        self.decimal = "," if self.separator in (";", "\t") and number % 3 == 0 else "."
        self.thousands = {0: ".", 1: "'"}.get(number % 4) if self.decimal == "," else "'" if number % 7 == 0 else None
        self.head = number % 4 != 3
        self.columns = self.draw.randint(1, 6)
        self.target = "y" if self.head else str(self.columns)
        rows = 4000 if number == 10 else self.draw.randint(2, ROWS)  # one that is longer than what is read at a time
        self.all_there = True  # no column without a value
        kinds = self.kinds()
        lines = []
        for row in range(rows):
            lines.append([*(kind() for kind in kinds), str(row)])
            self.all_there = False
        self.write(lines)

    def kinds(self):
        return [self.draw.choice((self.whole, self.real, self.exponent, self.sparse, self.boolean, self.text,
                                  self.sparse_text)) for _ in range(self.columns)]

    def is_missing(self):
        return not self.all_there and self.draw.random() < 0.3

    def whole(self):
        value = self.draw.randint(*self.draw.choice(((-9, 9), (-10**6, 10**6), (0, 2**40))))
        return f"{value:,}".replace(",", self.thousands) if self.thousands else self.draw.choice(("%d", "%+d")) % value

    def real(self):
        value = self.draw.uniform(-1, 1) * 10.0**self.draw.randint(-8, 8)
        return (self.draw.choice(("%.3f", "%r", "%.17g", "%.25f", "%g")) % value).replace(".", self.decimal)

    def exponent(self):
        return self.draw.choice(("1e3", "1E-3", "-2.5e+10", ".5", "5.", "+.25e1", "1e-320", "007", "1e22", "1.7e-30")
                                ).replace(".", self.decimal)

    def sparse(self):
        return self.draw.choice(MISSING) if self.is_missing() else self.real()

    def boolean(self):
        return self.draw.choice(("True", "False", "TRUE", "FALSE", "true", "false"))

    def text(self):
        return self.draw.choice(TEXTS)

    def sparse_text(self):
        return self.draw.choice(MISSING if self.is_missing() else TEXTS)

    def quote(self, field):
        must = not field and not self.separator or any(c in field for c in f'{self.separator or " "}"\n\r\t')
        if must or self.draw.random() < 0.1:
            return '"' + field.replace('"', '""') + '"'
        return field

    def write(self, rows):
        head = [[*(f"column {i}" for i in range(self.columns)), "y"]] if self.head else []
        between = self.separator or self.draw.choice((" ", "   ", " \t"))
        end = self.draw.choice(("\n", "\r\n", "\r"))
        text = self.draw.choice(("", "\ufeff"))
        for row in head + rows:
            text += between.join(map(self.quote, row)) + end
            # Blank lines that end with "\r" alone confuse pandas.
            text += self.draw.choice((end, "  " + end)) if end != "\r" and self.draw.random() < 0.1 else ""
        with open(self.path, "w", newline="", encoding="utf-8") as file:
            file.write(text if self.draw.random() < 0.7 else text.rstrip("\r\n \t"))

    def job(self):
        code = ord(self.separator) if self.separator else 0
        thousands = ord(self.thousands) if self.thousands else 0
        return f"{self.path} {code} {ord(self.decimal)} {thousands} {int(self.head)} {self.target} {self.out}\n"

    def of_pandas(self):
        return pd.read_csv(self.path, sep=self.separator or r"\s+", decimal=self.decimal, thousands=self.thousands,
                           header=0 if self.head else None, float_precision="round_trip")

    def of_trainer(self):
        with open(self.out, encoding="utf-8", newline="\n") as file:
            names, *rows = file.read().split("\n")
        values = np.array([row.split(" ") for row in rows], np.float32)
        return {name: values[:, i] for i, name in enumerate(names.split("\x1f"))}


@pytest.fixture(scope="module")
def tables(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("tables")
    tables = [Table(number, folder, seed) for number in range(FILES)]
    subprocess.run([os.environ["TRAINER_PROGRAM_table_values"]], input="".join(table.job() for table in tables),
                   text=True, check=True)
    return tables


def expected_features(name, column):
    """What a column of pandas is to become, and whether a value is missing."""
    there = column.notna().to_numpy()
    kinds = {type(value) for value in column[there]}
    if kinds <= {bool, np.bool_} or column.dtype != object:
        return {name: (column[there].to_numpy(np.float64).astype(np.float32), there)}
    texts = [str(text).strip() for text in column[there]]
    return {f"{name}={text}": (np.array([text == other for other in texts], np.float32), there)
            for text in sorted(set(texts), key=str.encode)}


@pytest.mark.parametrize("number", range(FILES))
def test_have_the_values_of_pandas(tables, number):
    table = tables[number]
    frame, found = table.of_pandas(), table.of_trainer()
    names = []
    for label, column in frame.items():
        label = str(label).strip()
        if label == table.target:
            continue
        for name, (values, there) in expected_features(label, column).items():
            names.append(name)
            assert (found[name][there] == values).all(), (name, table.path)
        if not there.all():
            names.append(f"{label} missing")
            assert (found[names[-1]] == ~there).all()
    assert list(found) == names
