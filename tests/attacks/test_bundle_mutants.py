"""Every mutant of a real bundle is refused, for its own reason, and the bundle itself is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from countermark_ledger.verifier import verify

if TYPE_CHECKING:
    from conftest import Founded, Mutant, Recipe

    from countermark_ledger.authority import EcdsaSigner

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def test_the_bundle_that_all_mutants_are_made_of_is_accepted(honest_recipe: Recipe, founded_authority: Founded) -> None:
    offer = honest_recipe.make()
    verified = verify(offer.raw, certificate_proof=offer.certificate_proof, trust=founded_authority.trust)
    assert str(verified.signer) == honest_recipe.identity
    assert verified.log_index == 2


def test_a_mirrored_signature_stamped_and_logged_anew_is_the_same_statement_again(
    honest_recipe: Recipe, founded_authority: Founded
) -> None:
    """(r, s) and (r, n-s) both satisfy ECDSA and stock signers emit either: right is to accept it and count it once.

    Alone, in a bundle whose entry and timestamp are about the other one, it is the mutant `signature-s-negated`.
    """

    def mirrored(signer: EcdsaSigner, message: bytes) -> bytes:
        r, s = decode_dss_signature(signer.sign(message))
        return encode_dss_signature(r, P256_ORDER - s)

    offers = [honest_recipe.make(), replace(honest_recipe, signature=mirrored).make()]
    one, two = (
        verify(offer.raw, certificate_proof=offer.certificate_proof, trust=founded_authority.trust) for offer in offers
    )
    assert one.name != two.name
    assert (one.signer, one.pae_sha256) == (two.signer, two.pae_sha256)


def test_a_mutant_is_refused_for_its_own_reason(
    mutant: Mutant, honest_recipe: Recipe, founded_authority: Founded, rogue_authority: Founded
) -> None:
    offer = mutant.recipe(honest_recipe, rogue_authority).make()
    with pytest.raises(mutant.refusal) as refused:
        verify(offer.raw, certificate_proof=offer.certificate_proof, trust=founded_authority.trust)
    assert refused.type is mutant.refusal
