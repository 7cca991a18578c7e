"""The change's own command, run where it can do no harm, and judged by what it tried.

Layer: scanners. `run` is the stage; `Bubblewrap` holds and watches.
Trust: every byte of the change runs as hostile code here, and nowhere else.
"""

from .bubblewrap import Bubblewrap
from .errors import CannotLayOut, NoIsolation, PlanMalformed, RecordMalformed
from .plan import Plan
from .rerun import tests
from .sandbox import Sandbox, Tree
from .stage import NotRun, Outcome, run

__all__ = [
    "Bubblewrap",
    "CannotLayOut",
    "NoIsolation",
    "NotRun",
    "Outcome",
    "Plan",
    "PlanMalformed",
    "RecordMalformed",
    "Sandbox",
    "Tree",
    "run",
    "tests",
]
