"""The answer of `verify`: one bundle, its files, its signer's right to say it, and its status, decided together.

Layer: ledger core. Reads the files that the question names and, where it names no time, this machine's clock.
Trust: every file but the trust root is hostile. A file that can't be read is the caller's mistake (`UsageError`);
a file that can and does not hold is evidence that does not hold.

1. READ      the files, with caps
2. VERIFY    the bundle, by the numbered list in `verifier`
3. EXPECT    the signer, the predicate type, and a signature made before the time that was named
4. SPEAK     who may say this: an agent its generations, a person their claims, a gate its verdicts
5. MATCH     every file is a subject, by sha256
6. WITNESS   who else saw the log like this
7. STATUS    the newest status that was named does not revoke any of it
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BufferedReader
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from . import bundle, shape, tlog_proof, trust
from .bundle import Bundle, content_name
from .canonical import Json
from .checkpoint import SignedCheckpoint
from .errors import BadTimestamp, LedgerError, NotWitnessed, TooLarge, UsageError, WrongIdentity, WrongObject
from .speech import Speech, speech_of
from .statement import Statement
from .trust import TrustRoot
from .verifier import Verified, verify, verify_parsed

if TYPE_CHECKING:
    from .revocation import CurrentStatus

FilePath: TypeAlias = str | PathLike[str]
"""A path as the caller spells it; importing `pathlib` would take as long as the verifying of a bundle."""
PROOF_HINT = "countermark verify BUNDLE --certificate-proof FILE --trust-root FILE"


class Question(NamedTuple):
    """What to verify. A status comes with the path of its certificate proof; `at` is RFC 3339, None is now."""

    bundle: FilePath
    files: tuple[FilePath, ...]
    certificate_proof: FilePath
    statuses: tuple[tuple[FilePath, FilePath], ...]
    identity: str | None
    predicate_type: str | None
    at: str | None
    require_witnesses: bool


class Answer(NamedTuple):
    """Everything held. Only `to` makes one. `matches` are (file, names of its subjects)."""

    trust: TrustRoot
    verified: Verified
    says: str | None
    matches: tuple[tuple[FilePath, tuple[str, ...]], ...]
    witnesses: int
    status: CurrentStatus | None

    def lines(self) -> list[str]:
        """Say it for people."""
        made, head = self.verified, self.verified.head
        says = [f"says: {self.says}"] if self.says else []
        matches = [f"file: {path} is subject {', '.join(names)}" for path, names in self.matches]
        return [
            f"verified: {made.name}",
            f"trust root: {self.trust.digest}",
            f"signer: {made.signer}",
            f"statement: {made.statement.predicate_type}, {len(made.statement.subjects)} subjects",
            *says,
            f"signed: {shape.spell_time(made.signed)}",
            f"log: {head.origin}, entry {made.log_index} of {head.size}",
            *matches,
            f"revocation: {self._revocation()}",
            f"split-view: {self._split_view()}",
        ]

    def document(self) -> Json:
        """Say it for programs."""
        made, head = self.verified, self.verified.head
        checked = self.status.status if self.status else None
        return {
            "bundle": made.name,
            "trustRoot": self.trust.digest,
            "signer": str(made.signer),
            "predicateType": made.statement.predicate_type,
            "says": self.says,
            "signed": shape.spell_time(made.signed),
            "log": {"origin": head.origin, "index": made.log_index, "size": head.size},
            "subjects": [subject.json() for subject in made.statement.subjects],
            "files": [{"path": str(path), "subjects": [*names]} for path, names in self.matches],
            "revocation": {"checked": checked is not None, "status": checked.number if checked else None},
            "splitView": self._split_view(),
        }

    def _revocation(self) -> str:
        if self.status is None:
            return "not checked"
        good_until = shape.spell_time(self.status.status.next_update)
        return f"not revoked by status {self.status.status.number}, which is good until {good_until}"

    def _split_view(self) -> str:
        return f"seen by {self.witnesses} witnesses" if self.witnesses else "unprotected"


def read_trust_root(path: FilePath, pinned: str | None = None) -> TrustRoot:
    """Read what the caller pins; a file that is no trust root, or not the `pinned` one, is the caller's mistake."""
    raw = read(path, trust.MAX_BYTES)
    try:
        root = TrustRoot.parse(raw)
    except LedgerError as error:
        raise UsageError(f"{path}: {error.message}", hint="countermark trust-root > trust-root.json") from error
    if pinned is not None and pinned != root.digest:
        raise UsageError(f"{path}: expected the pinned trust root {pinned}, found {root.digest}")
    return root


def to(question: Question, trust_root: TrustRoot) -> Answer:
    """Walk the list; raise at the first refusal."""
    at = None if question.at is None else _time(question.at)
    raw = read(question.bundle, bundle.MAX_BYTES)  # 1
    files = [(path, _sha256(path)) for path in question.files]
    proof = read(question.certificate_proof, tlog_proof.MAX_BYTES, hint=PROOF_HINT)
    parsed = Bundle.parse(raw)  # 2
    statement = Statement.parse(parsed.envelope.payload)
    verified = verify_parsed(content_name(raw), parsed, statement, certificate_proof=proof, trust=trust_root)
    _expect(verified, question, at)  # 3
    speech = speech_of(verified)  # 4
    matches = tuple((path, _subjects(verified, path, sha256)) for path, sha256 in files)  # 5
    witnesses = _witnesses(parsed.entry.checkpoint, trust_root, required=question.require_witnesses)  # 6
    current = _status(question.statuses, trust_root, at)  # 7
    if current is not None:
        _refuse_revoked(verified, speech, current)
    return Answer(trust_root, verified, speech.says, matches, witnesses, current)


def _expect(verified: Verified, question: Question, at: datetime | None) -> None:
    if question.identity not in (None, str(verified.signer)):
        raise WrongIdentity(f"signer: expected {question.identity}, found {verified.signer}")
    if question.predicate_type is not None:
        verified.statement.expect(question.predicate_type)
    if at is not None and verified.signed > at:
        made = shape.spell_time(verified.signed)
        raise BadTimestamp(f"signed at {made}, after the time to decide at, {shape.spell_time(at)}")


def _subjects(verified: Verified, path: FilePath, sha256: str) -> tuple[str, ...]:
    names = tuple(one.name for one in verified.statement.subjects if one.digest.get("sha256") == sha256)
    if not names:
        raise WrongObject(f"{path}: expected a subject with sha256 {sha256}, found none")
    return names


def _witnesses(raw: bytes, trust_root: TrustRoot, *, required: bool) -> int:
    """Count the pinned witnesses who signed this very checkpoint, when they are as many as the root asks for."""
    if not trust_root.witnesses.quorum:
        if required:
            raise NotWitnessed("checkpoint: expected witnesses, and this trust root pins none")
        return 0
    try:
        return len(SignedCheckpoint.parse(raw).verify_witnessed(trust_root.log, trust_root.witnesses))
    except NotWitnessed:
        if required:
            raise
        return 0


def _status(
    named: Sequence[tuple[FilePath, FilePath]], trust_root: TrustRoot, at: datetime | None
) -> CurrentStatus | None:
    if not named:
        return None
    from .revocation import newest, status_of  # noqa: PLC0415 - nothing is revoked where no status was named

    found = [
        verify(
            read(path, bundle.MAX_BYTES),
            certificate_proof=read(proof, tlog_proof.MAX_BYTES),
            trust=trust_root,
        )
        for path, proof in named
    ]
    return newest((status_of(one, trust_root) for one in found), at=at or datetime.now(UTC))


def _refuse_revoked(verified: Verified, speech: Speech, current: CurrentStatus) -> None:
    from .revocation import refuse_revoked  # noqa: PLC0415 - see `_status`

    refuse_revoked(verified, speech.accused(), current)


def _time(text: str) -> datetime:
    try:
        return shape.time(text, "--at")
    except LedgerError as error:
        raise UsageError(error.message) from error


def read(path: FilePath, limit: int, hint: str | None = None) -> bytes:
    """Read a file that the caller named; raise `UsageError` when that can't be done, `TooLarge` past the limit."""
    try:
        with _opened(path) as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint=hint) from error
    if len(raw) > limit:
        raise TooLarge(f"{path}: expected at most {limit} bytes, found more")
    return raw


def _sha256(path: FilePath) -> str:
    try:
        with _opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _opened(path: FilePath) -> BufferedReader:
    """Open a regular file. A name may lead to a device that never ends, or to a FIFO into which nobody writes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UsageError(f"{path}: expected a regular file, found another kind")
    return open(descriptor, "rb")  # noqa: PTH123 - a descriptor, not a path
