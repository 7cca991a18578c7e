"""What a policy asks for that nobody can meet is said, field by field; a policy that can be met hears nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countermark_ledger.checkpoint import Witnesses
from countermark_ledger.note import Cosigner
from countermark_scanners import registry
from countermark_service.gate.advice import advise
from countermark_service.gate.explaining import SETTINGS, explain
from countermark_service.gate.policy import DEFAULTS, Policy
from countermark_service.gate.rules import RULES

if TYPE_CHECKING:
    from conftest import SimulatedAuthority

PEOPLE = [{"id": f"spiffe://example.com/person/p{n}", "sshKeys": []} for n in (1, 2)]
AGENT = "spiffe://example.com/agent/a"
MET = {"version": 1, "people": PEOPLE, "gates": ["spiffe://example.com/gate/g"]}
BOT = {"id": AGENT, "author": "bot <b@example.com>", "sshKeys": [], "openpgpKeys": []}
RULES_OF_RUFF = next(one for one in registry.DEFAULT if one.name == "ruff").rules_sha256()


def policy(**other: Any) -> Policy:
    return Policy.parse(json.dumps({**MET, **other}).encode())


def test_a_policy_that_can_be_met_hears_nothing() -> None:
    assert advise(policy(), None) == ()


@pytest.mark.parametrize(
    ("other", "field", "said"),
    [
        ({"mode": "observe"}, "mode", "exits 0"),
        ({"people": []}, "people", "nobody is named"),
        ({"approvals": {"minimum": 2}}, "approvals.minimum", "whoever had a hand in a change does not count"),
        ({"paths": [{"match": ["*"], "approvals": 3}]}, "approvals.minimum", "3 must approve, 2 are named"),
        ({"gates": []}, "gates", "no verdict counts"),
        ({"agents": []}, "agents", "no agent's work can land"),
        ({"models": []}, "models", "no agent's work can land"),
        ({"images": []}, "images", "no agent's work can land"),
        ({"bots": [BOT]}, "bots", "observed is asked for everywhere"),
        ({"score": {"scanners": ["ruff", "rough"]}}, "score.scanners", "there is no scanner rough"),
        ({"score": {"scanners": []}}, "score.scanners", "nothing can be scored"),
        ({"score": {"scanners": ["ruff"], "rules": {"bandit": "0" * 64}}}, "score.rules", "it does not run"),
        ({"score": {"rules": {"ruff": "0" * 64}}}, "score.rules", f"other rules for ruff: {RULES_OF_RUFF}"),
        ({"score": {"rules": {"source": "0" * 64}}}, "score.rules", "other rules for source"),
        ({"evidence": {"maxAgeDays": 0}}, "evidence.maxAgeDays", "nothing is ever young enough"),
        ({"status": {"maxAgeHours": 0}}, "status.maxAgeHours", "nothing is ever young enough"),
        ({"coverage": {"minimum": 99}}, "coverage.minimum", "can raise that share"),
        ({"paths": [{"match": [], "approvals": 1}]}, "paths", "no pattern changes nothing"),
        ({"paths": [{"match": ["src/*"]}]}, "paths", "src/* changes nothing"),
    ],
)
def test_what_nobody_can_meet_is_said(other: dict[str, Any], field: str, said: str) -> None:
    (advice,) = advise(policy(**other), None)
    assert advice.field == field
    assert said in advice.said
    assert advice.json() == {"field": field, "said": advice.said}


@pytest.mark.parametrize(
    "other",
    [
        {"score": {"rules": {"ruff": RULES_OF_RUFF}}},
        {"bots": [BOT], "evidence": {"minimum": "asserted"}},
        {"bots": [BOT], "paths": [{"match": ["docs/*"], "evidence": "asserted"}]},
        {"approvals": {"minimum": 1}},
        {"evidence": {"maxAgeDays": 1}, "agents": [AGENT]},
    ],
)
def test_what_can_be_met_is_not_warned_of(other: dict[str, Any]) -> None:
    assert advise(policy(**other), None) == ()


def test_what_only_the_trust_root_can_tell_is_told_where_it_is_known(simulated: SimulatedAuthority) -> None:
    strict = policy(splitView="refuse", witnesses={"minimum": 1})
    assert advise(strict, None) == ()
    assert [one.field for one in advise(strict, simulated.trust)] == ["witnesses.minimum", "splitView"]
    witness = Cosigner("witness.example", Ed25519PrivateKey.from_private_bytes(b"\x22" * 32))
    assert advise(strict, replace(simulated.trust, witnesses=Witnesses(1, (witness.verifier,)))) == ()


def dotted(fields: dict[str, Any]) -> set[str]:
    inner = {f"{name}.{key}" for name, value in fields.items() if isinstance(value, dict) for key in value}
    return inner | {name for name, value in fields.items() if not isinstance(value, dict)}


def test_every_field_of_a_policy_is_explained() -> None:
    explained = {name for one in (*SETTINGS, *RULES) for name in one.fields}
    overriding = {f"paths.{name}" for name in ("evidence", "agents", "models", "images", "approvals", "threshold")}
    assert explained == (dotted(DEFAULTS) - {"version", "paths"}) | overriding


def test_a_value_is_told_with_where_it_comes_from() -> None:
    entry = {"match": ["src/*"], "threshold": 95}
    explained = {one.id: one for one in explain(policy(score={"threshold": 90}, paths=[entry]))}
    assert [(value.field, value.value, value.given) for value in explained["score"].values] == [
        ("score.threshold", 90, True),
        ("paths.threshold", [entry], True),
    ]
    assert "src/*: 95" in explained["score"].asks
    (minimum, overrides) = explained["evidence-level"].values
    assert minimum.json() == {"field": "evidence.minimum", "value": "observed", "from": "default"}
    assert overrides.value == []
    assert [one.id for one in explained.values() if not one.refuses] == [one.id for one in SETTINGS]


@pytest.mark.parametrize(
    ("other", "rule", "said"),
    [
        ({"mode": "observe"}, "mode", "NOT ENFORCING"),
        ({"bots": [BOT]}, "bots", "bot <b@example.com> as spiffe://example.com/agent/a"),
        ({"mirror": "evidence"}, "mirror", "The submodule evidence holds"),
        ({"coverage": {"minimum": 80}}, "coverage", "80 %"),
        ({"agents": [AGENT]}, "agents", AGENT),
        ({"agents": []}, "agents", "answer for files: none"),
        ({"models": ["m-1"]}, "models", "m-1"),
        ({"images": ["i-1"], "paths": [{"match": ["a", "b"], "images": ["i-2"]}]}, "images", "for a, b: i-2"),
        ({"paths": [{"match": ["a"], "evidence": "boxed"}]}, "evidence-level", "for a: boxed"),
        ({"evidence": {"maxAgeDays": 30}}, "evidence-age", "30 days"),
        ({"protected": {"paths": ["deploy/*"]}}, "protected-paths", "deploy/*"),
        ({"score": {"rules": {"ruff": "1" * 64}}}, "scanner-rules", "ruff with 111111111111"),
        ({"score": {"inert": []}}, "inert-types", "these types: none"),
        ({"splitView": "refuse"}, "split-view", "must be tied"),
        ({"witnesses": {"minimum": 2}}, "witnesses", "2 different pinned witnesses"),
        ({"status": {"maxAgeHours": 24}}, "status-age", "24 hours"),
    ],
)
def test_an_explanation_has_the_values_in_force(other: dict[str, Any], rule: str, said: str) -> None:
    assert said in next(one.asks for one in explain(policy(**other)) if one.id == rule)
