"""The embedded authority: one repository's keys, ledger and logs, opened for one command on one machine.

Trust: an unboxed agent under the same user can read these keys; what is signed here proves integrity after
signing, not origin (`init` says so). Two processes take turns; what one composed is never numbered twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from countermark_ledger.authority.issuing import Issuer, Request, Signed
from countermark_ledger.authority.root import Authority, create_authority, load_authority
from countermark_ledger.bundle import Bundle
from countermark_ledger.errors import Malformed, NoSuchLog, Revoked
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.log.lock import FileLock
from countermark_ledger.log.log import Log
from countermark_ledger.log.released import ReleasedFile
from countermark_ledger.note import NoteSigner
from countermark_ledger.predicates import status as status_predicate
from countermark_ledger.predicates.status import Revocation, RevokedKind, Status
from countermark_ledger.statement import Statement
from countermark_ledger.trust import TrustRoot
from countermark_service.exits import UsageError
from countermark_service.home import Config, Home

if TYPE_CHECKING:
    from countermark_service.store.sql import SqlStore

STATUS_LIFE = timedelta(days=7)
Clock = Callable[[], datetime]
Revise = Callable[[tuple[Revocation, ...], int], tuple[Revocation, ...]]


def utc_now() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Embedded:
    """An open ledger. Make one with `opened`."""

    config: Config
    trust: TrustRoot
    store: SqlStore
    log: Log
    certificates: Log
    issuer: Issuer
    clock: Clock

    def identity(self, kind: Kind, name: str) -> Identity:
        """Spell an identity of this trust domain; a name that can't be one is the caller's mistake."""
        try:
            return Identity(self.trust.trust_domain, kind, name)
        except Malformed as error:
            raise UsageError(f"{kind} {error.message}", hint="countermark agent list") from error

    @property
    def authority(self) -> Identity:
        """The one who signs status and enrolments."""
        return self.identity(Kind.AUTHORITY, "root")

    def enrolled(self, kind: Kind, name: str) -> Identity:
        """Return an enrolled identity; raise with the command that enrols it."""
        wanted = self.identity(kind, name)
        self._refuse_revoked(wanted)
        known = {row.id for row in self.store.identities(kind.value)}
        if str(wanted) not in known:
            hint = f"countermark agent add {name}" if kind is Kind.AGENT else "countermark init"
            raise UsageError(f"{kind} {name}: expected an enrolled one, found none", hint=hint)
        return wanted

    def _refuse_revoked(self, identity: Identity) -> None:
        status = self.current_status()
        for entry in status.revocations if status else ():
            if (entry.kind, entry.value) == (RevokedKind.IDENTITY, str(identity)):
                raise Revoked(f"{identity} is revoked: {entry.reason}", hint="countermark agent add ANOTHER-NAME")

    def sign(self, requests: Sequence[Request], revoke: Revise | None = None) -> tuple[Signed, ...]:
        """Sign and log statements, and with them a renewed status.

        `revoke` makes the new list of revocations out of the old one and the size of the log; it is asked while
        nobody else can sign, so that of two revocations at once none is lost.
        """
        with self.issuer.session() as size:
            status = self._next_status(size, len(requests), revoke)
            signed = self.issuer.sign([*requests, Request(self.authority, status.statement())])
        return signed[:-1]

    def current_status(self) -> Status | None:
        """Return the newest status in the log, None before the first."""
        entry = self.store.newest(self.log.origin, status_predicate.PREDICATE_TYPE)
        if entry is None:
            return None
        payload = Bundle.parse(self.store.blob(entry.bundle_sha256).data).envelope.payload
        return Status.parse(Statement.parse(payload))

    def _next_status(self, size: int, requests: int, revoke: Revise | None) -> Status:
        last = self.current_status()
        kept = last.revocations if last else ()
        now = self.clock()
        return Status(
            trust_root_sha256=self.trust.digest.removeprefix("sha256:"),
            number=last.number + 1 if last else 1,
            log_size=size + requests,
            issued=now,
            next_update=now + STATUS_LIFE,
            revocations=kept if revoke is None else revoke(kept, size),
        )


@contextmanager
def opened(home: Home, clock: Clock = utc_now) -> Iterator[Embedded]:
    """Open a repository's ledger; every check of the log's opening is made (FORMATS.md section 2)."""
    from countermark_service.store.sql import SqlStore  # noqa: PLC0415 - where there is no ledger, no database is loaded

    authority, config = load_authority(home.keys), home.config()
    with SqlStore.open(home.database) as store:
        yield _assemble(home, config, authority, store, clock, Log)


@contextmanager
def founded(home: Home, config: Config, clock: Clock = utc_now) -> Iterator[Embedded]:
    """Create keys, ledger and logs, or take up a creation that was interrupted, and open them."""
    from countermark_service.store.sql import SqlStore  # noqa: PLC0415 - where there is no ledger, no database is loaded

    authority = load_authority(home.keys) if home.keys.exists() else _create(home.keys, config, clock)
    with SqlStore.open(home.database, create=True) as store:
        yield _assemble(home, config, authority, store, clock, _open_or_create)


def _create(keys: Path, config: Config, clock: Clock) -> Authority:
    return create_authority(keys, config.trust_domain, clock())


OpenLog: TypeAlias = "Callable[[str, SqlStore, NoteSigner, ReleasedFile, Clock, FileLock], Log]"


def _assemble(
    home: Home, config: Config, authority: Authority, store: SqlStore, clock: Clock, open_log: OpenLog
) -> Embedded:
    def log(signer: NoteSigner) -> Log:
        origin = signer.verifier.name
        released = ReleasedFile(home.released(origin))
        return open_log(origin, store, signer, released, clock, FileLock(home.lock(origin)))

    entries, certificates = log(authority.log), log(authority.certificate_log)
    issuer = Issuer(authority, entries, certificates, clock)
    trust = authority.trust_root(config.repository_id)
    return Embedded(config, trust, store, entries, certificates, issuer, clock)


def _open_or_create(
    origin: str, store: SqlStore, signer: NoteSigner, released: ReleasedFile, clock: Clock, lock: FileLock
) -> Log:
    try:
        return Log(origin, store, signer, released, clock, lock)
    except NoSuchLog:
        return Log.create(origin, store, signer, released, clock, lock)
