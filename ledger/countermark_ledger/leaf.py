"""Log leaves: Rekor v2's hashedrekord 0.0.2, the one entry that stock clients rebuild from a bundle.

Layer: ledger core. Imports nothing of ours but `canonical`; does no I/O and reads no clock.
Trust: a verifier makes these bytes from what it verified itself and compares them with the logged ones; it
never parses a leaf to learn something from it.

A template takes the place of general canonicalisation, which is some 40 times slower: all that varies is
base64, which canonical JSON never escapes. A test asserts the equality.
"""

from __future__ import annotations

import hashlib

from .canonical import b64encode

_TEMPLATE = (
    '{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{'
    '"data":{"algorithm":"SHA2_256","digest":"%s"},'
    '"signature":{"content":"%s","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256",'
    '"x509Certificate":{"rawBytes":"%s"}}}}}}'
)


def entry(pae_digest: bytes, signature: bytes, certificate_der: bytes) -> bytes:
    """Return the leaf for a signature over the bytes whose SHA-256 is `pae_digest` (32 bytes).

    `signature` is ASN.1 DER as in the envelope, `certificate_der` the leaf certificate.
    """
    if len(pae_digest) != hashlib.sha256().digest_size:
        raise RuntimeError(f"a leaf holds a SHA-256 digest of 32 bytes, not {len(pae_digest)}")
    values = (b64encode(pae_digest), b64encode(signature), b64encode(certificate_der))
    return (_TEMPLATE % values).encode("ascii")
