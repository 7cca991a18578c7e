"""What `agent add` and `person add` share: an enrolment statement in the ledger, and a row that names the id."""

from __future__ import annotations

from countermark_ledger import canonical
from countermark_ledger.authority.issuing import Request
from countermark_ledger.canonical import Json
from countermark_ledger.identity import Identity
from countermark_ledger.log.rows import Identity as IdentityRow
from countermark_ledger.predicates.enrolment import Enrolment
from countermark_service.embedded import Embedded


def enrolment(embedded: Embedded, identity: Identity, owner: Identity | None = None) -> Enrolment:
    """Begin an enrolment under this ledger's trust root."""
    return Enrolment(embedded.trust.digest.removeprefix("sha256:"), identity, owner)


def enrol(embedded: Embedded, enrolled: Enrolment, *, name: str | None) -> None:
    """Log an enrolment (or a change of keys) and remember who the id is; the name stays erasable."""
    data: dict[str, Json] = {"models": [*enrolled.models], "sshKeys": [*enrolled.ssh_keys]}
    now = int(embedded.clock().timestamp() * 1000)
    text = canonical.dumps(data).decode()
    row = IdentityRow(str(enrolled.identity), enrolled.identity.kind.value, name, now, text)
    embedded.sign([Request(embedded.authority, enrolled.statement())])
    if enrolled.rotation:
        embedded.store.update_identity(row)
    else:
        embedded.store.add([row])
