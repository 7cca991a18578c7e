"""Tree objects as git itself would not write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..ledger.git.checkout import Checkout


def tree_with(checkout: Checkout, files: Mapping[bytes, tuple[str, str]], under: str = "main^{tree}") -> str:
    """Write a tree of one folder a name, beside what is there; git itself would refuse many of them."""
    rows = [line.split(None, 3) for line in checkout.git("ls-tree", under).splitlines()]
    entries = [(mode, name.encode(), blob) for mode, _, blob, name in rows]
    return checkout.tree(in_order([*entries, *((mode, name, blob) for name, (mode, blob) in files.items())]))


def in_order(entries: Iterable[tuple[str, bytes, str]]) -> list[tuple[str, bytes, str]]:
    return sorted(entries, key=lambda row: row[1] + b"/" * (row[0] == "40000"))
