"""One log for everybody: what is tied to the newest checkpoint, what is not, and what is a fork."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countermark_ledger import checkpoint
from countermark_ledger.checkpoint import SignedCheckpoint, TreeHead, Witnesses
from countermark_ledger.collection import Collection, Link
from countermark_ledger.errors import BadConsistency
from countermark_ledger.logview import LogView, view
from countermark_ledger.note import Cosigner, SignedNote

if TYPE_CHECKING:
    from conftest import SimulatedAuthority

    from countermark_ledger.node import Change

Changed = Callable[..., "Change"]


class Grown:
    """An authority whose log had a head at every size from 1 to 6."""

    def __init__(self, simulated: SimulatedAuthority, changed: Changed) -> None:
        self.simulated = simulated
        self.heads: dict[int, TreeHead] = {}
        for n in range(6):
            simulated.sign_change(changed(a_py=(None, f"{n}")))
            self.heads[n + 1] = SignedCheckpoint.parse(simulated.log.head.checkpoint).head

    def link(self, old: int, new: int = 6, **other: object) -> Link:
        log = self.simulated.log
        raw = log.inclusion(0, new).checkpoint
        return replace(Link(old, new, tuple(log.consistency(old, new)), raw), **other)

    def view(self, *needed: int, links: tuple[Link, ...] = (), more: tuple[bytes, ...] = ()) -> LogView:
        collection = Collection(links=list(links), checkpoints=[*more])
        return view(collection, (self.heads[size] for size in needed), self.simulated.trust)


@pytest.fixture
def grown(simulated: SimulatedAuthority, changed: Changed) -> Grown:
    return Grown(simulated, changed)


def test_heads_are_tied_by_links_to_the_newest_checkpoint(grown: Grown) -> None:
    found = grown.view(1, 3, 6, links=(grown.link(1), grown.link(3)))
    assert (found.newest, found.untied, found.witnessed) == (grown.heads[6], (), False)
    assert not found.protects([1, 3, 6])


def test_links_may_lead_over_other_sizes(grown: Grown) -> None:
    steps = (grown.link(1, 3), grown.link(3, 5), grown.link(5, 6))
    assert grown.view(1, links=steps).untied == ()
    assert grown.view(1, links=steps[:1] + steps[2:]).untied == (1,)


def test_without_any_checkpoint_nothing_is_tied(grown: Grown) -> None:
    assert grown.view(2, 1) == LogView(None, (1, 2))
    assert grown.view(2, more=(b"junk",)) == LogView(None, (2,))


def test_a_checkpoint_older_than_the_evidence_ties_nothing(grown: Grown) -> None:
    old = grown.simulated.log.inclusion(0, 2).checkpoint
    assert grown.view(6, more=(old,)) == LogView(grown.heads[2], (6,))


def test_a_link_that_proves_nothing_ties_nothing_and_defeats_nothing(grown: Grown) -> None:
    junk = grown.link(3, hashes=(b"\xa5" * 32,))
    assert grown.view(3, links=(junk,)).untied == (3,)
    assert grown.view(3, links=(junk, grown.link(3), junk)).untied == ()


def test_links_that_go_nowhere_or_backwards_are_passed_over(grown: Grown) -> None:
    back = replace(grown.link(3), old=6, new=3)
    itself = grown.link(6, hashes=())
    assert grown.view(3, links=(back, itself, grown.link(3))).untied == ()


def test_two_signed_heads_of_one_size_are_a_fork(grown: Grown, simulated: SimulatedAuthority) -> None:
    forked = checkpoint.sign(replace(grown.heads[3], root=b"\xa5" * 32), simulated.authority.log)
    with pytest.raises(BadConsistency, match="size 3"):
        grown.view(3, more=(forked,))
    with pytest.raises(BadConsistency, match="size 3"):
        grown.view(1, links=(grown.link(1, 3),), more=(forked,))


def test_a_head_of_another_log_is_no_fork_and_no_newest(grown: Grown, rogue_authority: object) -> None:
    rogue = checkpoint.sign(replace(grown.heads[3], size=9, root=b"\xa5" * 32), rogue_authority.authority.log)
    assert grown.view(6, more=(rogue, grown.simulated.checkpoint())).newest == grown.heads[6]


WITNESS = Cosigner("witness.example", Ed25519PrivateKey.from_private_bytes(b"\x22" * 32))


def test_a_tied_view_that_a_quorum_saw_is_protected(
    simulate: Callable[..., SimulatedAuthority], changed: Changed
) -> None:
    grown = Grown(simulate(WITNESS), changed)
    seen = grown.simulated.checkpoint()
    assert grown.view(6, 3, links=(grown.link(3),), more=(seen,)).protects([6, 3])
    untied = grown.view(6, 3, more=(seen,))
    assert (untied.protects([6, 3]), untied.protects([6])) == (False, True)
    assert not grown.view(6).protects([6])


@pytest.mark.parametrize("broken", ["none", "signature", "another-head"])
def test_what_no_witness_saw_is_not_witnessed(
    broken: str, simulate: Callable[..., SimulatedAuthority], changed: Changed
) -> None:
    grown = Grown(simulate(WITNESS), changed)
    note = SignedNote.parse(grown.simulated.log.head.checkpoint)
    line = WITNESS.cosign(note.text if broken == "signature" else grown.heads[1].encode(), time=1)
    if broken == "signature":
        line = replace(line, signature=line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
    lines = note.signatures if broken == "none" else (*note.signatures, line)
    assert not grown.view(6, more=(SignedNote(note.text, lines).encode(),)).witnessed


def test_one_copy_that_a_quorum_saw_is_enough(simulate: Callable[..., SimulatedAuthority], changed: Changed) -> None:
    grown = Grown(simulate(WITNESS), changed)
    bare, seen = grown.simulated.log.head.checkpoint, grown.simulated.checkpoint()
    for order in ((bare, seen), (seen, bare)):
        assert grown.view(6, more=order).witnessed


def test_witnesses_are_counted_by_name_over_every_copy_of_the_newest_head(
    simulate: Callable[..., SimulatedAuthority], changed: Changed
) -> None:
    other = Cosigner("other.example", Ed25519PrivateKey.from_private_bytes(b"\x33" * 32))
    grown = Grown(simulate(WITNESS), changed)
    note = SignedNote.parse(grown.simulated.log.head.checkpoint)
    copies = [
        SignedNote(note.text, (note.signatures[0], witness.cosign(note.text, time=1))).encode()
        for witness in (WITNESS, other, WITNESS)
    ]
    trust = replace(grown.simulated.trust, witnesses=Witnesses(2, (WITNESS.verifier, other.verifier)))

    def seen(*notes: bytes) -> LogView:
        return view(Collection(checkpoints=[*notes]), [grown.heads[6]], trust)

    assert (seen(*copies).witnesses, seen(*copies).witnessed) == (("other.example", "witness.example"), True)
    assert (seen(copies[0], copies[2]).witnesses, seen(copies[0]).witnessed) == (("witness.example",), False)
    nobody = replace(trust, witnesses=Witnesses(0, trust.witnesses.keys))
    assert not view(Collection(checkpoints=copies), [grown.heads[6]], nobody).witnessed


def test_a_view_is_protected_when_every_known_head_is_tied(
    simulate: Callable[..., SimulatedAuthority], changed: Changed
) -> None:
    grown = Grown(simulate(WITNESS), changed)
    seen = grown.simulated.checkpoint()
    assert grown.view(6, 3, links=(grown.link(3),), more=(seen,)).protected
    assert not grown.view(6, 3, more=(seen,)).protected
