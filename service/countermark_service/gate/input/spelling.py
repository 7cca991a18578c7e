"""How the input is spelled as JSON: texts that a terminal or JSON can't hold, nodes, edges, times.

Trust: names and messages come from the change. What is not printable is spelled as base64 of its bytes, so that the
document shows as it is read, and reads back as exactly what the rules saw.
"""

from __future__ import annotations

from countermark_ledger import shape
from countermark_ledger.canonical import Json, b64decode, b64encode
from countermark_ledger.chain import Edge
from countermark_ledger.errors import Malformed
from countermark_ledger.identity import Identity
from countermark_ledger.node import Mode, Node

BASE64 = "base64"


def spell(text: str) -> Json:
    """Spell a text as itself, or as `{"base64": ...}` where it is not printable."""
    return text if text.isprintable() else {BASE64: b64encode(text.encode("utf-8", "surrogateescape"))}


def spell_optional(text: str | None) -> Json:
    """Spell a text, or null."""
    return None if text is None else spell(text)


def read(value: Json, where: str) -> str:
    """Read a text in either spelling."""
    if isinstance(value, dict):
        return b64decode(shape.member(value, BASE64)).decode("utf-8", "surrogateescape")
    return shape.text(value, where)


def read_optional(value: Json, where: str) -> str | None:
    """Read a text, or null."""
    return None if value is None else read(value, where)


def spell_node(node: Node | None) -> Json:
    """Spell a node as its mode and its sha256; null is absent. Git's own name of it decides nothing."""
    return None if node is None else f"{node.mode.value} {node.sha256}"


def read_node(value: Json) -> Node | None:
    """Read a node or its absence."""
    if value is None:
        return None
    mode, _, sha256 = shape.text(value, "node").partition(" ")
    if mode not in set(Mode):
        raise Malformed(f"node: expected a mode and a sha256, found {value!r:.80}")
    return Node(Mode(mode), shape.hex64(sha256, "node"), "")


def spell_edge(edge: Edge) -> Json:
    """Spell who says that a path went from which node to which."""
    return {
        "before": spell_node(edge.before),
        "after": spell_node(edge.after),
        "signer": str(edge.signer),
        "source": edge.source,
        "base": edge.base,
        "logIndex": edge.index,
    }


def read_edge(value: Json) -> Edge:
    """Read an edge."""
    index = shape.member(value, "logIndex")
    return Edge(
        read_node(shape.member(value, "before")),
        read_node(shape.member(value, "after")),
        Identity.parse(shape.member(value, "signer")),
        shape.text(shape.member(value, "source"), "source"),
        shape.text(shape.member(value, "base"), "base"),
        None if index is None else shape.integer(index, "logIndex"),
    )
