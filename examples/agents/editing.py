"""The hands of the scripted agents: they write files, and stop when the shop is not the one they know."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def create(path: Path, text: str) -> None:
    """Write a new file; refuse to overwrite one."""
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def replace(path: Path, edits: Mapping[str, str]) -> None:
    """Replace each passage, which must occur exactly once, by its successor."""
    text = path.read_text(encoding="utf-8")
    for old, new in edits.items():
        if text.count(old) != 1:
            raise SystemExit(f"{path}: expected {old!r} once, found it {text.count(old)} times")
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
