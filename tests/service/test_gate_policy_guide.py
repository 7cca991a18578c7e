"""The guide to policies says what policies and rules are: every block is one, and every rule has its example."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import countermark_policies
from countermark_service.gate.advice import advise
from countermark_service.gate.policy import Policy
from countermark_service.gate.rules import RULES

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "policy.md").read_text(encoding="utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]
PEOPLE = [{"id": f"spiffe://example.com/person/p{n}", "sshKeys": []} for n in (1, 2)]
MET = {"version": 1, "people": PEOPLE, "gates": ["spiffe://example.com/gate/g"]}


def parse(block: dict[str, Any]) -> Policy:
    return Policy.parse(json.dumps({**MET, **block}).encode())


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: next(iter(block)))
def test_a_block_of_the_guide_is_a_policy_that_can_be_met(block: dict[str, Any]) -> None:
    warned = {one.field for one in advise(parse(block), None)}
    assert warned <= {"coverage.minimum", "score.rules"}, "what it warns of itself, and a made-up digest"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_guide_names_every_rule_with_its_code_and_shows_its_fields(rule: Any) -> None:
    code = json.loads(countermark_policies.read(f"gate/samples/{rule.id}.json"))["code"]
    text = " ".join(GUIDE.split())
    named = re.search(rf"`{rule.id}`(?: and `[a-z-]+`|,)? ?\(?({code})\)", text)
    assert named, f"`{rule.id}` ({code})"
    given = {name for block in BLOCKS for name in parse(block).given}
    given |= {f"paths.{name}" for block in BLOCKS for entry in block.get("paths", ()) for name in entry}
    assert not rule.fields or given.intersection(rule.fields)


def test_the_guide_shows_an_example_of_every_field_that_is_about_refusing() -> None:
    given = {name for block in BLOCKS for name in parse(block).given}
    fields = {name for rule in RULES for name in rule.fields if not name.startswith("paths.")}
    assert fields - given == set()


def test_the_guide_says_what_strict_asks_for() -> None:
    strict = Policy.parse(countermark_policies.read("gate/strict.json"))
    assert f"no older than {strict.max_age_days} days" in GUIDE
    assert (strict.approvals, strict.witnesses, strict.max_status_hours) == (1, 1, 24)
