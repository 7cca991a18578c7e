"""Prompt tags: the words like `@secure` in what an agent was asked to do. The words are public, the text is not.

Trust: given by whoever runs the agent. A tag is recorded with the work and changes no decision. Out of a task only
the words of `KNOWN` are taken: any other word behind an at sign could be somebody's name, and what is logged stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from countermark_service.exits import UsageError

MAX_TAGS = 32
KNOWN = frozenset({"@secure"})
"""The tags that mean something by themselves, wherever they stand in a task."""
HELP = "a tag of the prompt, e.g. @secure; it is signed in clear (repeatable)"
TASK_HELP = "what it was asked to do; only a commitment to it is signed, and the word @secure in it, as a tag"

_TAG = re.compile(r"@?([a-z][a-z0-9-]{0,31})")
_IN_TEXT = re.compile(r"""(?:(?<=[\s("'\[{])|^)@[a-z][a-z0-9-]{0,31}(?=[,.;:!?)\]}"']*(?:\s|$))""")


def tags_of(task: str | None, given: Iterable[str]) -> tuple[str, ...]:
    """Put the tags given and those in a task together, each once, sorted; raise `UsageError` for what can't be one."""
    found = {_tag(word) for word in given} | KNOWN.intersection(_IN_TEXT.findall(task or ""))
    if len(found) > MAX_TAGS:
        raise UsageError(f"tags: expected at most {MAX_TAGS}, found {len(found)}", hint="countermark record --help")
    return tuple(sorted(found))


def _tag(word: str) -> str:
    tag = _TAG.fullmatch(word)
    if tag is None:
        raise UsageError(
            f"tag {word!r:.60}: expected @ and 1 to 32 of a-z, 0-9 and '-', beginning with a letter",
            hint="countermark record --help",
        )
    return f"@{tag[1]}"
