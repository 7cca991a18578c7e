"""Looks at questions, one after the other, in a process that may die of them.

Layer: scanners, started by `native` as `python -I -m countermark_scanners.native_child FILE`, inside `tool`'s limits.
Trust: the contents are hostile; the file that holds them is `native`'s own. Nothing of them is run or imported.

Writes one JSON list: for each question its key, and its hits or why it could not be read.
"""

from __future__ import annotations

import base64
import json
import signal
import sys
import warnings
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from countermark_scanners.errors import Unreadable
from countermark_scanners.question import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from countermark_scanners.finding import Hit

HOME = "countermark_scanners."
SECONDS = 60  # for one question; the whole run has `tool`'s limits


def main(path: Path) -> None:
    """Answer every question of the document."""
    warnings.simplefilter("ignore")  # the parser warns about hostile code, on the channel a failure is told by
    signal.signal(signal.SIGALRM, _too_slow)
    document = json.loads(path.read_bytes())
    if not document["module"].startswith(HOME):
        raise ValueError(f"expected a module of {HOME[:-1]}, found {document['module']}")
    look = import_module(document["module"]).look
    sys.stdout.write(json.dumps([_answered(look, key, question) for key, question in _questions(document)]))


def _questions(document: dict[str, Any]) -> Iterator[tuple[str, Question]]:
    blobs = {name: base64.b64decode(content) for name, content in document["blobs"].items()}
    sets = {name: {path: blobs[one] for path, one in files.items()} for name, files in document["sets"].items()}
    for row in document["questions"]:
        before = None if row["before"] is None else blobs[row["before"]]
        question = Question(row["language"], blobs[row["content"]], row["path"], before, sets[row["beside"]])
        yield row["key"], question


def _answered(look: Callable[[Question], list[Hit]], key: str, question: Question) -> dict[str, Any]:
    signal.alarm(SECONDS)
    try:
        return {"key": key, "hits": [_spelled(hit) for hit in look(question)]}
    except Unreadable as error:
        return {"key": key, "unscanned": error.message[:300]}
    except (RecursionError, MemoryError) as error:
        return {"key": key, "unscanned": f"{type(error).__name__} while reading it"}
    finally:
        signal.alarm(0)


def _spelled(hit: Hit) -> dict[str, Any]:
    place = {"line": hit.line, "column": hit.column, "message": hit.message, "remediation": hit.remediation}
    return {
        "rule": hit.rule,
        "cwe": hit.cwe,
        "severity": int(hit.severity),
        "confidence": int(hit.confidence),
        "clears": hit.clears,
        **place,
    }


def _too_slow(_signal: int, _frame: FrameType | None) -> None:
    raise Unreadable(f"expected to be read within {SECONDS} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
