"""What loading a pickle would call, read from its opcodes. Nothing is loaded.

Layer: scanners. Imports nothing of ours; does no I/O.
Trust: the bytes are hostile. Operations are counted; one that is malformed ends the reading, as it ends the loading,
and what came before it has already run by then.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import Unreadable

_MOST = 1_000_000  # operations
_TEXTS = frozenset(
    {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "SHORT_BINSTRING", "BINSTRING", "STRING"}
)
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
COMPUTED = "a name that is put together"


def names(content: bytes) -> set[str]:
    """List the names (`module.name`) that the pickles of a file look up, one pickle after the other."""
    found: set[str] = set()
    stream = io.BytesIO(content)
    count = 0
    while stream.tell() < len(content):
        start = stream.tell()
        for name in _names(stream):
            count += 1
            if count > _MOST:
                raise Unreadable(f"a pickle of more than {_MOST} operations")
            if name is not None:
                found.add(name)
        if stream.tell() == start:
            break
    return found


def _names(stream: io.BytesIO) -> Iterator[str | None]:
    """Give a name for each operation that looks one up, and None for every other."""
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            machine.follow(opcode.name, argument)
            yield machine.looked_up(opcode.name, argument)
    except (ValueError, EOFError, UnicodeDecodeError, OverflowError):  # the loader stops here as well
        return


@dataclass(slots=True)
class _Machine:
    """As much of the loader's stack and memo as names are put together from: the texts."""

    texts: list[str | None] = field(default_factory=list)
    memo: dict[int, str | None] = field(default_factory=dict)

    def follow(self, operation: str, argument: object) -> None:
        if operation in _TEXTS:
            self.texts.append(str(argument))
        elif operation in _GETS and isinstance(argument, int):
            self.texts.append(self.memo.get(argument))
        elif operation in _PUTS and self.texts:
            place = argument if isinstance(argument, int) else len(self.memo)
            self.memo[place] = self.texts[-1]

    def looked_up(self, operation: str, argument: object) -> str | None:
        if operation in {"GLOBAL", "INST"}:
            return ".".join(str(argument).split(" ", 1))
        if operation == "STACK_GLOBAL":
            parts = [part for part in self.texts[-2:] if part is not None]
            return ".".join(parts) if len(parts) == len(("module", "name")) else COMPUTED
        return COMPUTED if operation.startswith("EXT") else None
