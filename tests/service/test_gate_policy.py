"""Policies: parsed strictly, because a misspelt field that is ignored is a policy that does not hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

import countermark_policies
from countermark_ledger.canonical import Json
from countermark_ledger.errors import Malformed
from countermark_ledger.predicates.generation import Evidence
from countermark_service.gate.policy import DEFAULTS, Mode, Policy, SplitView

PERSON = "spiffe://example.com/person/p1"
AGENT = "spiffe://example.com/agent/a"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGu9CZ6WY3Q7pT9Dq0uQxLq3Cc5pEw5mO0ZyyyV5n3wM"
BOTS_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"


def template() -> dict[str, Json]:
    value = json.loads(countermark_policies.read("gate/default.json"))
    assert isinstance(value, dict)
    return value


def parse(value: object) -> Policy:
    return Policy.parse(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("name", "mode", "minimum", "split_view"),
    [
        ("observe", Mode.OBSERVE, Evidence.ASSERTED, SplitView.REPORT),
        ("default", Mode.ENFORCE, Evidence.OBSERVED, SplitView.REPORT),
        ("strict", Mode.ENFORCE, Evidence.BOXED, SplitView.REFUSE),
    ],
)
def test_the_policies_that_ship_are_what_their_names_say(
    name: str, mode: Mode, minimum: Evidence, split_view: SplitView
) -> None:
    policy = Policy.parse(countermark_policies.read(f"gate/{name}.json"))
    assert (policy.mode, policy.minimum_evidence, policy.split_view) == (mode, minimum, split_view)
    assert policy.threshold == 85


def test_the_strict_policy_asks_for_everything_that_its_name_promises() -> None:
    policy = Policy.parse(countermark_policies.read("gate/strict.json"))
    assert (policy.minimum_coverage, policy.approvals, policy.witnesses, policy.waives_critical) == (100, 1, 1, False)
    assert (policy.max_age_days, policy.max_status_hours, policy.max_base_distance) == (90, 24, 200)
    easier = Policy.parse(countermark_policies.read("gate/default.json"))
    assert (easier.approvals, easier.witnesses, easier.max_age_days, easier.max_status_hours) == (0, 0, None, 168)


def test_white_space_and_order_are_free() -> None:
    value = template()
    backwards = json.dumps(dict(reversed(value.items())), indent=7)
    assert Policy.parse(backwards.encode()).json() == parse(value).json()


def test_what_a_policy_leaves_out_enforces() -> None:
    policy = parse({"version": 1})
    assert policy.json() == DEFAULTS
    assert (policy.mode, policy.minimum_evidence, policy.minimum_coverage) == (Mode.ENFORCE, Evidence.OBSERVED, 100)


def test_what_a_policy_spells_out_is_what_it_is() -> None:
    value = {
        **DEFAULTS,
        "models": ["m-1"],
        "images": ["sha256:" + "0" * 64],
        "people": [{"id": PERSON, "sshKeys": [KEY], "sigstore": [{"issuer": "https://i.example", "identity": "a@b"}]}],
        "bots": [{"id": AGENT, "author": "bot <b@example.com>", "sshKeys": [BOTS_KEY], "openpgpKeys": []}],
        "paths": [{"match": ["src/pay/*"], "evidence": "boxed", "agents": [AGENT], "approvals": 2, "threshold": 95}],
    }
    policy = parse(value)
    assert policy.json() == value
    assert [entry.matches("src/pay/card.py") for entry in policy.overrides] == [True]
    assert [entry.matches("docs/card.py") for entry in policy.overrides] == [False]


A2 = "spiffe://example.com/agent/b"
OVERRIDES = [
    {"match": ["src/docs/*"], "evidence": "asserted", "agents": [A2], "approvals": 0, "threshold": 50},
    {"match": ["src/pay/*"], "evidence": "boxed", "agents": [], "models": ["m-2"], "approvals": 3, "threshold": 95},
    {"match": ["src/pay/docs/*"], "threshold": 60},
]


@pytest.mark.parametrize(
    ("path", "evidence", "agents", "models", "approvals", "threshold"),
    [
        pytest.param("app.py", "observed", {AGENT}, None, 1, 85, id="no-override"),
        pytest.param("src/docs/a.md", "asserted", {A2}, None, 0, 50, id="less"),
        pytest.param("src/pay/card.py", "boxed", set(), {"m-2"}, 3, 95, id="more"),
        pytest.param("src/pay/docs/card.md", "boxed", set(), {"m-2"}, 3, 60, id="the-last-decides-its-field"),
        pytest.param("SRC/docs/a.py", "observed", set(), None, 1, 85, id="less-for-another-spelling-is-no-less"),
        pytest.param("SRC/Pay/card.py", "boxed", set(), {"m-2"}, 3, 95, id="more-for-another-spelling-is-more"),
        pytest.param("src/docs", "observed", set(), None, 1, 85, id="a-link-in-the-place-of-a-folder-gains-nothing"),
        pytest.param("src", "boxed", set(), {"m-2"}, 3, 95, id="a-link-in-the-place-of-every-folder"),
    ],
)
def test_an_override_asks_for_less_of_nothing_but_what_it_spells(
    path: str, evidence: str, agents: set[str], models: set[str] | None, approvals: int, threshold: int
) -> None:
    policy = parse({**template(), "agents": [AGENT], "approvals": {"minimum": 1}, "paths": OVERRIDES})
    asked = policy.asked(path)
    assert (asked.minimum, asked.agents, asked.models, asked.images) == (evidence, agents, models, None)
    assert (policy.approvals_for(path), policy.threshold_for(path)) == (approvals, threshold)


def test_one_change_has_the_highest_threshold_of_its_files() -> None:
    policy = parse({**template(), "paths": OVERRIDES})
    assert policy.threshold_over(["src/docs/a.md"]) == 50
    assert policy.threshold_over(["src/docs/a.md", "app.py"]) == 85
    assert policy.threshold_over(["src/pay/card.py", "app.py"]) == 95
    assert policy.threshold_over([]) == 85


def edit(*path: str, to: Json) -> Callable[[dict[str, Json]], None]:
    def change(value: dict[str, Json]) -> None:
        place = value
        for key in path[:-1]:
            inner = place[key]
            assert isinstance(inner, dict)
            place = inner
        place[path[-1]] = to

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(edit("modee", to="enforce"), id="misspelt-field"),
        pytest.param(
            edit("people", to=[{"id": PERSON, "sshKeys": [KEY]}, {"id": f"{PERSON}x", "sshKeys": [KEY]}]),
            id="one-person-under-two-names-by-their-key",
        ),
        pytest.param(
            lambda value: value.update(
                people=[{"id": PERSON, "sshKeys": [KEY]}],
                bots=[{"id": AGENT, "author": "a", "sshKeys": [KEY], "openpgpKeys": []}],
            ),
            id="bot-with-its-owners-key",
        ),
        pytest.param(lambda value: value.pop("version"), id="no-version"),
        pytest.param(edit("coverage", to={"minimun": 1}), id="misspelt-field-of-a-section"),
        pytest.param(edit("coverage", to={"minimum": 0}), id="coverage-of-nothing"),
        pytest.param(edit("score", "rules", to={"ruff": "latest"}), id="rules-without-a-digest"),
        pytest.param(edit("score", "rules", to=[]), id="rules-as-a-list"),
        pytest.param(edit("waivers", to={"critical": 1}), id="one-for-true"),
        pytest.param(edit("paths", to=[{"match": ["*"], "evidense": "boxed"}]), id="misspelt-field-of-an-override"),
        pytest.param(edit("paths", to=[{"match": ["*"], "threshold": 0}]), id="override-that-never-bites"),
        pytest.param(
            edit("bots", to=[{"id": PERSON, "author": "a", "sshKeys": [], "openpgpKeys": []}]), id="bot-person"
        ),
        pytest.param(edit("people", to={}), id="people-as-an-object"),
        pytest.param(edit("people", to=["ann"]), id="person-as-a-string"),
        pytest.param(edit("score", to=[]), id="section-as-a-list"),
        pytest.param(edit("mode", to="off"), id="no-such-mode"),
        pytest.param(edit("version", to=2), id="newer-version"),
        pytest.param(edit("version", to=True), id="true-for-one"),
        pytest.param(edit("evidence", "minimum", to="trusted"), id="no-such-evidence"),
        pytest.param(edit("evidence", "maxBaseDistance", to=-1), id="negative-distance"),
        pytest.param(edit("score", "threshold", to=0), id="threshold-that-never-bites"),
        pytest.param(edit("score", "threshold", to=101), id="threshold-that-nobody-meets"),
        pytest.param(edit("protected", "people", to=0), id="no-people-for-protected-paths"),
        pytest.param(edit("protected", "people", to=2), id="more-people-than-there-are"),
        pytest.param(edit("agents", to=[PERSON]), id="person-among-agents"),
        pytest.param(edit("gates", to=[PERSON]), id="person-among-gates"),
        pytest.param(edit("people", to=[{"id": "spiffe://example.com/agent/a", "sshKeys": []}]), id="agent-as-person"),
        pytest.param(edit("people", to=[{"id": PERSON, "sshKeys": ["ssh-dss AAAA"]}]), id="weak-key"),
        pytest.param(edit("people", to=[{"id": PERSON, "sshKeys": [], "name": "Ann"}]), id="name-of-a-person"),
        pytest.param(
            edit("people", to=[{"id": PERSON, "sshKeys": []}, {"id": PERSON, "sshKeys": []}]), id="one-person-twice"
        ),
        pytest.param(edit("splitView", to="ignore"), id="no-such-split-view"),
        pytest.param(edit("mirror", to="../elsewhere"), id="mirror-outside"),
        pytest.param(edit("mirror", to="/evidence"), id="mirror-at-the-root"),
        pytest.param(edit("mirror", to=".git"), id="mirror-in-git"),
        pytest.param(edit("mirror", to="evidence/*"), id="mirror-as-a-pattern"),
        pytest.param(edit("mirror", to=""), id="mirror-nowhere"),
    ],
)
def test_a_policy_that_was_not_understood_is_refused(change: Callable[[dict[str, Json]], object]) -> None:
    value = template()
    change(value)
    with pytest.raises(Malformed):
        parse(value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (edit("coverage", to={"minimun": 1}), "coverage.minimun"),
        (edit("colour", to="red"), "colour"),
        (edit("agents", to=[f"{AGENT}2", AGENT]), "agents"),
        (edit("evidence", "maxAgeDays", to=36_501), "evidence.maxAgeDays"),
        (edit("status", to={"maxAgeHours": 876_001}), "status.maxAgeHours"),
        (edit("waivers", to={"maxDays": 36_501}), "waivers.maxDays"),
    ],
)
def test_a_refusal_names_the_field(change: Callable[[dict[str, Json]], object], named: str) -> None:
    value = template()
    change(value)
    with pytest.raises(Malformed, match=f"[ :]{re.escape(named)}( |$)"):
        parse(value)


def test_a_policy_knows_what_its_file_spells_out() -> None:
    given = parse({"version": 1, "score": {"threshold": 90}, "agents": None, "splitView": "report"}).given
    assert given == {"version", "score.threshold", "agents", "splitView"}


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'{"mode":"observe","mode":"enforce"}', b"\xff"])
def test_what_is_no_object_is_no_policy(raw: bytes) -> None:
    with pytest.raises(Malformed):
        Policy.parse(raw)


def test_the_mirror_is_a_protected_path_and_so_is_all_that_could_take_its_place() -> None:
    policy = parse({**template(), "mirror": "docs/evidence"})
    found = {
        path for path in ("docs/evidence", "docs/Evidence", "docs/evidence/x", "docs") if policy.is_protected(path)
    }
    assert found == {"docs/evidence", "docs/Evidence", "docs/evidence/x", "docs"}
    assert not policy.is_protected("docs/evidence.md")
    assert not parse(template()).is_protected("docs/evidence")


def test_agents_may_be_listed() -> None:
    value = template()
    value["agents"] = ["spiffe://example.com/agent/a"]
    assert parse(value).agents == {"spiffe://example.com/agent/a"}
