"""A job's log obeys what is printed into it: this spells out what any runner would take for a command.

Trust: names from a change reach the log. GitHub takes `::command::` where a line begins, and `##[command]` anywhere
in it; Azure and TeamCity take `##vso[` and `##teamcity[`. Control characters, with which GitLab folds sections, are
spelled out by `safe` before.
"""

from __future__ import annotations

import re

_COMMAND = re.compile(r"^(\s*):(?=:)")


def inert(line: str) -> str:
    """Return the line as no runner's command."""
    return _COMMAND.sub(r"\1\\x3a", line).replace("##", r"#\x23")


def inert_json(line: str) -> str:
    """Return a line of JSON with the same meaning, as no runner's command; `##` can only stand in its strings."""
    return line.replace("##", r"#\u0023")
