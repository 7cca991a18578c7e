"""Who else than an agent with a statement a policy knows: people by their keys, and bots by their platform's.

Trust: parsed from the policy at the protected tip. A person's keys prove a person; a bot's prove no more than
that a platform signed for it, so what a bot commits is `asserted` (DESIGN.md section 2, step 5).
"""

from __future__ import annotations

from typing import NamedTuple

from countermark_ledger import shape
from countermark_ledger.canonical import Json
from countermark_ledger.errors import Malformed
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.sshsig import PublicKey, parse_public_key


class SigstoreIdentity(NamedTuple):
    """Who a public Sigstore instance said it was: both must be equal, nothing is a pattern."""

    issuer: str
    identity: str

    def json(self) -> Json:
        """Spell the identity."""
        return {"issuer": self.issuer, "identity": self.identity}

    @classmethod
    def parse(cls, value: Json) -> SigstoreIdentity:
        """Read an identity."""
        return cls(*(shape.text(shape.member(value, name), f"sigstore.{name}") for name in ("issuer", "identity")))


class Person(NamedTuple):
    """A person whom the policy names, and the SSH keys and Sigstore identities that sign for them."""

    id: Identity
    ssh_keys: tuple[PublicKey, ...]
    sigstore: tuple[SigstoreIdentity, ...] = ()

    def json(self) -> Json:
        """Spell the person."""
        return {
            "id": str(self.id),
            "sshKeys": [key.line() for key in self.ssh_keys],
            "sigstore": [one.json() for one in self.sigstore],
        }

    @classmethod
    def parse(cls, value: Json) -> Person:
        """Read a person."""
        return cls(
            _identity(value, Kind.PERSON, "people"),
            shape.items(shape.member(value, "sshKeys"), "sshKeys", _key),
            shape.items(shape.member(value, "sigstore"), "sigstore", SigstoreIdentity.parse),
        )


class Bot(NamedTuple):
    """An enrolled agent whose commits a platform signs: `author` is exactly `Name <address>` of the commit."""

    id: Identity
    author: str
    ssh_keys: tuple[PublicKey, ...]
    openpgp_keys: tuple[str, ...]

    def json(self) -> Json:
        """Spell the bot."""
        return {
            "id": str(self.id),
            "author": self.author,
            "sshKeys": [key.line() for key in self.ssh_keys],
            "openpgpKeys": list(self.openpgp_keys),
        }

    @classmethod
    def parse(cls, value: Json) -> Bot:
        """Read a bot."""
        return cls(
            _identity(value, Kind.AGENT, "bots"),
            shape.text(shape.member(value, "author"), "bots.author"),
            shape.items(shape.member(value, "sshKeys"), "sshKeys", _key),
            shape.texts(shape.member(value, "openpgpKeys"), "openpgpKeys"),
        )


def _identity(value: Json, kind: Kind, where: str) -> Identity:
    identity = Identity.parse(shape.member(value, "id"))
    if identity.kind is not kind:
        raise Malformed(f"policy: {where} holds {identity}, which is no {kind}")
    return identity


def _key(value: Json) -> PublicKey:
    return parse_public_key(shape.text(value, "sshKeys"))
