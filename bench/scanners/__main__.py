"""`make bench-scanners`: what the scanners find in a set whose answers are known, with our peers in the same run.

    python bench/scanners DATASET FOLDER [--cases FILE] [--only NAME]...

DATASET is owasp-python, labelled, pairs or plain; `--cases` writes what each contender said of each case, as CSV;
`--only` leaves the other contenders out.
Nothing here fails a build: figures are printed beside their bars.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import measuring
from contenders import Contender, everyone
from datasets import KINDS, DataSet, Fixes, Labelled, NotADataSet, Plain


def main(arguments: list[str]) -> int:
    """Print the figures of one set."""
    asked = _parser().parse_args(arguments)
    try:
        found = KINDS[asked.dataset](asked.folder)
    except NotADataSet as error:
        print(error, file=sys.stderr)
        return 2
    cases: list[tuple[str, ...]] = []
    for line in _lines(found, everyone(asked.only), cases):
        print(line, flush=True)
    if asked.cases:
        with asked.cases.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(cases)
    return 0


def _lines(found: DataSet, who: Sequence[Contender], cases: list[tuple[str, ...]]) -> Iterator[str]:
    match found:
        case Labelled():
            return measuring.labels(found, who, cases)
        case Fixes():
            return measuring.fixes(found, who, cases)
        case Plain():
            return measuring.noise(found, who, cases)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/scanners", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", choices=KINDS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=Path, default=None, metavar="FILE")
    parser.add_argument("--only", action="append", choices=[contender.name for contender in everyone()])
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
