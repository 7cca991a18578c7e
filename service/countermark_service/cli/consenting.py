"""What `approve` and `waiver` share: whose consent it is, how it is signed, and how it gets into the ledger.

Trust: the policy is read at the protected tip. A statement that comes from another machine is taken in only when an
SSH key which that policy lists for its person signed it; the file itself is hostile.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger import answer, countersignature, dsse
from countermark_ledger.authority.issuing import Request
from countermark_ledger.canonical import Json
from countermark_ledger.countersignature import READERS, C, Consent
from countermark_ledger.display import safe
from countermark_ledger.errors import LedgerError, Malformed
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.ssh_key import PublicKey
from countermark_ledger.statement import Statement
from countermark_service.cli.console import Console
from countermark_service.cli.pinning import configure_pins, configure_sources, home_of, ledger_of, pin_of, sources_of
from countermark_service.countersigning import countersign
from countermark_service.embedded import Embedded, Revise
from countermark_service.exits import UsageError
from countermark_service.gate.facts import Root
from countermark_service.gate.root import read_root
from countermark_service.home import Home
from countermark_service.sources import Source

MAX_STATEMENT = 1024 * 1024
PERSON_HINT = "countermark person list"
ADD_HINT = "countermark person add NAME --ssh-key FILE   and land .countermark/policy.json"


@dataclass(frozen=True, slots=True)
class Room:
    """A repository with its policy at the protected tip, and this machine's ledger if it has one."""

    repository: Repository
    root: Root
    home: Home | None
    embedded: Embedded | None
    sources: tuple[Source, ...]

    def keys(self, person: Identity) -> Sequence[PublicKey]:
        """Give the SSH keys that the policy lists for a person whom it names; raise for anybody else."""
        for one in self.root.policy.people:
            if one.id == person:
                return one.ssh_keys
        raise UsageError(f"{person} is not named by the policy at the tip, so they can't consent", hint=ADD_HINT)

    def ledger(self) -> Embedded:
        """Give this machine's ledger; raise with what to do without one."""
        if self.embedded is None:
            raise UsageError(
                "expected a ledger on this machine, found none",
                hint="sign to a file with --sign-only FILE, and have it taken in where the ledger is",
            )
        return self.embedded


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe what is pinned and where bundles are, as for the gate."""
    configure_pins(parser)
    parser.add_argument("--protected-ref", metavar="REF", help="the protected branch (default: as set up here)")
    configure_sources(parser)


def configure_person(parser: argparse.ArgumentParser) -> None:
    """Describe whose consent it is."""
    parser.add_argument(
        "--person", metavar="NAME", help="who consents: a name or an id of `person list` (default: who ran `init`)"
    )
    parser.add_argument(
        "--ssh-key",
        type=Path,
        metavar="FILE",
        help="the key to sign with, also the public half of one in an agent (default: one of ~/.ssh in the policy)",
    )
    parser.add_argument(
        "--sign-only", type=Path, metavar="FILE", help="write the signed statement to a file, and log nothing"
    )


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Room]:
    """Open the repository, its policy and, where there is one, the ledger."""
    home = home_of(args)
    with Repository.open(args.repository) as repository, ledger_of(home) as embedded:
        pin = pin_of(args, home, args.protected_ref)
        root = read_root(repository, pin, head=pin.protected_ref)  # nothing is decided about a head here
        yield Room(repository, root, home, embedded, sources_of(args, repository, embedded))


def person_of(args: argparse.Namespace, room: Room) -> Identity:
    """Say whose consent it is: by id, by the last part of it, or by the name that this ledger knows them under."""
    if args.person is None:
        if room.home is None:
            raise UsageError("expected --person, for nobody ran `init` on this machine", hint=PERSON_HINT)
        return Identity.parse(room.home.config().person)
    rows = room.embedded.store.identities(Kind.PERSON.value) if room.embedded else []
    ids = {row.id for row in rows if row.name == args.person}
    ids |= {str(one.id) for one in room.root.policy.people if args.person in (str(one.id), one.id.name)}
    if len(ids) != 1:
        raise UsageError(f"--person {args.person}: expected one such person, found {len(ids)}", hint=PERSON_HINT)
    return Identity.parse(ids.pop())


@dataclass(frozen=True, slots=True)
class Given:
    """A statement that was signed, and what became of it: `done` for programs, `text` for people."""

    consent: Consent
    done: dict[str, Json]
    text: str

    def document(self) -> dict[str, Json]:
        """Spell it for programs."""
        statement, key = self.consent.statement(), countersignature.verify(self.consent)
        return {
            "name": dsse.name_of(statement.encode()),
            "predicateType": statement.predicate_type,
            "predicate": statement.predicate,
            "sshKey": key.fingerprint if key else None,
            **self.done,
        }

    def say(self, console: Console) -> None:
        """Say it as the console wants it."""
        if console.json:
            console.document(self.document())
            return
        key = countersignature.verify(self.consent)
        by = f"with SSH key {key.fingerprint}" if key else "by certificate alone: the policy lists no SSH key of theirs"
        console.data(safe(f"{self.consent.person} {self.consent.says}, {by}"))
        console.say(safe(self.text))


def give(
    consent: C,
    room: Room,
    args: argparse.Namespace,
    revoke: Revise | None = None,
    check: Callable[[C], None] = lambda _signed: None,
) -> Given:
    """Sign a statement as its person, and log it or, with --sign-only, write it to a file; `check` may refuse it."""
    keys = room.keys(consent.person)
    if args.sign_only is not None and not keys:
        raise UsageError(f"--sign-only: the policy lists no SSH key for {consent.person}", hint=ADD_HINT)
    signed = countersign(consent, keys, args.ssh_key)
    check(signed)
    if args.sign_only is None:
        return log(signed, room, revoke)
    args.sign_only.write_bytes(signed.statement().encode())
    return Given(signed, {"file": str(args.sign_only)}, f"wrote {args.sign_only}, which is not logged yet")


def log(consent: Consent, room: Room, revoke: Revise | None = None) -> Given:
    """Log a signed statement as its person's."""
    (signed,) = room.ledger().sign([Request(consent.person, consent.statement())], revoke=revoke)
    done: dict[str, Json] = {"bundle": signed.name, "logIndex": signed.log_index}
    return Given(consent, done, f"signed {signed.name[:16]} at log index {signed.log_index}")


def take(path: Path, kinds: Sequence[type[Consent]], room: Room) -> Consent:
    """Read a statement that its person signed elsewhere; raise unless one of their SSH keys in the policy did."""
    raw = answer.read(path, MAX_STATEMENT)
    try:
        statement = Statement.parse(raw.removesuffix(b"\n"))
        consent = READERS[statement.predicate_type](statement)
    except (LedgerError, KeyError) as error:
        raise Malformed(f"{path}: expected what --sign-only wrote, found something else") from error
    if not isinstance(consent, tuple(kinds)):
        raise UsageError(f"{path}: expected another kind of statement, {consent.person} {consent.says} in it")
    key = countersignature.verify(consent)
    if key is None or key not in room.keys(consent.person):
        raise UsageError(f"{path}: expected the signature of an SSH key that the policy lists for {consent.person}")
    return consent
