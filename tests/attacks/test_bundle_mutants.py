"""Every mutant of a real bundle is refused, for its own reason, and the bundle itself is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from countermark_ledger.verifier import verify

if TYPE_CHECKING:
    from conftest import Founded, Mutant, Recipe


def test_the_bundle_that_all_mutants_are_made_of_is_accepted(honest_recipe: Recipe, founded_authority: Founded) -> None:
    offer = honest_recipe.make()
    verified = verify(offer.raw, certificate_proof=offer.certificate_proof, trust=founded_authority.trust)
    assert str(verified.signer) == honest_recipe.identity
    assert verified.log_index == 2


def test_a_mutant_is_refused_for_its_own_reason(
    mutant: Mutant, honest_recipe: Recipe, founded_authority: Founded, rogue_authority: Founded
) -> None:
    offer = mutant.recipe(honest_recipe, rogue_authority).make()
    with pytest.raises(mutant.refusal) as refused:
        verify(offer.raw, certificate_proof=offer.certificate_proof, trust=founded_authority.trust)
    assert refused.type is mutant.refusal
