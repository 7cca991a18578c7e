"""Scanners: those that the policy asks for ran to the end, with the rules it pins, over every file they know.

Trust: "did not run" is never clean (20), and a file that nobody read is refused (10) unless people said otherwise.
"""

from __future__ import annotations

from countermark_scanners.language import UNKNOWN
from countermark_scanners.mutants.detection import STAGE as DETECTION
from countermark_scanners.result import DYNAMIC
from countermark_service.exits import Exit
from countermark_service.gate.case import Case
from countermark_service.gate.policy import POLICY_PATH, TRUST_ROOT_PATH, Policy
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules.rule import Rule
from countermark_service.gate.scanning import SUBMODULE
from countermark_service.gate.waiving import waived_files

SCAN_HINT = "countermark scan"
INERT_HINT = "have a person add the type to score.inert in .countermark/policy.json, if nothing executes it"
_OWN = {(POLICY_PATH, "json"), (TRUST_ROOT_PATH, "json")}
"""What the gate itself reads, strictly, and nothing executes: people answer for it. No scanner needs to know it.

The same goes for the submodule of evidence, for which the log answers (`mirror`), and for the file that names it.
"""
_MODULES = ".gitmodules"


def _scanners(case: Case) -> list[Reason]:
    scan = case.input.scan
    if scan is None:
        return []  # the step left a reason
    if scan.error is not None:
        return [Reason(Exit.INCONCLUSIVE, scan.error, None, SCAN_HINT)]
    missing = sorted(set(case.policy.scanners) - {one.scanner for one in scan.ran})
    return [Reason(Exit.INCONCLUSIVE, f"scanner {name}: it left no report", None, SCAN_HINT) for name in missing]


def _scanner_rules(case: Case) -> list[Reason]:
    scan = case.input.scan
    if scan is None:
        return []
    used = {one.scanner: one.rules_sha256 for one in scan.ran}
    said = [
        f"scanner {name}: the policy pins rules {pinned[:12]}, {_found(used.get(name))}"
        for name, pinned in case.policy.scanner_rules
        if used.get(name) != pinned
    ]
    hint = "countermark scan --json   and have a person compare the digests with score.rules"
    return [Reason(Exit.INCONCLUSIVE, message, None, hint) for message in said]


def _found(digest: str | None) -> str:
    return "it did not run" if digest is None else f"it ran with {digest[:12]}"


def _gaps(case: Case) -> list[Reason]:
    scan = case.input.scan
    if scan is None or scan.error is not None:
        return []
    waived = waived_files(case)
    left = [gap for gap in scan.gaps if gap.path not in waived]
    return [Reason(Exit.POLICY, f"not scanned: {gap.reason}", gap.path, SCAN_HINT) for gap in left]


def _inert(case: Case) -> list[Reason]:
    scan = case.input.scan
    if scan is None or scan.error is not None:
        return []
    waived, accepted = waived_files(case), {*_OWN, *_of_the_mirror(case.policy)}
    return [
        Reason(Exit.POLICY, f"no scanner knows this type of file: {kind}", path, INERT_HINT)
        for path, kind in scan.not_covered(accepted=case.policy.inert)
        if (path, kind) not in accepted and path not in waived
    ]


def _of_the_mirror(policy: Policy) -> set[tuple[str, str]]:
    return set() if policy.mirror is None else {(policy.mirror, SUBMODULE), (_MODULES, UNKNOWN)}


def _stages(case: Case) -> list[Reason]:
    scan, policy = case.input.scan, case.policy
    if scan is None or scan.error is not None:
        return []
    demanded = ((DYNAMIC, policy.dynamic is not None), (DETECTION, policy.minimum_detection > 0))
    missing = [name for name, wanted in demanded if wanted and name not in scan.stages]
    return [
        Reason(Exit.INCONCLUSIVE, f"{name}: the policy demands it, and it did not run", None, SCAN_HINT)
        for name in missing
    ]


def _explain_stages(policy: Policy) -> str:
    plan, share = policy.dynamic, policy.minimum_detection
    run = (
        "Nothing of a change is run."
        if plan is None
        else (f"`{' '.join(plan.command)}` is run in isolation, for at most {plan.budget_seconds} seconds.")
    )
    flaws = (
        "No flaws are injected."
        if not share
        else (f"Somebody must notice {share} % of injected flaws, tests within {policy.detection_seconds} seconds.")
    )
    return f"{run} {flaws}"


def _explain_scanners(policy: Policy) -> str:
    return f"These scanners must run to the end: {', '.join(policy.scanners)}."


def _explain_rules(policy: Policy) -> str:
    if not policy.scanner_rules:
        return "Scanners may run with whatever rules this version of the gate has."
    pinned = ", ".join(f"{name} with {digest[:12]}" for name, digest in policy.scanner_rules)
    return f"These scanners must have run with exactly these rules: {pinned}."


def _explain_gaps(_policy: Policy) -> str:
    return "Every changed file of a type that a scanner knows must have been read."


def _explain_inert(policy: Policy) -> str:
    accepted = ", ".join(policy.inert) or "none"
    return f"Changed files of a type that no scanner knows are refused, except these types: {accepted}."


RULES = (
    Rule(
        "scanners",
        "The scanners ran",
        ("score.scanners",),
        _explain_scanners,
        "one of them failed, ran out of time, or left no report",
        _scanners,
    ),
    Rule(
        "stages",
        "What goes beyond reading ran",
        ("dynamic", "detection.minimum", "detection.budgetSeconds"),
        _explain_stages,
        "the declared command could not be run in isolation to its end, or the injected flaws could not be judged",
        _stages,
    ),
    Rule(
        "scanner-rules",
        "The scanners' rules are the pinned ones",
        ("score.rules",),
        _explain_rules,
        "a pinned scanner ran with other rules, or did not run",
        _scanner_rules,
    ),
    Rule(
        "gaps",
        "Every file was read",
        (),
        _explain_gaps,
        "a scanner could not read a changed file, such as one that does not parse",
        _gaps,
    ),
    Rule(
        "inert-types",
        "Types of files are known",
        ("score.inert",),
        _explain_inert,
        "a changed file is of another type that no scanner knows",
        _inert,
    ),
)
