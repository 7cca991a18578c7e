"""What the stock clients make of the same mutants. Where one accepts what we refuse, a table says so.

They are right by their own lights: they know no certificate log of ours and take any spelling of JSON. When a
test fails because a client refuses more than it used to, take the mutant off its table.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from sigstore.dsse import InvalidEnvelope
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig, InvalidBundle
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from countermark_ledger import canonical

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Founded, Mutant, Offer, Recipe

OUTSIDE_THE_BUNDLE = {  # no stock client asks whether the certificate log kept its promise
    "no-certificate-proof",
    "cut-certificate-proof",
    "proof-of-another-certificate",
    "certificate-in-the-wrong-log",
    "another-certificate-log-key",
}
SPELLINGS = {"trailing-newline", "loose-base64-tail", "leading-zero-in-an-index"}
ACCEPTED_BY_SIGSTORE = (
    OUTSIDE_THE_BUNDLE
    | SPELLINGS
    | {
        "integrated-time",
        "payload-is-no-statement",  # it hands out any payload; its command line reads the statement
        "lying-top-level-index",
        "lying-inner-size",
        "checkpoint-of-another-size",
        "checkpoint-of-another-origin",
    }
)
ACCEPTED_BY_COSIGN = OUTSIDE_THE_BUNDLE | {
    "trailing-newline",
    "loose-base64-tail",
    "number-for-an-index",
    "duplicate-timestamp",
    "entry-of-another-kind",
    "lying-inner-index",
    "lying-inner-size",
    "lying-root-hash",
    "checkpoint-of-another-size",
}


def sigstore_accepts(offer: Offer, signer: Recipe, founded: Founded) -> bool:
    config = ClientTrustConfig.from_json(json.dumps(founded.trust.client_trust_config()))
    policy = Identity(identity=signer.identity, issuer=signer.issuer)
    try:
        Verifier(trusted_root=config.trusted_root).verify_dsse(Bundle.from_json(offer.raw), policy)
    except (VerificationError, InvalidBundle, InvalidEnvelope, ValueError):
        return False
    return True


def test_the_tables_name_mutants_only(mutants: list[Mutant]) -> None:
    assert {mutant.name for mutant in mutants} >= ACCEPTED_BY_SIGSTORE | ACCEPTED_BY_COSIGN


def test_sigstore_accepts_the_real_bundle(honest_recipe: Recipe, founded_authority: Founded) -> None:
    assert sigstore_accepts(honest_recipe.make(), honest_recipe, founded_authority)


def test_sigstore_refuses_a_mutant_unless_the_table_names_it(
    mutant: Mutant, honest_recipe: Recipe, founded_authority: Founded, rogue_authority: Founded
) -> None:
    offer = mutant.recipe(honest_recipe, rogue_authority).make()
    accepted = sigstore_accepts(offer, honest_recipe, founded_authority)
    assert accepted is (mutant.name in ACCEPTED_BY_SIGSTORE)


def cosign_accepts(cosign: Path, offer: Offer, signer: Recipe, founded: Founded, folder: Path) -> bool:
    (folder / "bundle.json").write_bytes(offer.raw)
    (folder / "root.json").write_bytes(canonical.dumps(founded.trust.stock()))
    (folder / "a.py").write_text("print('a')\n")
    command = [cosign, "verify-blob-attestation", "--bundle", "bundle.json", "--trusted-root", "root.json"]
    command += ["--use-signed-timestamps", "--type", "https://slsa.dev/provenance/v1"]
    command += ["--certificate-identity", signer.identity, "--certificate-oidc-issuer", signer.issuer, "a.py"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    said = answer.stdout + answer.stderr
    assert ("Verified OK" in said) is (answer.returncode == 0), said
    return answer.returncode == 0


@pytest.mark.parts
def test_cosign_accepts_the_real_bundle(
    cosign: Path, honest_recipe: Recipe, founded_authority: Founded, tmp_path: Path
) -> None:
    assert cosign_accepts(cosign, honest_recipe.make(), honest_recipe, founded_authority, tmp_path)


@pytest.mark.parts
def test_cosign_refuses_a_mutant_unless_the_table_names_it(
    mutant: Mutant,
    cosign: Path,
    honest_recipe: Recipe,
    founded_authority: Founded,
    rogue_authority: Founded,
    tmp_path: Path,
) -> None:
    offer = mutant.recipe(honest_recipe, rogue_authority).make()
    accepted = cosign_accepts(cosign, offer, honest_recipe, founded_authority, tmp_path)
    assert accepted is (mutant.name in ACCEPTED_BY_COSIGN)
