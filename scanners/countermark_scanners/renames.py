"""Which file of the base a file of the head was: the same path, the same bytes elsewhere, or most of the same lines.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: paths and contents are hostile. Comparing is bounded: beyond the bounds two files are strangers.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 256 * 1024
MOST_PAIRS = 10_000
ALIKE = 0.5  # git's own default for a rename: half of the lines


def origins(head: Mapping[str, bytes], base: Mapping[str, bytes]) -> dict[str, str]:
    """Map each path of the head to the path it had in the base; a path that is new there is left out."""
    found = {path: path for path in head if path in base}
    came, left = sorted(set(head) - set(base)), sorted(set(base) - set(head))
    by_content = {base[path]: path for path in reversed(left)}
    for path in came:
        if head[path] and (was := by_content.pop(head[path], None)) is not None:
            found[path] = was
    came = [path for path in came if path not in found]
    left = [path for path in left if path not in found.values()]
    if len(came) * len(left) <= MOST_PAIRS:
        found |= _by_lines({path: head[path] for path in came}, {path: base[path] for path in left})
    return found


def _by_lines(came: Mapping[str, bytes], left: Mapping[str, bytes]) -> dict[str, str]:
    ours, theirs = _counted(came), _counted(left)
    scored = [(_alike(ours[new], theirs[old]), new, old) for new in ours for old in theirs]
    found: dict[str, str] = {}
    for share, new, old in sorted(scored, key=lambda row: (-row[0], row[1], row[2])):
        if share >= ALIKE and new not in found and old not in found.values():
            found[new] = old
    return found


def _counted(files: Mapping[str, bytes]) -> dict[str, Counter[bytes]]:
    small = {path: content.split(b"\n") for path, content in files.items() if len(content) <= MOST_BYTES}
    counted = {path: Counter(line.strip() for line in lines if line.strip()) for path, lines in small.items()}
    return {path: lines for path, lines in counted.items() if lines}


def _alike(one: Counter[bytes], other: Counter[bytes]) -> float:
    return 2 * (one & other).total() / (one.total() + other.total())
