"""Before a log may sign: everything that must agree with the stored head (FORMATS.md section 2, "On start").

Layer: ledger core. Imports `checkpoint`, `note`, `errors`, `port` and `tree`; reads through the view.
Trust: the store and the released file are hostile until `open_tree` returns.

1. The head's checkpoint is of this origin and signed by this log's key.
2. No other log of the store is signed by the same key: one key per origin, never shared.
3. The newest head of the history is the head.
4. The stored tiles lead to the head's root.
5. The clock is not behind the head.
6. The released checkpoint is not larger than the head, and lies on the head's own tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from ..checkpoint import SignedCheckpoint
from ..errors import Forged, LogDiverged, Malformed
from ..note import VerifierKey
from ..proving import NodeReader, RightEdge
from .port import Head, LogReader
from .tree import Tree, reader

CLOCK_SLACK_MS = 2_000
"""How far a clock may be set back, as time synchronisation does, before the log refuses to sign."""

Clock = Callable[[], datetime]


def open_tree(view: LogReader, log: VerifierKey, kept: bytes | None, clock: Clock) -> Tree:
    """Return the state to append to; raise `LogDiverged` for a store that must not sign.

    `kept` is the released checkpoint, read BEFORE the view was taken: others append meanwhile.
    """
    head = view.head(log.name)
    check_head(head, log)
    _check_key_is_not_shared(view, log)
    if [link.head for link in view.history(log.name, start=head.size, limit=2)] != [head]:
        raise LogDiverged(f"log {log.name}: the newest head of the history is not the head")
    tree = Tree.load(head, lambda key: view.tile(log.name, key))
    check_clock(log.name, head, clock)
    _check_released(log, head, kept, reader(head.size, tree.growing, lambda key: view.tile(log.name, key)))
    return tree


def check_head(head: Head, log: VerifierKey) -> None:
    """Return when the head is what its checkpoint says, of this origin and under this key."""
    try:
        signed = SignedCheckpoint.parse(head.checkpoint).verify(log)
    except (Forged, Malformed) as error:
        raise LogDiverged(
            f"log {log.name}: the checkpoint of size {head.size} does not hold: {error.message}"
        ) from error
    if (signed.size, signed.root) != (head.size, head.root):
        raise LogDiverged(f"log {log.name}: the checkpoint of size {head.size} speaks of size {signed.size}")


def check_clock(origin: str, head: Head, clock: Clock) -> int:
    """Return the time to sign at, in milliseconds: never before the head's."""
    now = int(clock().timestamp() * 1000)
    if now + CLOCK_SLACK_MS < head.time_ms:
        signed = datetime.fromtimestamp(head.time_ms / 1000, UTC).isoformat(timespec="seconds")
        raise LogDiverged(
            f"log {origin}: the clock is {(head.time_ms - now) / 1000:g} s behind the last checkpoint, of {signed}",
            hint="set the clock; it says: date -u",
        )
    return max(now, head.time_ms)


def _check_key_is_not_shared(view: LogReader, log: VerifierKey) -> None:
    for origin in view.origins():
        if origin != log.name and _signs(origin, log, view.head(origin)):
            raise LogDiverged(f"log {log.name}: its key also signs log {origin}; a key belongs to one log")


def _signs(origin: str, log: VerifierKey, head: Head) -> bool:
    try:
        SignedCheckpoint.parse(head.checkpoint).verify(replace(log, name=origin))
    except (Forged, Malformed):
        return False
    return True


def _check_released(log: VerifierKey, head: Head, kept: bytes | None, node: NodeReader) -> None:
    if kept is None:
        if head.size:
            raise LogDiverged(
                f"log {log.name}: its released head is missing beside a log of {head.size} entries",
                hint="put the newest checkpoint that anyone holds into the released file",
            )
        return
    try:
        out = SignedCheckpoint.parse(kept).verify(log)
    except (Forged, Malformed) as error:
        raise LogDiverged(f"log {log.name}: the released head does not hold: {error.message}") from error
    if out.size > head.size:
        raise LogDiverged(
            f"log {log.name}: {out.size} entries were released, the store holds {head.size}: "
            "it was restored from an old backup and must not sign",
            hint="restore the newest backup",
        )
    if RightEdge.read(out.size, node).root() != out.root:
        raise LogDiverged(f"log {log.name}: size {out.size} was released with another root")
