"""Reasons: why not to merge. The absence of any is the only pass.

Trust: messages and paths may carry hostile text; whoever prints one escapes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from countermark_ledger.errors import LedgerError, MergeConflict
from countermark_service.exits import Exit, code_of, first
from countermark_service.gate.unsigned import LastSigned


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason not to merge: the code it stands for, what was found, where, and the next command.

    `lines` are the first and the last line (from 1) of each run of lines that nobody signed, in what would land at
    `path`; where there are none, `extent` says what there is instead. `last_signed` is None where nobody ever signed
    the path. `rule` is the id of the rule that gave the reason; a step that could not answer has none.
    """

    code: Exit
    message: str
    path: str | None = None
    hint: str | None = None
    lines: tuple[tuple[int, int], ...] = ()
    extent: str = ""
    last_signed: LastSigned | None = None
    rule: str | None = None

    @classmethod
    def of(cls, error: LedgerError) -> Reason:
        """Turn a refusal raised by a step into a reason; one that names no command gets that of its code."""
        code = code_of(error)
        return cls(code, error.message, None, error.hint or _HINT.get(code))

    @classmethod
    def each_of(cls, error: LedgerError) -> tuple[Reason, ...]:
        """Give a reason for each path that a refusal is about, or one that is about none."""
        paths = error.paths if isinstance(error, MergeConflict) else ()
        return tuple(replace(cls.of(error), path=path) for path in paths) or (cls.of(error),)


_HINT = {
    Exit.USAGE: "countermark gate --help",
    Exit.POLICY: "countermark policy explain",
    Exit.UNACCOUNTED: "countermark claim",
    Exit.FORGED: "countermark bundles fetch",
    Exit.REVOKED: "countermark status show",
    Exit.INCONCLUSIVE: "countermark bundles fetch",
}


def exit_code(reasons: Iterable[Reason], *, observing: bool) -> Exit:
    """Say what the process answers: 0 for no reasons, or where the policy only observes.

    Wrong usage and internal errors always show.
    """
    code = first(reason.code for reason in reasons)
    return Exit.PASS if observing and code not in (Exit.INTERNAL, Exit.USAGE) else code
