"""What a format is told besides the report: where the other files lie, and what its reader takes.

Trust: from the command line of whoever runs the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MAX_ANNOTATIONS = 10
"""GitHub shows so many of each type and step, and drops the others without a word."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`paths` are the files of this run, by format; `annotations` is the most of each type."""

    paths: Mapping[str, Path] = field(default_factory=dict)
    annotations: int = MAX_ANNOTATIONS
