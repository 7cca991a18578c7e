"""`verify` as a command: options in, an answer on stdout, a refusal on stderr, an exit code out.

Layer: ledger core, the way in. Imports `canonical`, `errors` and `display`; the rest once there is work for it.
Trust: nothing is read but the files that are named, and nothing at all from the directory it runs in.

`main` returns 0 on its last line and nowhere else. Every refusal that is not in the table, every exception and
every failure to write the answer is another code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from . import canonical, errors, options
from .display import safe, safe_json
from .errors import LedgerError

if TYPE_CHECKING:
    import argparse

    from .answer import Answer, FilePath
    from .options import Asked

PASS, INTERNAL = 0, 1
CODES: tuple[tuple[type[LedgerError], int], ...] = (
    (errors.UsageError, 2),
    (errors.Revoked, 13),
    (errors.StatusExpired, 20),
    (errors.TooLarge, 20),
    (errors.Forged, 12),
    (errors.Malformed, 12),
    (errors.UnsafeKey, 2),
)
"""The first class that fits gives the code; a class that is not here is an internal error."""


def answer_to(args: Asked | argparse.Namespace, trust_root: FilePath, pinned: str | None = None) -> Answer:
    """Answer; `pinned` is the digest that the trust root must have, where the caller knows one. Raises refusals."""
    from . import answer  # noqa: PLC0415 - the help needs no cryptography

    question = answer.Question(
        bundle=args.bundle,
        files=tuple(args.files),
        certificate_proof=beside(args.bundle) if args.certificate_proof is None else args.certificate_proof,
        statuses=tuple((path, beside(path)) for path in args.status),
        identity=args.identity,
        predicate_type=args.predicate_type,
        at=args.at,
        require_witnesses=args.require_witnesses,
    )
    return answer.to(question, answer.read_trust_root(trust_root, pinned))


def beside(bundle: str) -> str:
    """Name the certificate proof that lies beside a bundle in every collection."""
    return bundle.removesuffix(".sigstore.json") + ".certificate.tlog-proof"


def main(words: Sequence[str]) -> int:
    """Run the command; the return value is the exit code."""
    try:
        args = options.read(words) or _explained(words)
        answer = answer_to(args, args.trust_root)
        _write([safe_json(canonical.dumps(answer.document()).decode())] if args.json else map(safe, answer.lines()))
    except LedgerError as error:
        return _refuse(error.message, error.hint, code_of(error))
    except KeyboardInterrupt:
        return _refuse("interrupted", None, INTERNAL)
    except OSError as error:
        _drop_output()
        return _refuse(f"output: {error.strerror}", None, INTERNAL)
    except Exception as error:  # noqa: BLE001 - the outermost place: an unknown failure is never green
        return _refuse(f"internal error: {type(error).__name__}", None, INTERNAL)
    return PASS


def code_of(error: LedgerError) -> int:
    """Return the exit code of a refusal."""
    return next((code for kind, code in CODES if isinstance(error, kind)), INTERNAL)


def _explained(words: Sequence[str]) -> argparse.Namespace:
    from . import arguments  # noqa: PLC0415 - a plain line does without

    return arguments.build().parse_args(words)


def _write(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _refuse(message: str, hint: str | None, code: int) -> int:
    sys.stderr.write(f"countermark: {safe(message)}\n" + (f"hint: {safe(hint)}\n" if hint else ""))
    return code


def _drop_output() -> None:
    """Let the interpreter's own last flush go nowhere: its complaint would come after ours."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
