"""Which rule a path belongs to, when it is opened or changed.

Layer: scanners, dynamic. Reads the rules' data.
Trust: paths are hostile; they are compared, never followed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .behaviour import said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from countermark_scanners.catalogue import Rule

_PARTS = {"**": ".*", "*": "[^/]*"}
_OWN_PROCESS = re.compile(r"/proc/(self|thread-self)/")


def pattern(patterns: Iterable[str], home: str) -> re.Pattern[str]:
    """Compile patterns of paths: `~` is the home, `*` anything within a name, `**` anything."""
    return re.compile(
        "|".join(_one(text.replace("~", home, 1) if text[0] == "~" else text) for text in patterns), re.DOTALL
    )


def _with_folders(patterns: Iterable[str]) -> list[str]:
    """Add each folder to what lies in it: a whole folder can be moved or linked into place."""
    every = list(patterns)
    return [*every, *(text.removesuffix("/**") for text in every if text.endswith("/**"))]


def _one(text: str) -> str:
    return "".join(_PARTS.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", text))


def resolve(directory: str, path: str) -> str:
    """Join and normalise, as text: links are not known here, and a decoded result is better where there is one."""
    joined = posixpath.normpath(posixpath.join(directory, path))
    return joined[1:] if joined.startswith("//") else joined


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of one machine, by what it means to touch them."""

    home: str
    decoys: frozenset[str]
    probes: re.Pattern[str]
    memory: re.Pattern[str]
    persistence: re.Pattern[str]
    allowed: re.Pattern[str]
    allowed_home: re.Pattern[str]

    @classmethod
    def of(cls, rules: Mapping[str, Rule], home: str, decoys: Iterable[str]) -> Places:
        """Compile the rules for one home; `decoys` are relative to it."""

        def compiled(rule: str, field: str) -> re.Pattern[str]:
            return pattern(rules[rule].data[field], home)

        return cls(
            home=home,
            decoys=frozenset(f"{home}/{path}" for path in decoys),
            probes=compiled("run-secret-probe", "paths"),
            memory=compiled("run-debugger", "paths"),
            persistence=pattern(_with_folders(rules["run-persistence"].data["paths"]), home),
            allowed=compiled("run-write-outside", "allowed"),
            allowed_home=compiled("run-home-write", "allowed"),
        )

    def opened(self, path: str, *, spelled: str = "") -> str | None:
        """Name the rule that opening a path breaks; `spelled` is how the program wrote it."""
        if path in self.decoys:
            return "run-secret-read"
        if self.memory.fullmatch(path):
            return "run-debugger"
        own = _OWN_PROCESS.match(spelled)
        return "run-secret-probe" if not own and self.probes.fullmatch(path) else None

    def shown(self, path: str) -> str:
        """Spell a path for people, the same on every machine."""
        return said("~" + path.removeprefix(self.home) if path.startswith(f"{self.home}/") else path)

    def changed(self, path: str) -> str | None:
        """Name the rule that changing a path breaks."""
        if path in self.decoys:
            return "run-secret-read"
        if self.persistence.fullmatch(path):
            return "run-persistence"
        if self.allowed.fullmatch(path) or self.allowed_home.fullmatch(path):
            return None
        return "run-home-write" if path.startswith(f"{self.home}/") else "run-write-outside"
