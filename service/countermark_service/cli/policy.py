"""`countermark policy`: is a policy one, what does it ask for, and what would it say of facts that a gate saw?

Without a file it is the policy at the protected tip, where the gate reads it. A file is for trying one out: no gate
ever reads it from there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from countermark_ledger import canonical
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.errors import LedgerError, Malformed
from countermark_ledger.git import place
from countermark_ledger.git.reader import Repository
from countermark_ledger.trust import TrustRoot
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.exits import Exit, UsageError, first
from countermark_service.gate import showing
from countermark_service.gate.advice import Advice, advise
from countermark_service.gate.case import Case
from countermark_service.gate.explaining import Explained, explain
from countermark_service.gate.facts import Root
from countermark_service.gate.input import Input
from countermark_service.gate.policy import Mode, Policy
from countermark_service.gate.reason import Reason, exit_code
from countermark_service.gate.root import Pin, read_root
from countermark_service.gate.rules import judge

PATHS = "paths."
"""Fields of overrides, which are not told where no override gives one."""
MAX_POLICY = 1024 * 1024
TRY_HINT = "countermark policy check .countermark/policy.json"
SHOW_HINT = "countermark gate --show-input > input.json"


class Found(NamedTuple):
    """A policy, where it was read, and the trust root that it stands beside, where one is known."""

    policy: Policy
    where: str
    trust: TrustRoot | None


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `policy`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="validate a policy, and say what of it nobody can meet")
    check.add_argument("--input", type=Path, metavar="INPUT.json", help="judge what `gate --show-input` printed")
    told = actions.add_parser("explain", help="say in plain words what a policy asks for")
    for action in (check, told):
        action.add_argument("file", nargs="?", type=Path, metavar="FILE", help="default: the one at the protected tip")
        action.add_argument("--json", action="store_true", help="print data as one JSON document")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Check or explain."""
    found = _at_tip() if args.file is None else _in_file(args.file)
    return _explain(found, console) if args.action == "explain" else _check(found, args.input, console)


def _at_tip() -> Found:
    root = _root()
    return Found(root.policy, root.protected_ref, root.trust)


def _root() -> Root:
    """Read policy and trust root where the gate does, pinned by what `init` set up on this machine."""
    checkout = Checkout.find(Path.cwd())
    config = checkout.home().config()
    pin = Pin(config.repository_id, config.trust_root, config.protected_ref)
    with Repository.open(checkout.root) as repository:
        return read_root(repository, pin, head="")


def _in_file(path: Path) -> Found:
    try:
        policy = Policy.parse(_content(path, MAX_POLICY, TRY_HINT))
    except Malformed as error:
        raise UsageError(f"{path}: {error.message}", hint="countermark policy explain") from error
    trust: TrustRoot | None = None
    with suppress(LedgerError):  # no repository was set up here, so there is no trust root to ask
        trust = _root().trust
    return Found(policy, str(path), trust)


def _content(path: Path, limit: int, hint: str) -> bytes:
    content = place.read_regular(path, limit)
    if content is None:
        raise UsageError(f"{path}: expected a file, found none", hint=hint)
    return content


def _explain(found: Found, console: Console) -> Exit:
    explained, advice = explain(found.policy), advise(found.policy, found.trust)
    if console.json:
        about: list[Json] = [one.json() for one in explained]
        console.document({**_named(found, advice), "mode": found.policy.mode.value, "explained": about})
        return Exit.PASS
    console.data(f"policy {found.policy.sha256} ({safe(found.where)})")
    for one in explained:
        _tell(one, console)
    _warn(advice, console)
    return Exit.PASS


def _tell(one: Explained, console: Console) -> None:
    console.data()
    console.data(f"{console.style(one.id, 'bold')}  {one.title}")
    console.data(f"  {safe(one.asks)}")
    if one.refuses:
        console.data(f"  refuses when {one.refuses}")
    for value in [value for value in one.values if value.value != [] or not value.field.startswith(PATHS)]:
        origin = "" if value.given else " (default)"
        console.data(f"  {value.field} = {safe(canonical.dumps(value.value).decode())}{origin}")


def _check(found: Found, asked: Path | None, console: Console) -> Exit:
    advice = advise(found.policy, found.trust)
    if asked is None:
        if console.json:
            console.document(_named(found, advice))
            return Exit.PASS
        console.data(f"policy {found.policy.sha256} ({safe(found.where)}): every field is understood")
        _warn(advice, console)
        return Exit.PASS
    case = Case.of(found.policy, _input(asked))
    reasons = judge(case)
    code = exit_code(reasons, observing=found.policy.mode is Mode.OBSERVE)
    if console.json:
        judged = {**showing.document(case, reasons), "exitCode": code.value}
        console.document({**_named(found, advice), "judged": judged})
        return code
    _say_judged(case, reasons, console)
    _warn(advice, console)
    return code


def _input(path: Path) -> Input:
    try:
        return showing.read(canonical.loads(_content(path, canonical.MAX_BYTES, SHOW_HINT)))
    except Malformed as error:
        raise UsageError(f"{path}: {error.message}", hint=SHOW_HINT) from error


def _say_judged(case: Case, reasons: Sequence[Reason], console: Console) -> None:
    subject, code = case.input.subject, first(reason.code for reason in reasons)
    word = "PASSED" if code is Exit.PASS else "REFUSED"
    mode = "" if case.policy.mode is Mode.ENFORCE else ", NOT ENFORCING"
    console.data(f"{word} ({code.value}{mode})  {subject.head[:12]} -> {safe(subject.protected_ref)}")
    for reason in reasons:
        where = f"{safe(reason.path)}: " if reason.path else ""
        console.data(f"  {reason.rule or 'step'}: {where}{safe(reason.message)} [{reason.code.value}]")


def _warn(advice: Iterable[Advice], console: Console) -> None:
    for one in advice:
        console.say(f"warning: {one.field}: {safe(one.said)}")


def _named(found: Found, advice: Iterable[Advice]) -> dict[str, Json]:
    warnings: list[Json] = [one.json() for one in advice]
    return {"policy": safe(found.where), "policySha256": found.policy.sha256, "warnings": warnings}
