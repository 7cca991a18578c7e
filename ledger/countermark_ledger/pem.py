"""One certificate as PEM (RFC 7468), in one spelling: 64 columns, one newline at the end.

Layer: ledger core. Imports nothing of ours but `canonical` and `errors`; does no I/O.
Trust: the text is hostile until `certificate_from` returns; the DER inside it still is.
"""

from __future__ import annotations

import textwrap

from .canonical import b64decode, b64encode
from .errors import Malformed

_BEGIN = "-----BEGIN CERTIFICATE-----\n"
_END = "-----END CERTIFICATE-----\n"
_COLUMNS = 64


def of_certificate(certificate: bytes) -> bytes:
    """Spell a certificate's DER as PEM."""
    lines = textwrap.wrap(b64encode(certificate), _COLUMNS)
    return "".join((_BEGIN, *(f"{line}\n" for line in lines), _END)).encode()


def certificate_from(raw: bytes) -> bytes:
    """Accept exactly what `of_certificate` emits, and return the DER."""
    text = raw.decode("latin-1").removeprefix(_BEGIN).removesuffix(_END)
    certificate = b64decode(text.replace("\n", ""))
    if of_certificate(certificate) != raw:
        raise Malformed("PEM: expected exactly one certificate in lines of 64 columns")
    return certificate
