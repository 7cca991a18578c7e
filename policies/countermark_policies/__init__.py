"""Policies and rules as data: what the gate requires, and what the scanners look for.

Layer: data, above the ledger. Imports nothing of ours.
Trust: these files are read from the installed package, never from the checkout that is being judged.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["names", "read"]


def read(name: str) -> bytes:
    """Return the file `name` (such as `gate/default.json`); `FileNotFoundError` when there is none."""
    if ".." in name.split("/") or name.startswith("/"):
        raise FileNotFoundError(name)
    return resources.files(__name__).joinpath(name).read_bytes()


def names(prefix: str) -> tuple[str, ...]:
    """List every data file whose name starts with `prefix`, sorted."""
    found = _walk(resources.files(__name__), "")
    return tuple(sorted(name for name in found if name.startswith(prefix)))


def _walk(place: Traversable, at: str) -> list[str]:
    found: list[str] = []
    for entry in place.iterdir():
        if entry.is_dir():
            found += [] if entry.name == "__pycache__" else _walk(entry, f"{at}{entry.name}/")
        elif not entry.name.startswith("__init__."):
            found.append(f"{at}{entry.name}")
    return found
