"""A whole authority in memory, made of the production classes, and a forge that breaks one rule at a time.

`SimulatedAuthority` signs and logs as the real one does, under a clock that moves when it is told to.
`Recipe` is how one bundle is made; a mutant is a recipe in which exactly one step is done differently.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings

from countermark_ledger import checkpoint, countersignature, dsse, leaf, merkle, proving, sshsig
from countermark_ledger.authority import Authority, CertificateAuthority, EcdsaSigner, KeyDirectory, create_authority
from countermark_ledger.authority.issuing import Issuer, Request, Signed
from countermark_ledger.bundle import Bundle, Entry
from countermark_ledger.checkpoint import TreeHead
from countermark_ledger.collection import Collection, Link, bundle_path, certificate_proof_path
from countermark_ledger.countersignature import Consent
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.log import Log, MemoryStore, ReleasedMemory
from countermark_ledger.node import Change, Mode, Node, Transition
from countermark_ledger.note import Cosigner, NoteSigner, SignedNote
from countermark_ledger.predicates.claim import Claim
from countermark_ledger.predicates.generation import Evidence, Generation, Session, Target
from countermark_ledger.predicates.rows import Part, split
from countermark_ledger.predicates.status import Revocation, Status
from countermark_ledger.revocation import CurrentStatus, newest, status_of
from countermark_ledger.ssh_key import PublicKey
from countermark_ledger.ssh_key import string as wire
from countermark_ledger.statement import Statement
from countermark_ledger.tlog_proof import TlogProof
from countermark_ledger.trust import TrustRoot
from countermark_ledger.verifier import verify

# Examples are judged by their outcome, never by the clock.
settings.register_profile("countermark", deadline=None, print_blob=True)
settings.load_profile("countermark")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DOMAIN = "forge.example"
REPOSITORY = "repository-1"
BASE = "b" * 40


@dataclass
class Clock:
    """A clock that moves when it is told to."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def step(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@dataclass(frozen=True)
class Founded:
    """Keys and certificates of one trust domain, founded a day before `NOW`, and what a reader pins of them."""

    path: Path
    authority: Authority
    trust: TrustRoot

    def signer(self, role: str) -> EcdsaSigner:
        return KeyDirectory(self.path).signer(role)

    def ca_with(self, **other: object) -> CertificateAuthority:
        """Its certificate authority with another intermediate, SCT key or chain."""
        own = {"intermediate": self.signer("intermediate"), "sct_signer": self.signer("sct")}
        return CertificateAuthority(**{**own, "chain": self.authority.ca.chain, **other})


def found(path: Path) -> Founded:
    authority = create_authority(path, DOMAIN, NOW - timedelta(days=1))
    return Founded(path, authority, authority.trust_root(REPOSITORY))


@pytest.fixture(scope="session")
def founded_authority(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return found(tmp_path_factory.mktemp("simulated") / "keys")


@pytest.fixture(scope="session")
def rogue_authority(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    """Another authority of the same trust domain: other keys, every name the same."""
    return found(tmp_path_factory.mktemp("rogue") / "keys")


# --- the simulator ----------------------------------------------------------------------------------


class SimulatedAuthority:
    """An authority with empty logs. What it signs is real; `collection` is what a reader would find."""

    def __init__(self, founded: Founded, witness: Cosigner | None = None) -> None:
        self.clock = Clock()
        self.store = MemoryStore()
        self.founded, self.authority, self.witness = founded, founded.authority, witness
        self.log = self._create(self.authority.log)
        self.certificates = self._create(self.authority.certificate_log)
        self.issuer = Issuer(self.authority, self.log, self.certificates, self.clock)
        witnesses = () if witness is None else (witness.verifier,)
        self.trust = self.authority.trust_root(REPOSITORY, quorum=len(witnesses), witnesses=witnesses)

    def _create(self, signer: NoteSigner) -> Log:
        return Log.create(signer.verifier.name, self.store, signer, ReleasedMemory(), self.clock)

    def who(self, kind: Kind, name: str = "builder") -> Identity:
        return Identity(DOMAIN, kind, name)

    def sign(self, signer: Identity, *statements: Statement) -> tuple[Signed, ...]:
        return self.issuer.sign([Request(signer, statement) for statement in statements])

    def generation(self, change: Change, *, agent: Identity | None = None, **other: object) -> Generation:
        """The statement of a change that fits one part, with the clock's time."""
        return self.generations(split(change), agent=agent, **other)[0]

    def generations(
        self, parts: Sequence[Part], *, agent: Identity | None = None, **other: object
    ) -> tuple[Generation, ...]:
        agent = agent or self.who(Kind.AGENT)
        observer = self.who(Kind.OBSERVER, "local")
        session = Session("session-1", self.clock.now, self.clock.now, observer, "command", None, None, None)
        facts = {"evidence": Evidence.OBSERVED, "session": session, "target": self.target(), **other}
        return tuple(Generation(agent=agent, part=part, **facts) for part in parts)

    def sign_change(self, change: Change, *, agent: Identity | None = None, **other: object) -> tuple[Signed, ...]:
        """Sign a change as its agent, in as many statements as it needs."""
        made = self.generations(split(change), agent=agent, **other)
        return self.sign(made[0].agent, *(one.statement() for one in made))

    def claim(self, change: Change, name: str = "p1") -> Signed:
        person = self.who(Kind.PERSON, name)
        return self.sign(person, Claim(person, self.target(), split(change)[0]).statement())[0]

    def target(self, base: str = BASE) -> Target:
        return Target(REPOSITORY, "refs/heads/main", base)

    def status(
        self, *revocations: Revocation, number: int = 1, days: float = 7, signer: Identity | None = None
    ) -> Signed:
        """Sign status `number`, due in `days`."""
        due = self.clock.now + timedelta(days=days)
        digest = self.trust.digest.removeprefix("sha256:")
        status = Status(digest, number, self.log.head.size, self.clock.now, due, revocations)
        return self.sign(signer or self.who(Kind.AUTHORITY, "root"), status.statement())[0]

    def current(self, status: Signed) -> CurrentStatus:
        """Read a status as the newest."""
        verified = verify(status.raw, certificate_proof=status.certificate_proof, trust=self.trust)
        return newest([status_of(verified, self.trust)], at=self.clock.now)

    def files(self, signed: Iterable[Signed]) -> list[tuple[str, bytes]]:
        bundles = [(bundle_path(one.name), one.raw) for one in signed]
        return [*bundles, *((certificate_proof_path(one.name), one.certificate_proof) for one in signed)]

    def collection(self, *signed: Signed, more: Iterable[tuple[str, bytes]] = ()) -> Collection:
        return Collection.of([*self.files(signed), *more])

    def checkpoint(self) -> bytes:
        """The newest checkpoint, cosigned where there is a witness."""
        raw = self.log.head.checkpoint
        if self.witness is None:
            return raw
        note = SignedNote.parse(raw)
        seen = self.witness.cosign(note.text, time=int(self.clock.now.timestamp()))
        return SignedNote(note.text, (*note.signatures, seen)).encode()

    def link(self, old: int) -> Link:
        """Tie an old size to the newest checkpoint."""
        new = self.log.head.size
        return Link(old, new, tuple(self.log.consistency(old, new)), self.checkpoint())


@pytest.fixture
def simulated(founded_authority: Founded) -> SimulatedAuthority:
    return SimulatedAuthority(founded_authority)


@pytest.fixture
def simulate(founded_authority: Founded) -> Callable[..., SimulatedAuthority]:
    return lambda witness=None: SimulatedAuthority(founded_authority, witness)


@pytest.fixture(scope="session")
def cosign() -> Path:
    """The stock verifier that `make test-parts` brings. Its absence is a failure, never a skip."""
    parts = os.environ.get("COUNTERMARK_PARTS")
    if not parts:
        pytest.fail("COUNTERMARK_PARTS: expected the folder that `make test-parts` fills, found nothing")
    found = [path for path in (Path(parts) / "bin" / "cosign", Path(parts) / "cosign") if path.is_file()]
    if not found:
        pytest.fail(f"{parts}: expected bin/cosign, found none (hint: make test-parts)")
    return found[0]


@pytest.fixture(scope="session")
def ssh_keygen() -> str:
    """The program that git signs commits with. Where it is absent the test is skipped; where CI is set it fails."""
    found = shutil.which("ssh-keygen")
    if found is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("ssh-keygen is not here, with which git signs commits")
    return found


def node(content: str, mode: Mode = Mode.FILE) -> Node:
    return Node.of_blob(mode, content.encode())


def change_of(**files: tuple[str | None, str | None]) -> Change:
    """A change from keyword arguments: path with `_` for `.`, then content before and after, None for absent."""
    return Change.of(
        Transition(path.replace("_", "."), *(None if text is None else node(text) for text in sides))
        for path, sides in files.items()
    )


@pytest.fixture(scope="session")
def changed() -> Callable[..., Change]:
    return change_of


# --- a person's own key -----------------------------------------------------------------------------


@dataclass(frozen=True)
class SshKey:
    """An SSH key that its person holds, and no authority."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        return PublicKey.parse(wire(b"ssh-ed25519") + wire(self.private.public_key().public_bytes_raw()))

    def sign(self, consent: Consent, namespace: str = countersignature.NAMESPACE) -> str:
        """Sign a statement of consent as `ssh-keygen -Y sign` does."""
        unsigned = sshsig.Signature(self.public.blob, namespace.encode(), b"sha512", b"")
        raw = self.private.sign(unsigned.signed_bytes(countersignature.message(consent)))
        body = replace(unsigned, signature=wire(b"ssh-ed25519") + wire(raw)).encode()
        return (sshsig.BEGIN + base64.encodebytes(body) + sshsig.END).decode()


@pytest.fixture(scope="session")
def ssh_key_of() -> Callable[[str], SshKey]:
    """Give the key of somebody, by name: always the same one."""
    return lambda name: SshKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


# --- the forge --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """What a reader is given for one statement."""

    raw: bytes
    certificate_proof: bytes


@dataclass(frozen=True)
class Recipe:
    """How one bundle is made, step by step; every step is honest unless it is replaced."""

    founded: Founded
    payload: bytes
    ca: CertificateAuthority
    log: NoteSigner
    certificate_log: NoteSigner
    identity: str = f"spiffe://{DOMAIN}/agent/builder"
    issuer: str = f"https://authority.{DOMAIN}"
    begins: datetime = NOW
    signature: Callable[[EcdsaSigner, bytes], bytes] = EcdsaSigner.sign
    stamp: Callable[[bytes], bytes] = field(kw_only=True)
    entry: Callable[[bytes, bytes, bytes], bytes] = leaf.entry
    head: Callable[[TreeHead], TreeHead] = lambda head: head
    note: Callable[[TreeHead, NoteSigner], bytes] = checkpoint.sign
    proof: Callable[[Entry], Entry] = lambda entry: entry
    certificate_entry: Callable[[bytes], bytes] = lambda entry: entry
    certificate_proof: Callable[[bytes], bytes] = lambda proof: proof
    bundle: Callable[[Bundle], Bundle] = lambda bundle: bundle
    spelled: Callable[[bytes], bytes] = lambda raw: raw

    @classmethod
    def honest(cls, founded: Founded, payload: bytes) -> Recipe:
        authority = founded.authority
        at = NOW + timedelta(minutes=3)
        return cls(
            founded=founded,
            payload=payload,
            ca=authority.ca,
            log=authority.log,
            certificate_log=authority.certificate_log,
            stamp=lambda signature: authority.tsa.timestamp(signature, at=at),
        )

    def stamped_at(self, at: datetime) -> Recipe:
        return replace(self, stamp=lambda signature: self.founded.authority.tsa.timestamp(signature, at=at))

    @staticmethod
    def edited(change: Callable[[dict], None]) -> Callable[[bytes], bytes]:
        """Change a bundle's JSON and spell it canonically again (Python's order is canonical for ASCII keys)."""

        def spell(raw: bytes) -> bytes:
            value = json.loads(raw)
            change(value)
            return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()

        return spell

    def make(self) -> Offer:
        signer = EcdsaSigner(ec.generate_private_key(ec.SECP256R1()))
        issued = self.ca.issue(signer.public_key, self.identity, self.issuer, self.begins)
        message = dsse.pae(dsse.PAYLOAD_TYPE, self.payload)
        signature = self.signature(signer, message)
        body = self.entry(hashlib.sha256(message).digest(), signature, issued.certificate_der)
        entry = self.proof(_logged(body, self.log, self.head, self.note))
        envelope = dsse.Envelope(self.payload, signature)
        made = self.bundle(Bundle(issued.certificate_der, self.stamp(signature), entry, envelope))
        certified = _logged(self.certificate_entry(issued.certificate_log_entry), self.certificate_log)
        proof = TlogProof(certified.log_index, certified.hashes, certified.checkpoint).encode()
        return Offer(self.spelled(made.encode()), self.certificate_proof(proof))


def _logged(
    body: bytes,
    signer: NoteSigner,
    head_of: Callable[[TreeHead], TreeHead] = lambda head: head,
    note: Callable[[TreeHead, NoteSigner], bytes] = checkpoint.sign,
) -> Entry:
    """Log an entry as number 2 of 5."""
    leaves = [merkle.leaf_hash(raw) for raw in (b"zero", b"one", body, b"three", b"four")]
    size, root = len(leaves), proving.root_of(leaves)
    path = proving.inclusion_path(
        2, size, lambda level, index: proving.root_of(leaves[index << level : (index + 1) << level])
    )
    signed = note(head_of(TreeHead(signer.verifier.name, size, root)), signer)
    return Entry(2, signer.verifier.key_hash, body, 2, size, root, tuple(path), signed)


@pytest.fixture(scope="session")
def honest_recipe(founded_authority: Founded) -> Recipe:
    """A real generation statement of one file, signed, stamped and logged as the authority does it."""
    simulated = SimulatedAuthority(founded_authority)
    change = change_of(a_py=(None, "print('a')\n"), b_py=("1\n", "2\n"))
    return Recipe.honest(founded_authority, simulated.generation(change).statement().encode())
