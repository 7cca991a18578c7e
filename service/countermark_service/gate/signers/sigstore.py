"""Sigstore's own proof of a bundle: the sigstore library, offline, under the trusted root at the protected tip.

Trust: the bundle is hostile, the trusted root is the protected tip's. No network and no TUF: the keys are the
pinned ones and no others (CVE-2023-47122). The library is imported when a commit first needs it, and its absence
is "could not be checked", never "nothing there".
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from typing import TYPE_CHECKING

from countermark_ledger.canonical import b64encode
from countermark_ledger.errors import BadSignature, WrongEntry, WrongIdentity
from countermark_service.exits import Inconclusive
from countermark_service.gate.people import SigstoreIdentity
from countermark_service.gate.signers.gitsign import Signed
from countermark_service.gate.signers.log_entry import LogEntry

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity

TRUSTED_ROOT_PATH = ".countermark/sigstore-trusted-root.json"
INSTALL_HINT = "pip install 'countermark[sigstore]'"
ROOT_HINT = f"cosign trusted-root create --with-default-services --out {TRUSTED_ROOT_PATH}   then land it"

_CHECKPOINT = re.compile(r"[^\n]+\n([0-9]+)\n([^\n]+)\n")


def verifier(trusted_root: bytes | None) -> Verifier:
    """Make the verifier of a trusted root, given as its published JSON; `Inconclusive` when it can't be had."""
    if trusted_root is None:
        raise Inconclusive(f"{TRUSTED_ROOT_PATH}: expected it at the protected tip, found none", hint=ROOT_HINT)
    try:
        from sigstore.models import TrustedRoot  # noqa: PLC0415 - a second of imports, for who asks for it
        from sigstore.verify import Verifier  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        message = f"gitsign: {error.name} is not installed, and the policy names people by Sigstore identities"
        raise Inconclusive(message, hint=INSTALL_HINT) from error
    with tempfile.NamedTemporaryFile(prefix="countermark-trusted-root-") as file:
        file.write(trusted_root)
        file.flush()
        try:
            return Verifier(trusted_root=TrustedRoot.from_file(file.name))
        except Exception as error:  # whatever it makes of a file of people's own: nothing can be checked with it
            raise Inconclusive(f"{TRUSTED_ROOT_PATH}: no trusted root: {_first_line(error)}", hint=ROOT_HINT) from error


def prove(signed: Signed, verified_by: Verifier, identities: Iterable[SigstoreIdentity]) -> SigstoreIdentity:
    """Return the one of these identities whose signature this is; raise a `Forged` otherwise."""
    from sigstore.models import Bundle  # noqa: PLC0415 - whoever has a verifier has the library

    _check_checkpoint(signed.entry)
    try:
        bundle = Bundle.from_json(signed.bundle)
        proven = _only(bundle.signing_certificate, identities)
        verified_by.verify_artifact(signed.artifact, bundle, _policy(proven))
    except WrongIdentity:
        raise
    except Exception as error:  # whatever a hostile signature makes the library raise, it proved nothing
        raise BadSignature(f"gitsign: {_first_line(error)}") from error
    return proven


def _only(certificate: Certificate, identities: Iterable[SigstoreIdentity]) -> SigstoreIdentity:
    """Choose the identity that a certificate is for: one name, one match, both compared exactly."""
    from cryptography.x509 import SubjectAlternativeName  # noqa: PLC0415 - slow as well, and seldom asked for

    names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    matching = {one for one in identities if _is_for(certificate, one)}
    if len(list(names)) != 1 or len(matching) != 1:
        raise WrongIdentity(f"gitsign: expected a certificate for one person of the policy, found {len(matching)}")
    return matching.pop()


def _is_for(certificate: Certificate, identity: SigstoreIdentity) -> bool:
    from sigstore.errors import VerificationError  # noqa: PLC0415 - as above

    try:
        _policy(identity).verify(certificate)
    except VerificationError:
        return False
    return True


def _policy(wanted: SigstoreIdentity) -> Identity:
    from sigstore.verify.policy import Identity  # noqa: PLC0415 - as above

    return Identity(identity=wanted.identity, issuer=wanted.issuer)


def _check_checkpoint(entry: LogEntry) -> None:
    """Hold the proof to what the log signed: the library compares the root alone, and believes the size."""
    head = _CHECKPOINT.match(entry.checkpoint)
    if head is None or head.groups() != (str(entry.size), b64encode(entry.root)):
        raise WrongEntry("gitsign: the log's checkpoint is of another tree than its proof")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
