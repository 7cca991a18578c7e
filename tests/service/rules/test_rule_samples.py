"""Every rule has a sample that trips it and one that does not, and a sample trips no other rule.

A sample is laid over `base.json`, a policy and an input that pass: what it says stands in place of what is there.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

import countermark_policies
from countermark_ledger import testimony
from countermark_ledger.coverage import Landing
from countermark_ledger.errors import Malformed
from countermark_service.gate.case import Case
from countermark_service.gate.input import Input
from countermark_service.gate.policy import Policy
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules import RULES, judge

SAMPLES = "gate/samples/"
IDS = [rule.id for rule in RULES]
BASE = json.loads(countermark_policies.read(f"{SAMPLES}base.json"))


def laid_over(below: Any, given: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(given, dict):
        return given
    return {**below, **{name: laid_over(below.get(name), value) for name, value in given.items()}}


def case_of(half: dict[str, Any]) -> Case:
    policy = Policy.parse(json.dumps(laid_over(BASE["policy"], half["policy"])).encode())
    return Case.of(policy, Input.parse(laid_over(BASE["input"], half["input"])))


def judged(half: dict[str, Any]) -> tuple[Reason, ...]:
    return judge(case_of(half))


def sample(rule: str) -> dict[str, Any]:
    found = json.loads(countermark_policies.read(f"{SAMPLES}{rule}.json"))
    assert isinstance(found, dict)
    return found


def test_what_samples_are_laid_over_passes() -> None:
    assert judged({"policy": {}, "input": {}}) == ()


def test_there_is_a_sample_for_every_rule_and_for_nothing_else() -> None:
    assert countermark_policies.names(SAMPLES) == tuple(sorted(f"{SAMPLES}{name}.json" for name in [*IDS, "base"]))
    assert len(set(IDS)) == len(IDS) > 20


@pytest.mark.parametrize("rule", IDS)
def test_a_sample_trips_its_rule_and_no_other(rule: str) -> None:
    found = sample(rule)
    assert found.keys() == {"code", "trips", "passes"}
    reasons = judged(found["trips"])
    assert {(reason.rule, reason.code.value) for reason in reasons} == {(rule, found["code"])}
    assert all(reason.message and reason.hint for reason in reasons)


@pytest.mark.parametrize("rule", IDS)
def test_the_other_half_of_a_sample_trips_nothing_and_differs_in_policy_or_input_alone(rule: str) -> None:
    found = sample(rule)
    assert judged(found["passes"]) == ()
    halves = found["trips"], found["passes"]
    assert [half for half in ("policy", "input") if halves[0][half] == halves[1][half]] in (["policy"], ["input"])


@pytest.mark.parametrize("rule", IDS)
@pytest.mark.parametrize("half", ["trips", "passes"])
def test_an_input_reads_back_as_it_was_printed(rule: str, half: str) -> None:
    document = case_of(sample(rule)[half]).input.json()
    assert Input.parse(document).json() == document


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_a_rule_says_what_it_asks_for_and_what_trips_it(rule: Any) -> None:
    policy = case_of(sample(rule.id)["trips"]).policy
    assert rule.title[0].isupper()
    assert rule.explain(policy).endswith(".")
    assert rule.trips[-1] != "."
    assert rule.trips


def without_or_with(value: Any) -> list[Any]:
    """Every object of a document once with a member more, and once for each member without it."""
    found: list[Any] = []
    if isinstance(value, dict):
        found += [{**value, "zz": 1}, *({k: v for k, v in value.items() if k != gone} for gone in value)]
        found += [{**value, key: other} for key in value for other in without_or_with(value[key])]
    elif isinstance(value, list):
        for at, item in enumerate(value):
            found += [[*value[:at], other, *value[at + 1 :]] for other in without_or_with(item)]
    return found


def is_read(value: Any) -> bool:
    try:
        Input.parse(value)
    except Malformed:
        return False
    return True


def test_an_input_with_another_member_is_refused() -> None:
    mutants = without_or_with(BASE["input"])
    assert len(mutants) > 80
    others = [one for one in mutants if is_read(one)]
    named = [one["accounts"]["statements"] for one in others], [one["log"]["heads"] for one in others]
    history = [one["accounts"]["history"] for one in others]
    distinct = {json.dumps(found, sort_keys=True) for found in zip(*named, history, strict=True)}
    assert len(others) == len(distinct) == 7  # objects whose members are names: one more or one less is another input


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"version": 2}, id="newer-version"),
        pytest.param({"evaluatedOn": "2026-11-20T12:00:00+00:00"}, id="another-spelling-of-a-time"),
        pytest.param({"failures": [{"code": 0, "message": "", "path": None, "hint": None}]}, id="failure-that-passes"),
        pytest.param({"failures": [{"code": 3, "message": "", "path": None, "hint": None}]}, id="no-such-code"),
        pytest.param({"failures": [{"code": True, "message": "", "path": None, "hint": None}]}, id="true-for-one"),
        pytest.param({"accounts": {"statements": []}}, id="statements-as-a-list"),
        pytest.param({"accounts": {"files": [*BASE["input"]["accounts"]["files"]] * 2}}, id="one-file-twice"),
        pytest.param({"scan": {"score": 99}}, id="score-that-the-findings-do-not-give"),
        pytest.param({"log": {"heads": []}}, id="heads-as-a-list"),
        pytest.param({"status": {"number": "5"}}, id="string-for-a-number"),
        pytest.param({"subject": {"protectedRef": {"base64": "bWFpbg=="}}}, id="base64-of-what-is-printable"),
        pytest.param({"subject": {"protectedRef": {"base64": "bWFpbg"}}}, id="base64-without-its-padding"),
    ],
)
def test_an_input_in_another_spelling_is_refused(wrong: dict[str, Any]) -> None:
    assert is_read(BASE["input"])
    assert not is_read(laid_over(BASE["input"], wrong))


def file(**other: object) -> dict[str, Any]:
    return {"accounts": {"files": [{**BASE["input"]["accounts"]["files"][0], **other}]}}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(file(before="100644"), id="node-without-a-digest"),
        pytest.param(file(before="040000 " + "0" * 64), id="node-of-a-folder"),
        pytest.param(file(after=BASE["input"]["accounts"]["files"][0]["before"]), id="transition-that-changes-nothing"),
        pytest.param(file(answered={"answer": "fine", "reason": "", "hint": ""}), id="no-such-answer"),
        pytest.param(file(refusals=[{"answer": "covered", "message": "", "hint": None}]), id="refusal-that-covers"),
    ],
)
def test_a_file_of_an_input_that_no_gate_saw_is_refused(wrong: dict[str, Any]) -> None:
    assert not is_read(laid_over(BASE["input"], wrong))


STILL = {"path": "b.py", "node": None, "merge": None, "passed": [{"behindTip": 1, "node": None}], "edges": []}
RICH = laid_over(
    laid_over(BASE["input"], sample("waivers")["trips"]["input"]),
    {
        "failures": [{"code": 20, "message": "a \x1b[2J", "path": None, "hint": "git fetch"}],
        "accounts": {
            "files": [
                {
                    **BASE["input"]["accounts"]["files"][0],
                    "answered": {"answer": "forged", "reason": "why", "hint": ""},
                    "merge": {"base": None, "head": None},
                    "refusals": [{"answer": "revoked", "message": "m", "hint": None}],
                    "unusable": [{"message": "m", "hint": None}],
                }
            ],
            "still": [STILL, {**STILL, "path": "c.py", "merge": {"base": None, "head": None}}],
        },
        "scan": {
            "score": 92,
            "findings": sample("score")["trips"]["input"]["scan"]["findings"],
            "gaps": [],
            "unknownTypes": [{"path": "b.bin", "type": "binary"}],
        },
    },
)
RICH["failures"][0]["message"] = {"base64": "YSAbWzJK"}
WRONG: list[Any] = [[], {}, None, True, -1, 1, 2**53, "x", "", {"base64": 1}, {"base64": "/w=="}]


def with_another_leaf(value: Any, wrong: Any) -> list[Any]:
    """Every document that has `wrong` in one place, whatever was there."""
    found: list[Any] = [wrong]
    if isinstance(value, dict):
        found += [{**value, key: other} for key in value for other in with_another_leaf(value[key], wrong)]
    elif isinstance(value, list):
        for at, item in enumerate(value):
            found += [[*value[:at], other, *value[at + 1 :]] for other in with_another_leaf(item, wrong)]
    return found


@pytest.mark.parametrize("wrong", WRONG, ids=json.dumps)
def test_whatever_stands_in_a_place_of_an_input_is_refused_or_judged(wrong: Any) -> None:
    policy = case_of({"policy": {}, "input": {}}).policy
    documents = with_another_leaf(RICH, wrong)
    accepted = [Input.parse(document) for document in documents if is_read(document)]
    assert len(accepted) < len(documents)
    assert all(judge(Case.of(policy, one)) for one in [Input.parse(RICH), *accepted])


def test_a_row_that_no_rule_thought_of_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    tripped = case_of(sample("coverage")["trips"])
    monkeypatch.setattr("countermark_service.gate.rules.RULES", ())
    assert [(reason.code.value, reason.rule, reason.path) for reason in judge(tripped)] == [(1, None, "src/b.py")]
    assert judge(case_of({"policy": {}, "input": {}})) == ()


def test_all_that_answers_rest_on_is_in_the_input() -> None:
    """A new field of these must be spelled by `gate.input.accounts`, or a reader would judge without it."""
    assert {field.name for field in fields(Landing)} == {
        "transitions",
        "refused",
        "positions",
        "trees",
        "passed",
        "at_base",
        "at_head",
        "answered",
        "still",
        "base",
    }
    assert {field.name for field in fields(testimony.Testimony)} == {
        "edges",
        "words",
        "refusals",
        "unusable",
        "consumed",
        "parts",
    }
    assert testimony.Word._fields == ("level", "models", "image", "operator", "signed")
