"""What the authority issues lands as one transaction, and can be found again by everything it says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from countermark_ledger import dsse
from countermark_ledger.authority.issuing import Request
from countermark_ledger.bundle import Bundle
from countermark_ledger.errors import Malformed, StoreFailed
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.log import BlobKind, check_log
from countermark_ledger.log.indexing import index_rows
from countermark_ledger.log.rows import CommitmentKey, EntryIndex, EntryLabel, EntryPath
from countermark_ledger.merkle import leaf_hash
from countermark_ledger.node import Mode
from countermark_ledger.predicates.approval import Approval
from countermark_ledger.predicates.commitment import Commitment
from countermark_ledger.predicates.generation import Model, ModelSource
from countermark_ledger.predicates.verdict import Binding, Outcome, Verdict
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from countermark_ledger.statement import Statement, Subject
from countermark_ledger.tlog_proof import TlogProof
from countermark_ledger.verifier import verify

if TYPE_CHECKING:
    from conftest import SimulatedAuthority

    from countermark_ledger.log.rows import IndexRow
    from countermark_ledger.node import Change

Changed = Callable[..., "Change"]


def _check(simulated: SimulatedAuthority) -> None:
    for log in (simulated.log, simulated.certificates):
        check_log(simulated.store, log.verifier)


def test_a_batch_gets_consecutive_places_and_every_bundle_verifies(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    made = [simulated.generation(changed(a_py=(None, f"{n}"))).statement() for n in range(5)]
    signed = simulated.sign(simulated.who(Kind.AGENT), *made)
    assert [one.log_index for one in signed] == [0, 1, 2, 3, 4]
    for one, statement in zip(signed, made, strict=True):
        verified = verify(one.raw, certificate_proof=one.certificate_proof, trust=simulated.trust)
        assert (verified.statement, verified.name, verified.signed) == (statement, one.name, simulated.clock.now)
    _check(simulated)


def test_a_signing_key_signs_once_and_its_certificate_serves_one_bundle(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    statement = simulated.generation(changed(a_py=(None, "1"))).statement()
    agent, other = simulated.who(Kind.AGENT), simulated.who(Kind.AGENT, "other")
    batch = simulated.issuer.sign([Request(agent, statement), Request(other, statement), Request(agent, statement)])
    verified = [verify(one.raw, certificate_proof=one.certificate_proof, trust=simulated.trust) for one in batch]
    assert [one.signer for one in verified] == [agent, other, agent]
    assert len({one.key_sha256 for one in verified}) == 3
    assert simulated.certificates.head.size == 3
    _check(simulated)


def test_the_store_holds_the_bundle_and_both_proofs_under_its_name(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    signed = simulated.sign_change(changed(a_py=(None, "1")))[0]
    assert simulated.store.blob(signed.name).data == signed.raw
    proofs = {blob.kind: blob.data for blob in simulated.store.blobs(of=signed.name)}
    assert proofs[BlobKind.CERTIFICATE_PROOF] == signed.certificate_proof
    portable = TlogProof.parse(proofs[BlobKind.LOG_PROOF])
    assert portable.verify(leaf_hash(Bundle.parse(signed.raw).entry.body), simulated.trust.log).size == 1


def test_commitment_keys_lie_in_the_store_and_not_in_the_bundle(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    key = bytes(range(32))
    made = simulated.generation(changed(a_py=(None, "1")), task=Commitment.of("fix", key))
    signed = simulated.issuer.sign([Request(made.agent, made.statement(), (("task", key),))])[0]
    assert [row for row in simulated.store.rows if isinstance(row, CommitmentKey)] == [
        CommitmentKey(signed.name, "task", key)
    ]
    assert key not in signed.raw
    assert key.hex().encode() not in signed.raw


def test_a_store_that_refuses_leaves_nothing_behind(
    simulated: SimulatedAuthority, changed: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = simulated.generation(changed(a_py=(None, "1"))).statement()

    def refuse(batch: object) -> None:
        raise StoreFailed("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(simulated.store, "commit", refuse)
        with pytest.raises(StoreFailed):
            simulated.sign(simulated.who(Kind.AGENT), statement)
    assert (simulated.log.head.size, simulated.store.rows) == (0, [])
    assert simulated.sign(simulated.who(Kind.AGENT), statement)[0].log_index == 0
    _check(simulated)


def test_a_session_says_how_long_the_log_is_and_numbers_what_is_composed_in_it(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    simulated.sign_change(changed(a_py=(None, "1")))
    with simulated.issuer.session() as size:
        assert size == 1
        assert simulated.sign_change(changed(a_py=(None, "2")))[0].log_index == size


def test_time_stands_in_the_bundle_in_whole_seconds(simulated: SimulatedAuthority, changed: Changed) -> None:
    simulated.clock.step(seconds=1, microseconds=999_999)
    signed = simulated.sign_change(changed(a_py=(None, "1")))[0]
    assert signed.signed == simulated.clock.now.replace(microsecond=0)
    assert verify(signed.raw, certificate_proof=signed.certificate_proof, trust=simulated.trust).signed == signed.signed


# --- index rows -------------------------------------------------------------------------------------


def _rows(simulated: SimulatedAuthority, statement: Statement) -> list[IndexRow]:
    return index_rows(
        "log.example",
        7,
        bundle="b" * 64,
        signer=simulated.who(Kind.AGENT),
        signed=simulated.clock.now + timedelta(milliseconds=5),
        statement=statement,
    )


def _labels(rows: list[IndexRow]) -> list[tuple[str, str]]:
    return [(row.name, row.value) for row in rows if isinstance(row, EntryLabel)]


def test_a_generation_is_found_by_its_paths_models_session_change_and_tags(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    change = changed(a_py=(None, "1"), b_py=("1", None))
    models = (
        Model("lab", "asked", "answered", None, ModelSource.WIRE),
        Model(None, "asked", None, None, ModelSource.DECLARED),
    )
    statement = simulated.generation(change, models=models, tags=("@secure",)).statement()
    rows = _rows(simulated, statement)
    entry = next(row for row in rows if isinstance(row, EntryIndex))
    assert (entry.index, entry.identity, entry.bundle_sha256) == (7, "spiffe://forge.example/agent/builder", "b" * 64)
    assert entry.time_ms % 1000 == 5
    found = [(row.path, row.sha256_before, row.sha256_after) for row in rows if isinstance(row, EntryPath)]
    one = change.transitions[0].after.sha256
    assert found == [("a.py", None, one), ("b.py", one, None)]
    assert _labels(rows) == [
        ("change", change.sha256()),
        ("model", "answered"),
        ("model", "asked"),
        ("repository", "repository-1"),
        ("session", "session-1"),
        ("statement", dsse.name_of(statement.encode())),
        ("tag", "@secure"),
    ]


def test_a_claim_is_found_by_its_paths_repository_and_change(simulated: SimulatedAuthority, changed: Changed) -> None:
    signed = simulated.claim(changed(a_py=(None, "1")))
    statement = Statement.parse(Bundle.parse(signed.raw).envelope.payload)
    rows = _rows(simulated, statement)
    assert [row.path for row in rows if isinstance(row, EntryPath)] == ["a.py"]
    assert {name for name, _ in _labels(rows)} == {"change", "repository", "statement"}


def test_a_verdict_is_found_by_its_landing_tree_its_outcome_and_what_it_used_up(simulated: SimulatedAuthority) -> None:
    used = ("1" * 64, "2" * 64)
    binding = Binding("repository-1", "refs/heads/main", "7" * 40, "8" * 40, "f" * 40, "0" * 64, "merge", used)
    gate = simulated.who(Kind.GATE, "ci")
    verdict = Verdict(gate, "1", simulated.clock.now, Outcome.FAILED, 10, 3, ("x",), "0" * 64, (), binding)
    rows = _rows(simulated, verdict.statement())
    found = [("landing-tree", "f" * 40), ("outcome", "FAILED"), ("repository", "repository-1")]
    assert _labels(rows) == [*(("consumed", name) for name in used), *found]


def test_an_approval_is_found_by_the_two_commits_it_names(simulated: SimulatedAuthority) -> None:
    person = simulated.who(Kind.PERSON, "p1")
    approval = Approval(person, "repository-1", "refs/heads/main", "7" * 40, "8" * 40, "0" * 64)
    rows = _rows(simulated, approval.statement())
    assert _labels(rows) == [("commit", "7" * 40), ("commit", "8" * 40), ("repository", "repository-1")]


def _asked(agent: Identity, person: Identity, now: datetime) -> WaiverRequest:
    return WaiverRequest("repository-1", "a.bin", None, Mode.FILE, "0" * 64, agent, person, "why", 1, None, now, 1)


def test_a_waiver_is_found_by_its_path_and_its_later_statements_by_its_name(simulated: SimulatedAuthority) -> None:
    person, agent, now = simulated.who(Kind.PERSON, "p1"), simulated.who(Kind.AGENT), simulated.clock.now
    asked = _asked(agent, person, now).statement()
    name = dsse.name_of(asked.encode())
    rows = _rows(simulated, asked)
    assert [(row.path, row.sha256_after) for row in rows if isinstance(row, EntryPath)] == [("a.bin", "0" * 64)]
    assert _labels(rows) == [("repository", "repository-1"), ("waiver", name)]
    for later in (WaiverApproval(name, person).statement(), WaiverRevocation(name, person, "x").statement()):
        assert _labels(_rows(simulated, later)) == [("waiver", name)]


@pytest.mark.parametrize(
    "kind",
    [
        "generation",
        "claim",
        "verdict",
        "approval",
        "waiver-request",
        "waiver-approval",
        "waiver-revocation",
        "other",
    ],
)
def test_what_another_tool_signed_is_found_by_its_signer_only(
    kind: str, simulated: SimulatedAuthority, changed: Changed
) -> None:
    types = {
        "generation": "https://slsa.dev/provenance/v1",
        "claim": "https://countermark.dev/claim/v1",
        "verdict": "https://slsa.dev/verification_summary/v1",
        "other": "https://example.com/other/v1",
    }
    predicate_type = types.get(kind, f"https://countermark.dev/{kind}/v1")
    statement = Statement((Subject("a", {"sha256": "0"}),), predicate_type, {"buildDefinition": {}})
    assert [type(row) for row in _rows(simulated, statement)] == [EntryIndex]


def test_a_text_that_no_store_can_hold_is_refused_before_anything_is_logged(
    simulated: SimulatedAuthority, changed: Changed
) -> None:
    made = simulated.generation(changed(a_py=(None, "1")), tags=("a\0b",))
    with pytest.raises(Malformed):
        simulated.sign(made.agent, made.statement())
    assert simulated.log.head.size == 0
