"""A scene with more people: Bert and Carl, whom the policy at the tip names, each with an SSH key of their own.

Whoever ran `init` owns the agent `coder` and sets it to work, so they are never the second person.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countermark_ledger import countersignature, dsse
from countermark_ledger.authority.issuing import Request, Signed
from countermark_ledger.canonical import Json
from countermark_ledger.countersignature import C, Consent
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_service.checkout import Checkout
from countermark_service.countersigning import countersign
from countermark_service.embedded import Embedded, opened

from .conftest import Scene, ssh_key


@dataclass
class Team:
    """People of a scene, by name. `me` ran `init`."""

    scene: Scene
    keys: Path
    ids: dict[str, Identity]

    @classmethod
    def of(cls, scene: Scene, keys: Path, change: Callable[[dict[str, Any]], None]) -> Team:
        """Name Bert and Carl, change the policy, and land both; then begin a branch of work anew."""
        keys.mkdir()
        scene.git("checkout", "-q", "main")
        team = cls(scene, keys, {})
        for name in ("bert", "carl"):
            added = json.loads(scene.must("person", "add", name, "--ssh-key", str(ssh_key(keys / name)), "--json"))
            team.ids[name] = Identity.parse(added["id"])
        with team.ledger() as embedded:
            team.ids["me"] = Identity.parse(embedded.config.person)
        team.land_policy(change)
        return team

    def land_policy(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the policy on the protected branch, and begin a branch of work there."""
        self.scene.git("checkout", "-q", "main")
        self.edit_policy(change)
        self.scene.must("claim")
        self.scene.commit("policy")
        self.scene.git("branch", "-q", "-D", "work")
        self.scene.branch("work")

    def edit_policy(self, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.scene.root / ".countermark" / "policy.json"
        policy = json.loads(path.read_text())
        change(policy)
        path.write_text(json.dumps(policy))

    @contextmanager
    def ledger(self) -> Iterator[Embedded]:
        with opened(Checkout.find(self.scene.root).home()) as embedded:
            yield embedded

    def key(self, name: str) -> str:
        return str(self.keys / name)

    def approve(self, name: str, *words: str, head: str = "HEAD") -> dict[str, Json]:
        spoken = ("approve", "--head", head, "--person", name, "--ssh-key", self.key(name), "--json", *words)
        document: dict[str, Json] = json.loads(self.scene.must(*spoken))
        return document

    def waiver(self, action: str, name: str, *words: str) -> dict[str, Any]:
        spoken = ("waiver", action, *words, "--person", name, "--ssh-key", self.key(name), "--json")
        document: dict[str, Any] = json.loads(self.scene.must(*spoken))
        return document

    def countersigned(self, consent: C, name: str) -> C:
        """Sign a statement with somebody's SSH key, whoever it names."""
        return countersign(consent, (), Path(self.key(name)))

    def log(self, consent: Consent, *, signer: Identity | None = None) -> Signed:
        """Log a statement as whoever holds the authority's keys could: with any certificate they like."""
        with self.ledger() as embedded:
            return embedded.sign([Request(signer or consent.person, consent.statement())])[0]

    def revoke(self, kind: RevokedKind, value: str) -> None:
        """Distrust somebody from now on."""
        with self.ledger() as embedded:
            now = embedded.clock().replace(microsecond=0)
            embedded.sign([], revoke=lambda earlier, size: (*earlier, Revocation(kind, value, now, size, "left")))

    def agent(self, name: str = "coder") -> Identity:
        with self.ledger() as embedded:
            return embedded.identity(Kind.AGENT, name)


def name_of(consent: Consent) -> str:
    return dsse.name_of(consent.statement().encode())


def key_of(consent: Consent) -> str | None:
    key = countersignature.verify(consent)
    return key.fingerprint if key else None


def said(document: dict[str, Any], rule: str) -> list[str]:
    """Give the messages of a rule's reasons."""
    return [reason["message"] for reason in document["reasons"] if reason["rule"] == rule]
