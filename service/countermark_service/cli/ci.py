"""`countermark ci`: the gate in a pipeline. The platform says which change it is; the job's settings say what holds."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from countermark_scanners.finding import Severity
from countermark_service.ci import checkout, platforms
from countermark_service.ci.job import FORK_BUNDLE_REF, HELP, Job, Platform
from countermark_service.ci.pins import NO_PINS, Pins, branch_and_tip
from countermark_service.cli import deciding, pinning, reporting
from countermark_service.cli.console import Console
from countermark_service.exits import Exit, UsageError
from countermark_service.gate import speaking
from countermark_service.gate.limit import Limit
from countermark_service.gate.outputs import workflow_commands
from countermark_service.gate.outputs.registry import Output
from countermark_service.gate.outputs.setting import MAX_ANNOTATIONS, Setting
from countermark_service.gate.root import PINS_HINT
from countermark_service.gate.speaking.report import Report
from countermark_service.gate.stricter import Stricter
from countermark_service.sources import BUNDLE_REF

_SEVERITIES = {severity.word: severity for severity in Severity if severity > Severity.INFO}
_MOST_ANNOTATIONS = 50
_PLATFORMS_FILES = {"summary": "GITHUB_STEP_SUMMARY", "outputs": "GITHUB_OUTPUT"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `ci`."""
    parser.add_argument(
        "--platform",
        choices=[one.value for one in Platform],
        help="who runs the job (default: what the environment says)",
    )
    parser.add_argument(
        "--show",
        choices=("job", "refspecs", "fork"),
        help="decide nothing: print what the job is about, what git must fetch for it, or where a fork's evidence is",
    )
    for name, about in (("head", "the change"), ("tip", "what it lands on")):
        parser.add_argument(f"--{name}", metavar="REV", help=f"{about}; for a platform that does not say")
    parser.add_argument("--landed", action="store_true", help="the change has landed; for the same platforms")
    _configure_stricter(parser)
    parser.add_argument(
        "--annotations-max",
        type=int,
        default=MAX_ANNOTATIONS,
        metavar="N",
        help=f"at most so many annotations of each type (default: {MAX_ANNOTATIONS}, which GitHub shows)",
    )
    deciding.configure(parser)
    reporting.configure(parser)


def _configure_stricter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mode",
        choices=("policy", "enforce"),
        default="policy",
        help="as the policy says, or enforce it even if it only observes",
    )
    parser.add_argument(
        "--fail-on", choices=[*_SEVERITIES], help="refuse new findings from this severity up, whatever the score"
    )
    parser.add_argument(
        "--min-coverage", type=int, default=0, metavar="PERCENT", help="ask for more coverage than the policy does"
    )


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Ask the platform, then walk the gate's eight steps; the exit code is the decision's."""
    platform = Platform(args.platform) if args.platform else platforms.detect(os.environ)
    if args.show:
        return _show(args, platform, console)
    outputs, watch = [*reporting.outputs_of(args), *_own_files(platform)], Limit.of(args, console)
    how = reporting.Answering(
        watch,
        decide=lambda: _decide(args, platform, console, watch),
        speak=lambda report: speaking.speak(report, console),
        annotate=lambda report, setting: _annotate(report, setting, platform, console),
        annotations=_annotations(args),
    )
    return reporting.answer(outputs, args.repository, how)


def _decide(args: argparse.Namespace, platform: Platform, console: Console, watch: Limit) -> Report:
    job, pins = _job(args, platform), Pins.of(args, os.environ)
    pinned = _pinned(args, pins)
    branch = _branch(pins, pinned)
    job.check(branch)
    tip = pins.tip or checkout.protected_tip(args.repository, branch)
    pinned.protected_ref = f"refs/heads/{branch}:{tip}"
    checkout.check(args.repository, job, tip)
    asked = deciding.Asked(job.head, job.tip, job.landed, _stricter(args))
    return deciding.decide(pinned, asked, console, watch)


def _branch(pins: Pins, pinned: argparse.Namespace) -> str:
    """Return the pinned branch, or the one that `init` set up on this machine; say which pins a job lacks."""
    try:
        home = pinning.home_of(pinned)
    except UsageError as error:
        raise UsageError(f"{error.message}; {NO_PINS}", hint=PINS_HINT) from error
    if pins.branch is not None:
        return pins.branch
    if home is None:
        raise UsageError(NO_PINS, hint=PINS_HINT)
    return branch_and_tip(home.config().protected_ref)[0]


def _job(args: argparse.Namespace, platform: Platform) -> Job:
    """Ask the platform; options are for those that do not say which commit it is."""
    job = platforms.read(platform, os.environ)
    return job.told(args.head, args.tip, landed=args.landed)


def _pinned(args: argparse.Namespace, pins: Pins) -> argparse.Namespace:
    refs = args.bundle_ref or [BUNDLE_REF, FORK_BUNDLE_REF]
    return argparse.Namespace(**{**vars(args), **pins.options(), "bundle_ref": refs})


def _stricter(args: argparse.Namespace) -> Stricter:
    if not 0 <= args.min_coverage <= 100:  # noqa: PLR2004  # percent
        raise UsageError(f"--min-coverage {args.min_coverage}: expected 0 to 100", hint=HELP)
    fail_on = _SEVERITIES[args.fail_on] if args.fail_on else None
    return Stricter(args.mode == "enforce", fail_on, args.min_coverage)


def _annotations(args: argparse.Namespace) -> int:
    most: int = args.annotations_max
    if not 0 <= most <= _MOST_ANNOTATIONS:
        raise UsageError(f"--annotations-max {most}: expected 0 to {_MOST_ANNOTATIONS}", hint=HELP)
    return most


def _own_files(platform: Platform) -> Sequence[Output]:
    """Name the files by which GitHub's runner takes a summary and a step's outputs."""
    if platform is not Platform.GITHUB:
        return ()
    return [Output(name, Path(os.environ[var])) for name, var in _PLATFORMS_FILES.items() if os.environ.get(var)]


def _annotate(report: Report, setting: Setting, platform: Platform, console: Console) -> None:
    """Print GitHub's commands beside the data: its runner reads both streams."""
    if platform is Platform.GITHUB:
        for command in workflow_commands.commands(report, setting):
            console.say(command)


def _show(args: argparse.Namespace, platform: Platform, console: Console) -> Exit:
    job = _job(args, platform)
    if args.show == "job":
        console.document(job.json())
        return Exit.PASS
    lines = [job.head_repository or ""]
    if args.show == "refspecs":
        pins = Pins.of(args, os.environ)
        lines = job.refspecs(pins.branch or _branch(pins, _pinned(args, pins)))
    if console.json:
        console.document({args.show: [line for line in lines if line]})
    else:
        for line in lines:
            console.data(line)
    return Exit.PASS
