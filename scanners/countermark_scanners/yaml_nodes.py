"""YAML as a list of leaves with their places, for the scanners that compare settings and pipelines.

Layer: scanners. Imports PyYAML, of which only the composer is used: no tag makes an object.
Trust: the text is hostile. Aliases are followed, but every visit counts, so that 272 bytes can't become 39 MB; the
pure Python parser is used because its recursion ends in an exception, not in a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import Unreadable

BYTES_AT_MOST = 1024 * 1024
_LEAVES_AT_MOST = 50_000
_DEPTH_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar: the keys and indexes on the way to it, its text, and its line (from 1)."""

    path: tuple[str, ...]
    value: str
    line: int

    @property
    def keys(self) -> tuple[str, ...]:
        """Give the way without the indexes of lists."""
        return tuple(part for part in self.path if not part.startswith("["))

    @property
    def key(self) -> str:
        """Give the last key on the way."""
        return self.keys[-1] if self.keys else ""


def leaves(content: bytes) -> list[Leaf]:
    """List every scalar of every document; raise `Unreadable` for what is no YAML, or too much of it."""
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415  # PyYAML ships no types, and a gate loads it not

    if len(content) > BYTES_AT_MOST:
        raise Unreadable(f"expected at most {BYTES_AT_MOST} bytes of YAML, found {len(content)}")
    try:
        documents = list(yaml.compose_all(content.decode("utf-8"), Loader=yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise Unreadable(f"not YAML: {' '.join(str(error).split())[:150]}") from error
    found: list[Leaf] = []
    for document in documents:
        if document is not None:
            _walk(document, (), found, [0])
    return found


def _walk(node: Any, path: tuple[str, ...], found: list[Leaf], visits: list[int]) -> None:  # noqa: ANN401  # PyYAML ships no types
    import yaml  # noqa: PLC0415  # the gate knows this scanner by name, and loads no library for that

    visits[0] += 1
    if visits[0] > _LEAVES_AT_MOST or len(path) > _DEPTH_AT_MOST:
        raise Unreadable(f"expected at most {_LEAVES_AT_MOST} values {_DEPTH_AT_MOST} deep in YAML, found more")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if not isinstance(value, yaml.ScalarNode) and not value.value:
                found.append(Leaf((*path, name), "", key.start_mark.line + 1))
            _walk(value, (*path, name), found, visits)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*path, f"[{index}]"), found, visits)
    else:
        found.append(Leaf(path, str(node.value), node.start_mark.line + 1))
