"""What a policy demands beyond the reading of files; nothing of this runs unless it is demanded.

Layer: scanners. Does no I/O, and imports nothing that runs: every gate reads a policy.
Trust: the demands are the protected policy's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .dynamic.plan import Plan
    from .dynamic.sandbox import Tree


@dataclass(frozen=True, slots=True)
class Demands:
    """What a policy demands: a plan to run, and the least share of injected flaws (thousandths) that is noticed.

    0 demands no share, and no flaw is injected. `detection_seconds` is for the project's tests, which are asked about
    what no scanner notices.
    """

    plan: Plan | None = None
    detection: int = 0
    detection_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Whole:
    """A change with all that surrounds it: the changed files on both sides, and how to read both whole trees."""

    files: Mapping[str, bytes]
    base: Mapping[str, bytes]
    special: Mapping[str, str]
    tree: Callable[[], Tree]
    base_tree: Callable[[], Tree]


NOTHING: Final = Demands()


class Wanted(NamedTuple):
    """What a policy wants of a scan: the scanners by name, and what is to be done beyond it."""

    scanners: Sequence[str]
    demands: Demands = NOTHING
