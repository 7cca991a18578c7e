"""Reads a change and chooses its weakenings, in a process that may die of it.

Layer: scanners, started by `injecting` as `python -I -m countermark_scanners.mutants.child FILE`, in `tool`'s limits.
Trust: the texts in the file are hostile; the file itself is ours. Nothing of a text is run or imported.

Writes one JSON object: what was not read, how many weakenings were found and dropped, and of each chosen one the file,
kind, span and edits.
"""

from __future__ import annotations

import base64
import json
import sys
import warnings
from pathlib import Path
from typing import Any

from countermark_scanners.mutants.edit import Edit
from countermark_scanners.mutants.placebo import placebo
from countermark_scanners.mutants.selection import Candidate, Choice, candidates, choose, read
from countermark_scanners.mutants.text import Text


def main(path: Path) -> None:
    """Answer for the change that the file holds."""
    warnings.simplefilter("ignore")  # the parser warns about hostile code, on the channel a failure is told by
    document = json.loads(path.read_bytes())
    read_heads = [read(base64.b64decode(text)) for text in document["heads"]]
    claimed = zip(read_heads, document["python"], strict=True)
    heads = [text if isinstance(text, Text) and (text.acts or python) else None for text, python in claimed]
    bases = [None if text is None else base64.b64decode(text) for text in document["bases"]]
    choice = choose(
        candidates(heads, bases, [base64.b64decode(text) for text in document["gone"]]), heads, document["most"]
    )
    unread = [{"file": number, "why": why} for number, why in enumerate(read_heads) if isinstance(why, str)]
    chosen = [_spelled(one, heads) for one in choice.chosen]
    placebos = [_neutral(number, text, choice) for number, text in enumerate(heads) if text is not None]
    said = {"placebos": placebos, "found": choice.found, "dropped": choice.dropped, "chosen": chosen, "unread": unread}
    sys.stdout.write(json.dumps(said))


def _spelled(one: Candidate, heads: list[Text | None]) -> dict[str, Any]:
    text, span = heads[one.file], one.site.span
    line = 0 if text is None else text.line(span[0])
    edits = _listed(one.site.edits)
    row = {"file": one.file, "rank": one.rank, "kind": one.site.kind.name, "line": line}
    return {**row, "start": span[0], "end": span[1], "edits": edits}


def _neutral(number: int, text: Text, choice: Choice) -> dict[str, Any]:
    spans = [one.site.span for one in choice.chosen if one.file == number]
    return {"file": number, "edits": _listed(placebo(text, spans))}


def _listed(edits: tuple[Edit, ...]) -> list[dict[str, Any]]:
    return [{"start": edit.start, "end": edit.end, "to": edit.to} for edit in edits]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
