"""What we emit is accepted by the stock Sigstore client, in process and through its command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from countermark_ledger import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import SimulatedAuthority

    from countermark_ledger.authority.issuing import Signed
    from countermark_ledger.node import Change
    from countermark_ledger.trust import TrustRoot


def stock_verify(trust: TrustRoot, signed: Signed, identity: str) -> tuple[str, bytes]:
    config = ClientTrustConfig.from_json(json.dumps(trust.client_trust_config()))
    verifier = Verifier(trusted_root=config.trusted_root)
    return verifier.verify_dsse(Bundle.from_json(signed.raw), Identity(identity=identity, issuer=trust.issuer))


def test_every_kind_of_statement_is_accepted_at_every_place_of_the_log(
    simulated: SimulatedAuthority, changed: Callable[..., Change]
) -> None:
    from countermark_ledger.identity import Kind

    bundles = [
        *simulated.sign_change(changed(a_py=(None, "1\n"))),
        simulated.claim(changed(b_py=("1\n", "2\n"))),
        simulated.status(),
        *(simulated.sign_change(changed(a_py=(None, f"{n}\n")))[0] for n in range(6)),
    ]
    signers = [simulated.who(Kind.AGENT), simulated.who(Kind.PERSON, "p1"), simulated.who(Kind.AUTHORITY, "root")]
    signers += [simulated.who(Kind.AGENT)] * 6
    for signed, signer in zip(bundles, signers, strict=True):
        kind, payload = stock_verify(simulated.trust, signed, str(signer))
        assert kind == "application/vnd.in-toto+json"
        assert json.loads(payload)["_type"] == "https://in-toto.io/Statement/v1"


def test_a_statement_of_as_many_subjects_as_there_may_be_is_accepted(
    simulated: SimulatedAuthority, changed: Callable[..., Change]
) -> None:
    parts = simulated.sign_change(changed(**{f"f{n}": (None, f"{n}") for n in range(1500)}))
    payloads = [
        json.loads(stock_verify(simulated.trust, one, "spiffe://forge.example/agent/builder")[1]) for one in parts
    ]
    assert [len(payload["subject"]) for payload in payloads] == [1024, 478]


def test_another_agent_of_the_same_authority_is_refused(
    simulated: SimulatedAuthority, changed: Callable[..., Change]
) -> None:
    signed = simulated.sign_change(changed(a_py=(None, "1\n")))[0]
    with pytest.raises(VerificationError):
        stock_verify(simulated.trust, signed, "spiffe://forge.example/agent/other")


@pytest.fixture
def as_files(simulated: SimulatedAuthority, changed: Callable[..., Change], tmp_path: Path) -> Path:
    """A bundle about one file, its file, and the trust configuration, as a newcomer would find them."""
    (tmp_path / "a.py").write_text("print('a')\n")
    signed = simulated.sign_change(changed(a_py=(None, "print('a')\n")))[0]
    (tmp_path / "bundle.json").write_bytes(signed.raw)
    (tmp_path / "trust.json").write_bytes(canonical.dumps(simulated.trust.client_trust_config()))
    (tmp_path / "root.json").write_bytes(canonical.dumps(simulated.trust.stock()))
    return tmp_path


def sigstore_cli(folder: Path) -> subprocess.CompletedProcess[str]:
    trust, bundle = folder / "trust.json", folder / "bundle.json"
    command = [sys.executable, "-m", "sigstore", "--trust-config", trust, "verify", "identity", "--offline"]
    command += ["--bundle", bundle, "--cert-identity", "spiffe://forge.example/agent/builder"]
    command += ["--cert-oidc-issuer", "https://authority.forge.example", folder / "a.py"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_the_stock_command_line_accepts_a_file_and_refuses_it_after_a_change(as_files: Path) -> None:
    accepted = sigstore_cli(as_files)
    assert (accepted.returncode, "OK: " in accepted.stdout + accepted.stderr) == (0, True), accepted.stderr
    (as_files / "a.py").write_text("print('b')\n")
    assert sigstore_cli(as_files).returncode != 0


def cosign_cli(cosign: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [cosign, "verify-blob-attestation", "--bundle", folder / "bundle.json"]
    command += ["--trusted-root", folder / "root.json", "--use-signed-timestamps"]
    command += ["--certificate-identity", "spiffe://forge.example/agent/builder"]
    command += ["--certificate-oidc-issuer", "https://authority.forge.example"]
    command += ["--type", "https://slsa.dev/provenance/v1", folder / "a.py"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


@pytest.mark.parts
def test_cosign_accepts_a_file_and_refuses_it_after_a_change(as_files: Path, cosign: Path) -> None:
    accepted = cosign_cli(cosign, as_files)
    assert (accepted.returncode, "Verified OK" in accepted.stdout + accepted.stderr) == (0, True), accepted.stderr
    (as_files / "a.py").write_text("print('b')\n")
    assert cosign_cli(cosign, as_files).returncode != 0
