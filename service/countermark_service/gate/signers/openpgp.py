"""A platform's OpenPGP signature over a commit (RFC 9580): the Sequoia library, with the policy's keys alone.

Trust: the signature is hostile, the keys are the protected tip's. No keyring, no agent, no network. One signature
of one kind is accepted: over the bytes. One over "text" holds for every spelling of its line endings, and so for
commits that nobody signed (compare CVE-2026-44309).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from countermark_ledger.errors import BadSignature, Malformed, TooLarge
from countermark_service.exits import Inconclusive

if TYPE_CHECKING:
    from pysequoia import Cert

BEGIN: Final = b"-----BEGIN PGP SIGNATURE-----\n"
INSTALL_HINT = "pip install 'countermark[openpgp]'"
MAX_ARMOR = 32 * 1024

_SIGNATURE = re.compile(rb"-----BEGIN PGP SIGNATURE-----\n[^-]+-----END PGP SIGNATURE-----\n*")
_KEY = re.compile(r"-----BEGIN PGP PUBLIC KEY BLOCK-----\n[^-]+-----END PGP PUBLIC KEY BLOCK-----\n*")


def verify(armored: bytes, *, message: bytes, keys: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the fingerprint (hex) of the key that signed these very bytes, and which of `keys` (armored) are it.

    Raises `BadSignature` and `Malformed` when none did, `Inconclusive` when that can't be told.
    """
    try:
        import pysequoia  # noqa: PLC0415 - an optional extra, for policies that ask for it
    except ModuleNotFoundError as error:
        missing = f"OpenPGP: {error.name} is not installed, and the policy names bots by OpenPGP keys"
        raise Inconclusive(missing, hint=INSTALL_HINT) from error
    known = [_certificate(key) for key in keys]
    _check_kind(armored)
    try:
        signature = pysequoia.Sig.from_bytes(armored)
        valid = pysequoia.verify(bytes=message, store=lambda _ids: known, signature=signature).valid_sigs
    except Exception as error:  # whatever a hostile signature makes the library raise, it proved nothing
        raise BadSignature(f"OpenPGP: {_first_line(error)}") from error
    if len(valid) != 1:
        raise BadSignature(f"OpenPGP: expected one valid signature, found {len(valid)}")
    found = valid[0].certificate
    return found, tuple(key for key, one in zip(keys, known, strict=True) if one.fingerprint == found)


def _certificate(key: str) -> Cert:
    """Read a key of the policy: one public key in armor."""
    import pysequoia  # noqa: PLC0415 - as above

    hint = "gpg --armor --export ID"
    if not _KEY.fullmatch(key):
        raise Inconclusive("policy: openpgpKeys: expected one armored public key each, found something else", hint=hint)
    try:
        return pysequoia.Cert.from_bytes(key.encode())
    except Exception as error:  # a file of people's own: nothing can be checked with it
        raise Inconclusive(f"policy: openpgpKeys: {_first_line(error)}", hint=hint) from error


def _check_kind(armored: bytes) -> None:
    """Accept one armored block that holds one signature over bytes, and nothing else."""
    from pysequoia.packet import PacketPile, SignatureType, Tag  # noqa: PLC0415 - as above

    if len(armored) > MAX_ARMOR:
        raise TooLarge(f"OpenPGP: expected at most {MAX_ARMOR} bytes, found {len(armored)}")
    if not _SIGNATURE.fullmatch(armored):
        raise Malformed("OpenPGP: expected one armored signature, found something else")
    try:
        packets = list(PacketPile.from_bytes(armored))
    except Exception as error:  # as above
        raise Malformed(f"OpenPGP: {_first_line(error)}") from error
    if [(packet.tag, packet.signature_type) for packet in packets] != [(Tag.Signature, SignatureType.Binary)]:
        raise BadSignature("OpenPGP: expected one signature over the commit's bytes, found another kind")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
