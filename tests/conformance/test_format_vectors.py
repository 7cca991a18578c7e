"""The vectors and schemas of docs/formats say what the program does: each verifies, validates, and is all there is."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from countermark_ledger.bundle import Bundle, content_name
from countermark_ledger.errors import LedgerError, Malformed
from countermark_ledger.predicates.approval import Approval
from countermark_ledger.predicates.claim import Claim
from countermark_ledger.predicates.enrolment import Enrolment
from countermark_ledger.predicates.generation import Generation
from countermark_ledger.predicates.policy_change import PolicyChange
from countermark_ledger.predicates.scan import Scan
from countermark_ledger.predicates.status import Status
from countermark_ledger.predicates.verdict import Verdict
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from countermark_ledger.statement import Statement
from countermark_ledger.trust import TrustRoot
from countermark_ledger.verifier import verify
from countermark_service.gate.policy import DEFAULTS, Policy

if TYPE_CHECKING:
    from conftest import SimulatedAuthority

    from countermark_ledger.node import Change

ROOT = Path(__file__).parents[2]
FORMATS = ROOT / "docs" / "formats"
VECTORS = {path.stem: json.loads(path.read_bytes()) for path in sorted((FORMATS / "vectors").glob("*.json"))}
TRUST = VECTORS.pop("trust-root")
READERS: dict[str, Any] = {
    "generation": Generation,
    "claim": Claim,
    "approval": Approval,
    "waiver-request": WaiverRequest,
    "waiver-approval": WaiverApproval,
    "waiver-revocation": WaiverRevocation,
    "policy-change": PolicyChange,
    "enrolment": Enrolment,
    "key-rotation": Enrolment,
    "scan": Scan,
    "status": Status,
    "verdict": Verdict,
}


@functools.cache
def schema(name: str) -> Draft202012Validator:
    value = json.loads((FORMATS / "schemas" / f"{name}.schema.json").read_bytes())
    Draft202012Validator.check_schema(value)
    return Draft202012Validator(value)


def schema_of(vector: str) -> Draft202012Validator:
    return schema("enrolment" if vector == "key-rotation" else vector)


@pytest.fixture(scope="module")
def trust() -> TrustRoot:
    return TrustRoot.parse((FORMATS / "vectors" / "trust-root.json").read_bytes())


def test_there_is_a_vector_and_a_schema_for_every_statement() -> None:
    assert set(VECTORS) == set(READERS)
    found = {path.name.removesuffix(".schema.json") for path in (FORMATS / "schemas").iterdir()}
    assert found == (set(READERS) - {"key-rotation"}) | {"bundle", "policy", "trust-root"}


@pytest.mark.parametrize("name", READERS)
def test_a_vector_verifies_and_says_what_it_says(name: str, trust: TrustRoot) -> None:
    vector = VECTORS[name]
    raw = vector["bundle"].encode()
    found = verify(raw, certificate_proof=vector["certificateProof"].encode(), trust=trust)
    assert (str(found.signer), found.log_index, found.name) == (vector["signer"], vector["logIndex"], content_name(raw))
    assert found.signed == datetime.strptime(vector["signed"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert json.loads(found.statement.encode()) == vector["statement"]
    assert READERS[name].parse(found.statement).statement() == found.statement


@pytest.mark.parametrize("name", READERS)
def test_a_vector_validates_against_its_schemas_and_no_other(name: str) -> None:
    schema("bundle").validate(json.loads(VECTORS[name]["bundle"]))
    schema_of(name).validate(VECTORS[name]["statement"])
    others = [other for other in READERS if READERS[other] is not READERS[name]]
    assert all(not schema_of(other).is_valid(VECTORS[name]["statement"]) for other in others)


def _without_or_with(value: Any) -> list[Any]:
    """Every object of a document once with a member more, and once for each member without it."""
    found = []
    if isinstance(value, dict):
        found += [{**value, "zz": 1}, *({k: v for k, v in value.items() if k != gone} for gone in value)]
        found += [{**value, key: other} for key in value for other in _without_or_with(value[key])]
    elif isinstance(value, list):
        found += [
            [*value[:at], other, *value[at + 1 :]] for at in range(len(value)) for other in _without_or_with(value[at])
        ]
    return found


@pytest.mark.parametrize("name", READERS)
def test_schema_and_program_refuse_the_same_fields(name: str) -> None:
    mutants = _without_or_with(VECTORS[name]["statement"])
    assert len(mutants) > 10
    for mutant in mutants:
        assert not schema_of(name).is_valid(mutant), mutant
        with pytest.raises(LedgerError):
            READERS[name].parse(Statement.parse(json.dumps(mutant, separators=(",", ":"), sort_keys=True).encode()))


def test_what_is_emitted_now_validates(simulated: SimulatedAuthority, changed: Callable[..., Change]) -> None:
    change = changed(a_py=(None, "1\n"), b_py=("1\n", None))
    emitted = {
        "generation": simulated.sign_change(change)[0],
        "claim": simulated.claim(change),
        "status": simulated.status(),
    }
    for name, signed in emitted.items():
        schema("bundle").validate(json.loads(signed.raw))
        schema(name).validate(json.loads(Bundle.parse(signed.raw).envelope.payload))
    schema("trust-root").validate(json.loads(simulated.trust.encode()))
    schema("trust-root").validate(TRUST)


@pytest.mark.parametrize("name", ["default", "observe", "strict"])
def test_the_policies_that_ship_validate_and_are_read(name: str) -> None:
    raw = (importlib.resources.files("countermark_policies") / "gate" / f"{name}.json").read_bytes()
    given = json.loads(raw)
    schema("policy").validate(given)
    assert Policy.parse(raw).json() == _laid_over(DEFAULTS, given)


def _laid_over(below: Any, given: Any) -> Any:
    """What a document says, and where it says nothing, what lies below it."""
    if not isinstance(below, dict) or not isinstance(given, dict):
        return given
    return {**below, **{name: _laid_over(below.get(name), value) for name, value in given.items()}}


AGENT, PERSON = "spiffe://example.com/agent/a", "spiffe://example.com/person/p"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGu9CZ6WY3Q7pT9Dq0uQxLq3Cc5pEw5mO0ZyyyV5n3wM"
BOTS_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
SPELLED_OUT = {
    **DEFAULTS,
    "$schema": "https://countermark.dev/schemas/policy.schema.json",
    "agents": [AGENT],
    "models": ["m-1"],
    "images": ["sha256:" + "0" * 64],
    "people": [{"id": PERSON, "sshKeys": [KEY], "sigstore": [{"issuer": "https://i.example", "identity": "a@b"}]}],
    "bots": [{"id": AGENT, "author": "bot <b@example.com>", "sshKeys": [BOTS_KEY], "openpgpKeys": []}],
    "gates": ["spiffe://example.com/gate/g"],
    "mirror": "evidence",
    "paths": [
        {
            "match": ["src/pay/*"],
            "evidence": "boxed",
            "agents": [AGENT],
            "models": ["m-1"],
            "images": [],
            "approvals": 2,
            "threshold": 95,
        }
    ],
}


def _read_by_program(policy: Any) -> bool:
    try:
        Policy.parse(json.dumps(policy).encode())
    except Malformed:
        return False
    return True


def test_schema_and_program_know_the_same_fields_of_a_policy() -> None:
    assert SPELLED_OUT.keys() == {*DEFAULTS, "$schema"} == schema("policy").schema["properties"].keys()
    schema("policy").validate(SPELLED_OUT)
    assert _read_by_program(SPELLED_OUT)
    mutants = _without_or_with(SPELLED_OUT)
    assert {schema("policy").is_valid(policy) for policy in mutants} == {True, False}
    for policy in mutants:
        assert schema("policy").is_valid(policy) == _read_by_program(policy), policy


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": True},
        {"version": 2},
        {"mode": "off"},
        {"$schema": 1},
        {"coverage": {"minimum": 0}},
        {"score": {"threshold": 101}},
        {"score": {"rules": {"ruff": "latest"}}},
        {"agents": [PERSON]},
        {"agents": [AGENT, AGENT]},
        {"bots": [{**SPELLED_OUT["bots"][0], "id": PERSON}]},
        {"gates": [PERSON]},
        {"witnesses": {"minimum": -1}},
        {"waivers": {"critical": 0}},
        {"mirror": 1},
        {"paths": [{"match": ["*"], "agents": None}]},
        {"paths": [{"match": "*"}]},
    ],
)
def test_a_policy_that_is_none_is_refused_by_schema_and_program(wrong: dict[str, Any]) -> None:
    policy = {**SPELLED_OUT, **wrong}
    assert not schema("policy").is_valid(policy)
    assert not _read_by_program(policy)


@pytest.mark.parametrize("name", READERS)
def test_the_pages_name_every_predicate_type_and_schema(name: str) -> None:
    page = (FORMATS / "statements.md").read_text()
    assert VECTORS[name]["statement"]["predicateType"] in page
    assert f"schemas/{'enrolment' if name == 'key-rotation' else name}.schema.json" in page


@pytest.mark.parametrize("page", ["bundle", "log", "collection", "trust-root", "statements", "policy"])
def test_links_on_the_pages_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (FORMATS / f"{page}.md").read_text())
    assert all((FORMATS / link).exists() for link in links if "://" not in link)


def test_the_vectors_can_be_made_anew(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "bench" / "format_vectors.py", tmp_path]
    subprocess.run(command, check=True)
    for name, vector in VECTORS.items():
        again = json.loads((tmp_path / f"{name}.json").read_bytes())
        assert again.keys() == vector.keys()
        assert again["statement"]["predicateType"] == vector["statement"]["predicateType"]
    TrustRoot.parse((tmp_path / "trust-root.json").read_bytes())
