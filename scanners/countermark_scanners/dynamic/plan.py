"""What the protected policy declares to be run: an image, a command, and a time budget of its own.

Layer: scanners, dynamic. Does no I/O.
Trust: a plan comes from the policy at the protected tip, never from the change; its command is a list, no shell line.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from .errors import PlanMalformed

HOST = "host"
MAX_ARGUMENTS = 64
MAX_ARGUMENT = 4096
MAX_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Plan:
    """`image` is `host` (this machine's /usr, read-only) or the absolute path of an unpacked root file system.

    `budget_seconds` is the wall time of the whole stage: both runs, and the run of the base where there is one.
    """

    image: str
    command: tuple[str, ...]
    budget_seconds: int

    def __post_init__(self) -> None:
        """Refuse what can't be meant before anything is started."""
        if self.image != HOST and (not self.image.startswith("/") or posixpath.normpath(self.image) != self.image):
            raise PlanMalformed(f"dynamic.image: expected {HOST} or an absolute path, found {self.image!r}")
        if not 1 <= len(self.command) <= MAX_ARGUMENTS or not self.command[0]:
            raise PlanMalformed(f"dynamic.command: expected 1 to {MAX_ARGUMENTS} words, found {len(self.command)}")
        if any("\x00" in word or len(word) > MAX_ARGUMENT for word in self.command):
            raise PlanMalformed(f"dynamic.command: expected words of at most {MAX_ARGUMENT} characters without NUL")
        if not 1 <= self.budget_seconds <= MAX_SECONDS:
            raise PlanMalformed(f"dynamic.budgetSeconds: expected 1 to {MAX_SECONDS}, found {self.budget_seconds}")
