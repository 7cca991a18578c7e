"""Identities: `spiffe://<trust-domain>/<kind>/<name>`, compared exactly, never by pattern.

Layer: ledger core. Imports nothing of ours but `errors`; does no I/O.
Trust: a name from a certificate or a statement is hostile until `Identity.parse` returns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from .errors import Malformed

_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Kind(StrEnum):
    """Who may say what: each statement has one kind of signer."""

    AGENT = "agent"
    PERSON = "person"
    GATE = "gate"
    AUTHORITY = "authority"
    OBSERVER = "observer"


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity of one trust domain (SPIFFE ID; the domain is a lower-case DNS name)."""

    trust_domain: str
    kind: Kind
    name: str

    def __post_init__(self) -> None:
        """Refuse names that two readers could read differently."""
        if len(self.trust_domain) > 253 or not _DOMAIN.fullmatch(self.trust_domain):  # noqa: PLR2004 - RFC 1035
            raise Malformed(f"trust domain: expected a lower-case host name, found {self.trust_domain!r}")
        if not _NAME.fullmatch(self.name):
            raise Malformed(
                f"name {self.name!r}: expected 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit"
            )

    def __str__(self) -> str:
        """Spell the identity as the URI that stands in the certificate."""
        return f"spiffe://{self.trust_domain}/{self.kind.value}/{self.name}"

    @classmethod
    def parse(cls, uri: object) -> Identity:
        """Accept exactly what `str` emits."""
        if not isinstance(uri, str) or not uri.startswith("spiffe://"):
            raise Malformed(f"identity: expected spiffe://<domain>/<kind>/<name>, found {uri!r:.100}")
        parts = uri.removeprefix("spiffe://").split("/")
        if len(parts) != 3 or parts[1] not in set(Kind):  # noqa: PLR2004 - domain, kind, name
            raise Malformed(f"identity: expected spiffe://<domain>/<kind>/<name>, found {uri!r:.100}")
        return cls(parts[0], Kind(parts[1]), parts[2])
