"""Who accounts for each line of a file: signed rows, one after the other, applied to the contents they name.

Layer: service. Does no I/O: contents come in as bytes, already compared with the sha256 that was signed.
Trust: a row proves that its signer accounts for the whole content after it; which of its lines are new is our
own comparison with the content before it. A line is never given to a signer whose content did not hold it.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from countermark_ledger.chain import Edge, find
from countermark_ledger.node import Node

EXACT_PAIRS = 4_000_000
"""So many pairs of equal lines are compared exactly; beyond, lines that repeat a lot only match beside others."""
BINARY_OPENING = 8000
"""git's own rule: a NUL in the first 8000 bytes makes a file binary."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a path is from one commit on; `signed` is the word of a person who signed exactly that commit."""

    node: Node | None
    signed: Edge | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """From one known content to the next: by whom, and which rows before it can't be told apart from it.

    Without an edge nobody accounts for what is new in it.
    """

    content: bytes
    edge: Edge | None
    merged: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its line break, and the hop that brought it."""

    text: bytes
    hop: Hop


def hops(steps: Sequence[Step], edges: Iterable[Edge], contents: Mapping[Node, bytes]) -> list[Hop]:
    """Explain a path's history, oldest step first, by evidence; `contents` has all its nodes, and may lack others.

    Evidence must stand in the log in the order of the history, so that a row is not used for a content that came
    back later without one. A step that no evidence explains is a hop of nobody's.
    """
    known, found, last = list(edges), list[Hop](), -1
    start: Node | None = None
    for step in steps:
        if step.node == start:
            continue
        later = [edge for edge in known if _place(edge) > last]
        begin, chain = _explain(start, step, later, contents)
        if begin != start or not chain:
            found.append(Hop(_content(begin, contents) or b"", None))
        found += _known_hops(chain, contents)
        last = max([last, *(_place(edge) for edge in chain)])
        start = step.node
    return found


def attribute(found: Iterable[Hop]) -> list[Line]:
    """Walk the hops from an empty file on; each line belongs to the hop that it first appears in."""
    lines: list[Line] = []
    for hop in found:
        texts = split(hop.content)
        stayed = dict(kept([line.text for line in lines], texts))
        lines = [lines[stayed[at]] if at in stayed else Line(text, hop) for at, text in enumerate(texts)]
    return lines


def split(content: bytes) -> list[bytes]:
    """Cut into lines as git does, at line feeds only; a last line without one is a line."""
    lines = content.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def is_binary(content: bytes) -> bool:
    """Tell whether git would call it binary."""
    return b"\x00" in content[:BINARY_OPENING]


def _place(edge: Edge) -> int:
    """Return where the edge stands in the log; a signed commit stands nowhere in it."""
    return -1 if edge.index is None else edge.index


def _explain(
    start: Node | None, step: Step, edges: Sequence[Edge], contents: Mapping[Node, bytes]
) -> tuple[Node | None, tuple[Edge, ...]]:
    """Find evidence for a step, or for its end from the oldest content that is at hand; its end alone without any."""
    whole = find(start, step.node, edges)
    if whole is not None:
        return start, whole
    if step.signed is not None and step.signed.before == start:
        return start, (step.signed,)
    for edge in sorted((edge for edge in edges if edge.before in contents), key=_place):
        part = find(edge.before, step.node, edges)
        if part:
            return edge.before, part
    return step.node, ()


def _known_hops(chain: Sequence[Edge], contents: Mapping[Node, bytes]) -> Iterator[Hop]:
    """Yield a hop for each content that is at hand; rows whose content is not are merged into the next one."""
    waiting: list[Edge] = []
    for edge in chain:
        content = _content(edge.after, contents)
        if content is None:
            waiting.append(edge)
        else:
            yield Hop(content, edge, tuple(waiting))
            waiting = []


def _content(node: Node | None, contents: Mapping[Node, bytes]) -> bytes | None:
    return b"" if node is None else contents.get(node)


def kept(before: Sequence[bytes], after: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Pair the places of lines that stayed: (after, before)."""
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    yield from ((at, at) for at in range(head))
    yield from ((len(after) - at, len(before) - at) for at in range(1, tail + 1))
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=_pairs(old, new) > EXACT_PAIRS)
    for block in matcher.get_matching_blocks():
        yield from ((head + block.b + at, head + block.a + at) for at in range(block.size))


def _common(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _pairs(old: Sequence[bytes], new: Sequence[bytes]) -> int:
    counts = Counter(new)
    return sum(counts[line] for line in old)
