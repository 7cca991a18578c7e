"""Labelled sets as the measurement sees them: files by path, and cases that say which file has which flaw.

Nothing of a set lives in this repository. A set that is empty, or whose labels name no file, is refused: nothing
measured is not a result.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FAMILIES = Path(__file__).with_name("families.toml")
LABELS, PAIRS = "labels.csv", "pairs.csv"
_CWE = re.compile(r"(?:CWE-)?0*([1-9][0-9]*)", re.IGNORECASE)
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class NotADataSet(Exception):
    """The folder does not hold what its kind of set must hold."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question with a known answer: does the file have a flaw that one of these numbers names?"""

    path: str
    category: str
    cwes: frozenset[int]
    vulnerable: bool


@dataclass(frozen=True, slots=True)
class Labelled:
    """Files and the cases about them."""

    files: dict[str, bytes]
    cases: tuple[Case, ...]

    @property
    def categories(self) -> list[str]:
        """Name the categories, sorted."""
        return sorted({case.category for case in self.cases})


@dataclass(frozen=True, slots=True)
class Pair:
    """A real fix: everything under `name` on both sides; `cwes` is empty where any flaw counts."""

    name: str
    category: str
    cwes: frozenset[int]


@dataclass(frozen=True, slots=True)
class Fixes:
    """What stood before each fix and what stood after it, at the same paths."""

    before: dict[str, bytes]
    after: dict[str, bytes]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Plain:
    """Files of well-kept projects, presumed clean."""

    files: dict[str, bytes]

    @property
    def lines(self) -> int:
        """Count the lines of all Python files."""
        return sum(content.count(b"\n") for path, content in self.files.items() if path.endswith(".py"))


DataSet = Labelled | Fixes | Plain


def owasp_python(root: Path) -> Labelled:
    """Read a checkout of OWASP BenchmarkPython: its Python files, and its one table of expected results."""
    tables = sorted(root.glob("expectedresults-*.csv"))
    if len(tables) != 1:
        raise NotADataSet(f"{root}: expected one expectedresults-*.csv, found {len(tables)}")
    rows = [row for row in csv.reader(io.StringIO(tables[0].read_text("utf-8"))) if row and row[0][:1] != "#"]
    files = {path: content for path, content in _files(root).items() if path.endswith(".py")}
    cases = [_case(f"testcode/{row[0].strip()}.py", row[1].strip(), row[3], row[2]) for row in rows]
    return _labelled(root, files, cases)


def labelled(root: Path) -> Labelled:
    """Read a folder with `labels.csv` (path,cwe,vulnerable): the category of a case is its CWE."""
    rows = _table(root / LABELS, ("path", "cwe", "vulnerable"))
    files = {path: content for path, content in _files(root).items() if path != LABELS}
    cases = [_case(row["path"].strip(), f"CWE-{_number(row['cwe'])}", row["cwe"], row["vulnerable"]) for row in rows]
    return _labelled(root, files, cases)


def fixes(root: Path) -> Fixes:
    """Read a folder with `pairs.csv` (name,cwe) and, for each name, the folders NAME/before and NAME/after."""
    pairs = tuple(_pair(row["name"].strip(), row["cwe"].strip()) for row in _table(root / PAIRS, ("name", "cwe")))
    if not pairs:
        raise NotADataSet(f"{root / PAIRS}: expected pairs, found none")
    return Fixes(_side(root, pairs, "before"), _side(root, pairs, "after"), pairs)


def plain(root: Path) -> Plain:
    """Read every file of a folder, which may hold several projects."""
    files = _files(root)
    if not any(path.endswith(".py") for path in files):
        raise NotADataSet(f"{root}: expected Python files, found none")
    return Plain(files)


KINDS: Mapping[str, Callable[[Path], DataSet]] = {
    "owasp-python": owasp_python,
    "labelled": labelled,
    "pairs": fixes,
    "plain": plain,
}


def equivalents(number: int, families: Mapping[str, list[int]]) -> frozenset[int]:
    """Give every number that means the same kind of flaw."""
    return frozenset({number}.union(*(family for family in families.values() if number in family)))


def _side(root: Path, pairs: Iterable[Pair], side: str) -> dict[str, bytes]:
    found = {pair.name: _files(root / pair.name / side) for pair in pairs}
    missing = [name for name, files in found.items() if not files]
    if missing:
        raise NotADataSet(f"{root}: expected files in {missing[0]}/{side}, found none")
    return {f"{name}/{path}": content for name, files in found.items() for path, content in files.items()}


def _files(root: Path) -> dict[str, bytes]:
    """Read the regular files that are not in hidden folders; a link may lead anywhere, so none is followed."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and not path.is_symlink() and not any(part.startswith(".") for part in name.parts[:-1]):
            found[name.as_posix()] = path.read_bytes()
    return found


def _table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    if not path.is_file():
        raise NotADataSet(f"{path}: expected a table with the columns {', '.join(columns)}, found no file")
    reader = csv.DictReader(io.StringIO(path.read_text("utf-8")))
    if not set(columns) <= set(reader.fieldnames or ()):
        raise NotADataSet(f"{path}: expected the columns {', '.join(columns)}, found {reader.fieldnames}")
    return [{name: value or "" for name, value in row.items() if name in columns} for row in reader]


def _case(path: str, category: str, cwe: str, vulnerable: str) -> Case:
    truth = _TRUTH.get(vulnerable.strip().lower())
    if truth is None:
        raise NotADataSet(f"{path}: expected true or false, found {vulnerable}")
    return Case(path, category, _cwes(cwe), truth)


def _pair(name: str, cwe: str) -> Pair:
    return Pair(name, f"CWE-{_number(cwe)}", _cwes(cwe)) if cwe else Pair(name, "any", frozenset())


def _cwes(text: str) -> frozenset[int]:
    return equivalents(_number(text), tomllib.loads(FAMILIES.read_text("utf-8")))


def _number(text: str) -> int:
    found = _CWE.fullmatch(text.strip())
    if found is None:
        raise NotADataSet(f"labels: expected a CWE number, found {text!r}")
    return int(found[1])


def _labelled(root: Path, files: dict[str, bytes], cases: Iterable[Case]) -> Labelled:
    every = tuple(cases)
    missing = [case.path for case in every if case.path not in files]
    if missing or not every:
        raise NotADataSet(f"{root}: expected a file for each of {len(every)} labels, missing {missing[:3]}")
    return Labelled(files, every)
