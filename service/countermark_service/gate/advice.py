"""Advice about a policy: what it asks for that nobody can ever meet, and what it asks for that means nothing.

Trust: a policy that only refuses is safe, so nothing here refuses it; people who land one should know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from countermark_ledger.canonical import Json
from countermark_ledger.predicates.generation import Evidence
from countermark_ledger.trust import TrustRoot
from countermark_scanners import registry, source
from countermark_scanners.scanner import Scanner
from countermark_service.gate.override import Override
from countermark_service.gate.policy import PERCENT, Mode, Policy, SplitView


class Advice(NamedTuple):
    """One piece: the field it is about, and what is the matter."""

    field: str
    said: str

    def json(self) -> Json:
        """Spell it."""
        return {"field": self.field, "said": self.said}


def advise(policy: Policy, trust: TrustRoot | None) -> tuple[Advice, ...]:
    """Look for what can't be met; `trust` None leaves out what only the trust root can tell."""
    found = [one for look in _LOOKS for one in look(policy)]
    return (*found, *(_about_witnesses(policy, trust) if trust else ()))


def _about_mode(policy: Policy) -> Iterator[Advice]:
    if policy.mode is Mode.OBSERVE:
        yield Advice("mode", "it only observes: whatever the gate finds, it exits 0")


def _about_people(policy: Policy) -> Iterator[Advice]:
    count = len(policy.people)
    if not count:
        yield Advice("people", "nobody is named, so no protected file can ever change, this policy neither")
    asked = max([policy.approvals, *(entry.approvals or 0 for entry in policy.overrides)])
    if asked and asked >= count:
        said = f"{asked} must approve, {count} are named, and whoever had a hand in a change does not count"
        yield Advice("approvals.minimum", said)


def _about_gates(policy: Policy) -> Iterator[Advice]:
    if not policy.gates:
        yield Advice("gates", "none is named, so no verdict counts and no statement is ever used up")


def _about_lists(policy: Policy) -> Iterator[Advice]:
    for name, allowed in (("agents", policy.agents), ("models", policy.models), ("images", policy.images)):
        if allowed is not None and not allowed:
            yield Advice(name, "the list is empty, so no agent's work can land; null allows every one")


def _about_bots(policy: Policy) -> Iterator[Advice]:
    levels = [policy.minimum_evidence, *(one.minimum_evidence for one in policy.overrides if one.minimum_evidence)]
    if policy.bots and Evidence.ASSERTED not in levels:
        yield Advice("bots", f"what bots commit is asserted, and {policy.minimum_evidence} is asked for everywhere")


def _about_scanners(policy: Policy) -> Iterator[Advice]:
    known = {scanner.name: scanner for scanner in registry.DEFAULT}
    for name in sorted(set(policy.scanners) - known.keys()):
        yield Advice("score.scanners", f"there is no scanner {name}: there are {', '.join(sorted(known))}")
    if not policy.scanners:
        yield Advice("score.scanners", "no scanner is named, and without one nothing can be scored")
    for name, pinned in policy.scanner_rules:
        yield from _about_pinned(name, pinned, policy, {**known, source.SCANNER.name: source.SCANNER})


def _about_pinned(name: str, pinned: str, policy: Policy, known: dict[str, Scanner]) -> Iterator[Advice]:
    if name not in {*policy.scanners, source.SCANNER.name}:
        yield Advice("score.rules", f"the rules of {name} are pinned, and it does not run")
    elif name in known and (found := known[name].rules_sha256()) != pinned:
        yield Advice("score.rules", f"this version of the gate has other rules for {name}: {found}")


def _about_ages(policy: Policy) -> Iterator[Advice]:
    ages = (("evidence.maxAgeDays", policy.max_age_days), ("status.maxAgeHours", policy.max_status_hours))
    for name, age in ages:
        if age == 0:
            yield Advice(name, "it is 0, so nothing is ever young enough")


def _about_coverage(policy: Policy) -> Iterator[Advice]:
    if policy.minimum_coverage < PERCENT:
        said = f"files that nobody answers for may land, as long as {policy.minimum_coverage} % are accounted for"
        yield Advice("coverage.minimum", f"{said}: whoever adds signed files can raise that share")


def _about_overrides(policy: Policy) -> Iterator[Advice]:
    for entry in policy.overrides:
        if not entry.match or entry == Override(entry.match):
            yield Advice("paths", f"the entry for {', '.join(entry.match) or 'no pattern'} changes nothing")


def _about_witnesses(policy: Policy, trust: TrustRoot) -> Iterator[Advice]:
    pinned, quorum = len(trust.witnesses.keys), trust.witnesses.quorum
    if policy.witnesses > pinned:
        yield Advice("witnesses.minimum", f"{policy.witnesses} must have seen the log, the trust root pins {pinned}")
    if policy.split_view is SplitView.REFUSE and not quorum:
        yield Advice("splitView", "the trust root asks for no witness, so a split view is never ruled out")


_LOOKS: tuple[Callable[[Policy], Iterator[Advice]], ...] = (
    _about_mode,
    _about_people,
    _about_gates,
    _about_lists,
    _about_bots,
    _about_scanners,
    _about_ages,
    _about_coverage,
    _about_overrides,
)
