"""The scanners that every scan needs, by name. No discovery: a plug-in found in a checkout is an attack.

Layer: scanners. Imports each member.
Trust: explicit; adding a scanner is a change to this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import bandit, binaries, dependencies, elsewhere, flow, prompts, ruff, secrets, semgrep, tampering, unicode
from .errors import UnknownScanner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .scanner import Scanner

# `source` is not in the list because it is no choice: it decides what the others are given.
DEFAULT: tuple[Scanner, ...] = (
    bandit.SCANNER,
    binaries.SCANNER,
    dependencies.SCANNER,
    elsewhere.SCANNER,
    flow.SCANNER,
    prompts.SCANNER,
    ruff.SCANNER,
    secrets.SCANNER,
    semgrep.SCANNER,
    tampering.SCANNER,
    unicode.SCANNER,
)
NAMES = tuple(scanner.name for scanner in DEFAULT)


def named(names: Iterable[str]) -> tuple[Scanner, ...]:
    """Look scanners up by the names a policy gives; raise on one that does not exist, and on none at all."""
    known = {scanner.name: scanner for scanner in DEFAULT}
    wanted = tuple(names)
    if not wanted:  # "clean because nothing ran" is how others grade an A
        raise UnknownScanner(f"scanners: expected at least one of {', '.join(sorted(known))}, found none")
    for name in wanted:
        if name not in known:
            raise UnknownScanner(f"scanner: expected one of {', '.join(sorted(known))}, found {name}")
    return tuple(known[name] for name in wanted)
