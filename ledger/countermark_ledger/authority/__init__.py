"""The authority: a private Sigstore's issuing half, for one trust domain.

Layer: ledger, authority side: it is what makes evidence, and nothing that verifies evidence imports it.
Trust: whoever holds these keys can be anybody of the domain from now on, visibly to whoever reads the logs.

`create_authority` and `load_authority` give one `Authority`: the certificate authority, the timestamp
authority and the signers of the two logs. Its `trust_root` is what readers pin.
"""

from __future__ import annotations

from .ca import CertificateAuthority, Issued
from .keys import EcdsaSigner, KeyDirectory, Signer
from .root import Authority, create_authority, load_authority
from .tsa import TimestampAuthority

__all__ = [
    "Authority",
    "CertificateAuthority",
    "EcdsaSigner",
    "Issued",
    "KeyDirectory",
    "Signer",
    "TimestampAuthority",
    "create_authority",
    "load_authority",
]
