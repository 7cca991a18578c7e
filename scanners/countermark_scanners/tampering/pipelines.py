"""Pipelines compared: checks that are gone, switched off, or whose failure is ignored.

Layer: scanners, a part of `tampering`. Imports `yaml_nodes` and the rule catalogue; does no I/O.
Trust: both states are hostile. A step that moved is found by what it runs, not by where it stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from .. import catalogue
from ..errors import Unreadable
from ..yaml_nodes import Leaf, leaves
from .comparing import Loss
from .vocabulary import NAME

_NEVER = re.compile(r"\s*(?:\$\{\{\s*)?(?:false|0|''|never\(\)|always\(\)\s*&&\s*false|false\s*&&.*)(?:\s*\}\})?\s*")
_IGNORED = re.compile(
    r"\|\|\s*(?:true|:|exit\s+0|echo)(?!\w)|;\s*(?:true|exit\s+0)\s*$|^-(?=[a-z])|^@-"
    r"|--(?:exit-zero|passWithNoTests|no-verify|soft-fail|allow-failure)\b"
)
_DESELECTED = re.compile(
    r"--(?:deselect|ignore(?:-glob)?|exclude|skip|testPathIgnorePatterns)[= ]\S+"
    r"|(?<!\w)-(?:k|m)[= ]*[\"']?not\b[^\"'\n]*"
)
_NO_STOP = re.compile(r"^(?:exit\s+0|set\s+\+e)\b")
_USES = re.compile(r"@[\w.\-/]+$")


def compared(before: bytes, content: bytes, moved: Iterable[bytes]) -> list[Loss]:
    """Compare two states of a pipeline; `moved` are other pipelines of the change, where a step may now stand."""
    old, new = _read(before), leaves(content) if content.strip() else []
    if old is None:
        return list(_softer([], new))
    elsewhere = {text for other in moved for leaf in _read(other) or [] for text, _ in _commands(leaf)}
    return [*_softer(old, new), *_gone(old, new, elsewhere), *_triggers(old, new)]


def _read(content: bytes) -> list[Leaf] | None:
    try:
        return leaves(content)
    except Unreadable:
        return None  # what was no pipeline before can't have lost a check; the new state alone is judged


def _softer(old: list[Leaf], new: list[Leaf]) -> Iterator[Loss]:
    known = Counter((leaf.key, leaf.value) for leaf in old)
    for leaf in new:
        if known[leaf.key, leaf.value] > 0:
            known[leaf.key, leaf.value] -= 1
            continue
        word = leaf.value.strip().lower()
        if leaf.key in {"continue-on-error", "continueOnError", "allow_failure", "ignore_failures"} and word not in {
            "false",
            "no",
            "off",
            "~",
            "",
        }:
            yield Loss("ci-failure-ignored", leaf.line, f"{leaf.key}: {leaf.value}"[:80], existed=bool(old))
        elif (leaf.key == "if" and _NEVER.fullmatch(leaf.value)) or (
            leaf.key == "when" and word in {"never", "manual"}
        ):
            yield Loss("ci-check-disabled", leaf.line, f"{leaf.key}: {leaf.value}"[:80], existed=bool(old))
    yield from shell_lines(_script(old), _script(new))


def _script(found: list[Leaf]) -> list[tuple[str, int]]:
    return [
        (line.strip(), leaf.line + offset)
        for leaf in found
        for offset, line in enumerate(leaf.value.split("\n"))
        if line.strip()
    ]


def shell_lines(old: Iterable[tuple[str, int]], new: Iterable[tuple[str, int]]) -> Iterator[Loss]:
    """Compare commands, as (text, line): failures newly ignored, tests newly left out."""
    known = Counter(text for text, _ in old)
    before = Counter(found for text, count in known.items() for found in _DESELECTED.findall(text) * count)
    existed = bool(known)
    for text, line in new:
        if known[text] > 0:
            known[text] -= 1
            continue
        match = _NO_STOP.match(text) or (_IGNORED.search(text) if _is_check(text) else None)
        if match:
            yield Loss("ci-failure-ignored", line, match[0].strip()[:80], existed=existed)
        for found in _DESELECTED.findall(text):
            if before[found] < 1 and _is_check(text):
                yield Loss("tests-deselected", line, found[:80], existed=existed)


def _is_check(text: str) -> bool:
    return re.search(catalogue.load(NAME)["ci-check-removed"].data["checks"], text, re.IGNORECASE) is not None


def _commands(leaf: Leaf) -> Iterator[tuple[str, int]]:
    """Yield what a leaf runs, in a spelling that versions and options of the shell do not change."""
    if leaf.key == "uses":
        yield _USES.sub("", leaf.value), leaf.line
    elif leaf.key in {"run", "script", "before_script", "after_script", "command", "bash", "pwsh", "sh", "commands"}:
        for line in leaf.value.split("\n"):
            if line.strip():
                yield " ".join(re.sub(r"\s*(?:\|\|.*|;\s*true)$", "", line).split()), leaf.line


def _gone(old: list[Leaf], new: list[Leaf], elsewhere: set[str]) -> Iterator[Loss]:
    after = Counter(text for leaf in new for text, _ in _commands(leaf))
    kinds = Counter(_kind(text) for text in after.elements())
    for leaf in old:
        for text, _ in _commands(leaf):
            if after[text] > 0:
                after[text] -= 1
                kinds[_kind(text)] -= 1
    remaining = Counter(text for leaf in new for text, _ in _commands(leaf))
    for leaf in old:
        for text, _ in _commands(leaf):
            if remaining[text] > 0:
                remaining[text] -= 1
            elif not _is_check(text) or text in elsewhere:
                continue
            elif kinds[_kind(text)] > 0:
                kinds[_kind(text)] -= 1  # the same tool, called in another way
            else:
                yield Loss("ci-check-removed", 1, text[:80])


def _kind(text: str) -> str:
    """Name the tool that a command runs: its first word that is known as a check."""
    found = re.search(catalogue.load(NAME)["ci-check-removed"].data["checks"], text, re.IGNORECASE)
    return found[0].lower() if found else text


def _triggers(old: list[Leaf], new: list[Leaf]) -> Iterator[Loss]:
    if not new:
        return
    had, has = _events(old), _events(new)
    for event in sorted(had & {"pull_request", "push", "merge_group", "merge_request_event"} - has):
        yield Loss("ci-trigger-narrowed", 1, f"no longer on {event}")
    known = Counter((leaf.key, leaf.value) for leaf in _narrowing(old))
    for leaf in _narrowing(new):
        if known[leaf.key, leaf.value] < 1:
            yield Loss("ci-trigger-narrowed", leaf.line, f"{leaf.key}: {leaf.value}"[:80])
        known[leaf.key, leaf.value] -= 1


def _events(found: list[Leaf]) -> set[str]:
    return {part for leaf in found if leaf.path[:1] == ("on",) for part in (*leaf.path[1:2], leaf.value)}


def _narrowing(found: list[Leaf]) -> list[Leaf]:
    return [leaf for leaf in found if leaf.key in {"paths-ignore", "branches-ignore", "except"}]
