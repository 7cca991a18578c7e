"""What a run left in its workspace.

Layer: scanners, dynamic. Does no I/O.
Trust: names, links and contents are hostile; they are compared and searched, never opened.
"""

from __future__ import annotations

import os
import posixpath
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from countermark_ledger.node import Mode

from .behaviour import Behaviour, said
from .places import resolve
from .sandbox import WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from countermark_scanners.catalogue import Rule

    from .decoys import Needles
    from .places import Places
    from .sandbox import After, Job, Record, Tree

_ELF = b"\x7fELF"
_PROGRAMS_OF_THE_SYSTEM = "/usr/bin/"


def judge(record: Record, job: Job, places: Places, needles: Needles, rules: Mapping[str, Rule]) -> Iterator[Behaviour]:
    """Yield what the rows of the workspace and of the home, and the output, say."""
    tree = job.tree
    for row in record.after:
        if _is_new(row, tree):
            yield from _left(row, tree, rules)
            yield from _carried(row, needles)
    yield from _settled(record, job, places)
    for name, raw in (("standard output", record.stdout), ("standard error", record.stderr)):
        for decoy in needles.found(raw):
            yield Behaviour("run-secret-leak", said(f"its {name} (the decoy {decoy})"))


def _settled(record: Record, job: Job, places: Places) -> Iterator[Behaviour]:
    """Yield what lies in the home, whatever it was called, or behind, when it was written."""
    for row in record.home:
        path = f"{places.home}/{row.path}"
        if row.kind != "directory" and row.path not in job.surroundings.files and (rule := places.changed(path)):
            yield Behaviour(rule, places.shown(path))


def _is_new(row: After, tree: Tree) -> bool:
    mode, content = tree.get(row.path, (None, b""))
    if row.kind == "link":
        return mode is not Mode.SYMLINK or os.fsencode(row.target) != content
    if row.kind == "file":
        return row.content is not None or row.setuid or (row.executable and mode is not Mode.EXECUTABLE)
    return row.kind == "directory"


def _left(row: After, tree: Tree, rules: Mapping[str, Rule]) -> Iterator[Behaviour]:
    parts = row.path.split("/")
    if any(part.lower() == ".git" for part in parts):
        depth = next(index for index, part in enumerate(parts) if part.lower() == ".git")
        yield Behaviour("run-git-change", said("/".join(parts[: depth + 1])))
        return
    if row.kind == "directory":
        return
    if _starts_by_itself(parts, rules["run-start-up-file"]):
        yield Behaviour("run-start-up-file", said(row.path))
    if row.kind == "link" and _leaves(row):
        yield Behaviour("run-link-out", said(f"{row.path} -> {row.target}"))
    if row.setuid:
        yield Behaviour("run-privilege", said(f"a set-user-id program, {row.path}"))
    if _is_new_program(row, tree) and not set(parts[:-1]) & set(rules["run-executable"].data["folders"]):
        yield Behaviour("run-executable", said(row.path))


def _starts_by_itself(parts: list[str], rule: Rule) -> bool:
    named: Iterable[str] = rule.data["patterns"]
    return parts[0] in rule.data["folders"] or any(fnmatchcase(parts[-1], one) for one in named)


def _leaves(row: After) -> bool:
    target = resolve(posixpath.join(WORKSPACE, posixpath.dirname(row.path)), row.target)
    inside = target == WORKSPACE or target.startswith(f"{WORKSPACE}/")
    return not inside and not target.startswith(_PROGRAMS_OF_THE_SYSTEM)


def _is_new_program(row: After, tree: Tree) -> bool:
    mode, _ = tree.get(row.path, (None, b""))
    binary = row.content is not None and row.content.startswith(_ELF)
    return row.kind == "file" and (binary or (row.executable and mode is not Mode.EXECUTABLE))


def _carried(row: After, needles: Needles) -> Iterator[Behaviour]:
    names = os.fsencode(row.path) + b" " + os.fsencode(row.target)
    for decoy in sorted({*needles.found(row.content or b""), *needles.found(names)}):
        yield Behaviour("run-secret-leak", said(f"the file {row.path} (the decoy {decoy})"))
