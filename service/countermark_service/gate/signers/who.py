"""Whose commit is it? The one person or bot of the policy that a commit's signature proves, in any of three forms.

Trust: the policy and the trusted root are the protected tip's; the commit is hostile. Nobody, or more than one,
is nobody: a refusal, and never the first that fits. A platform's key never speaks for a person: a policy that lends
a person one is refused when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from countermark_ledger.errors import BadSignature, WrongIdentity
from countermark_ledger.git.commits import Commit
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity
from countermark_ledger.sshsig import BEGIN as SSH
from countermark_service.gate.people import Bot, Person
from countermark_service.gate.signers import gitsign, openpgp, sigstore

if TYPE_CHECKING:
    from sigstore.verify import Verifier

_AUTHOR = re.compile(rb"(.*) [0-9]{1,15} [+-][0-9]{4}", re.DOTALL)


class Signer(NamedTuple):
    """Who signed a commit, and the key as a revocation would name it: an SSH or OpenPGP fingerprint.

    A Sigstore key lives for minutes, so that its place has the issuer and the identity, with a space between.
    """

    id: Identity
    key: str


class Signers:
    """Everybody whose signed commits count. `trusted_root` reads the Sigstore root, if a commit ever needs it."""

    def __init__(self, people: Sequence[Person], bots: Sequence[Bot], trusted_root: Callable[[], bytes | None]) -> None:
        self._bots = bots
        self._trusted_root = trusted_root
        self._ssh = [(key, person.id) for person in people for key in person.ssh_keys]
        self._sigstore = [(one, person.id) for person in people for one in person.sigstore]

    @classmethod
    def at(cls, repository: Repository, tip: str, people: Sequence[Person], bots: Sequence[Bot]) -> Signers:
        """Take the people and bots of the policy at the tip; the trusted root is read there too, when it is needed."""

        def trusted_root() -> bytes | None:
            entry = repository.entries(tip, [sigstore.TRUSTED_ROOT_PATH])[sigstore.TRUSTED_ROOT_PATH]
            content = None if entry is None else dict(repository.blobs([entry.blob]))[entry.blob]
            return content if isinstance(content, bytes) else None

        return cls(people, bots, trusted_root)

    def nobody(self) -> bool:
        """Tell whether there is nobody whose commits could count."""
        return not (self._ssh or self._sigstore or self._bots)

    def of(self, commit: Commit) -> Signer:
        """Return who signed exactly this commit.

        Raises a `Forged` or `Malformed` when it is nobody's, `Inconclusive` when that can't be told here.
        """
        signature = commit.signature or b""
        if signature.startswith(SSH):
            return self._by_ssh(commit)
        if signature.startswith(gitsign.BEGIN) and self._sigstore:
            return self._by_sigstore(commit)
        if signature.startswith(openpgp.BEGIN):
            return self._by_openpgp(commit)
        raise BadSignature("expected the signature of somebody whom the policy names, found another kind of one")

    def _by_ssh(self, commit: Commit) -> Signer:
        bots = [(key, bot.id) for bot in self._bots_of(commit) for key in bot.ssh_keys]
        owners = [*self._ssh, *bots]
        key = commit.signer(key for key, _ in owners)
        return Signer(_one(owner for known, owner in owners if known == key), key.fingerprint)

    def _by_sigstore(self, commit: Commit) -> Signer:
        signed = gitsign.read(commit)
        proven = sigstore.prove(signed, self._verifier, {one for one, _ in self._sigstore})
        owner = _one(owner for one, owner in self._sigstore if one == proven)
        return Signer(owner, f"{proven.issuer} {proven.identity}")

    def _by_openpgp(self, commit: Commit) -> Signer:
        owners = [(key, bot.id) for bot in self._bots_of(commit) for key in bot.openpgp_keys]
        if not owners:
            raise BadSignature("an OpenPGP signature speaks for a bot of the policy only, and its author is none")
        given = [key for key, _ in owners]
        fingerprint, keys = openpgp.verify(commit.signature or b"", message=commit.signed_payload, keys=given)
        return Signer(_one(owner for key, owner in owners if key in keys), fingerprint)

    def _bots_of(self, commit: Commit) -> list[Bot]:
        """List the bots whose author line is exactly the commit's."""
        author = _AUTHOR.fullmatch(commit.author)
        return [bot for bot in self._bots if author is not None and author[1] == bot.author.encode()]

    @cached_property
    def _verifier(self) -> Verifier:
        return sigstore.verifier(self._trusted_root())


def _one(owners: Iterable[Identity]) -> Identity:
    found = set(owners)
    if len(found) != 1:
        raise WrongIdentity(f"expected a key of one person or bot of the policy, found it at {len(found)}")
    return found.pop()
