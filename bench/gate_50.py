"""A pull request of 50 files, whole processes: `gate` with a cold and a warm cache; git, tools and sigstore beside."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import landscape
import scenery

import countermark_policies
from countermark_service.checkout import Checkout

FILES, LANDINGS, BEHIND, CHANGED, SESSIONS = 1000, 300, 20, 50, 5
SLOW_RUNS, RUNS = 3, 7
RULES = "rules/semgrep/python/"
GIT, TOOLS, STOCK = "git diff --stat", "bandit, then semgrep, on the same files", "sigstore verify, 1 of the 50 files"
COLD, WARM, VERIFY, CI = "gate, cold cache", "gate, warm cache", "gate without scanners", "the same, from an export"
BARS = {WARM: 5.0, VERIFY: 0.5, CI: 0.5}
NOBODY_SCANS = """
import gc, sys
from countermark_scanners import registry
from countermark_scanners.report import ScannerReport
from countermark_scanners.result import ScanResult
from countermark_scanners.score import score
from countermark_service.__main__ import SELDOM, leave
from countermark_service.cli import deciding, main
ran = tuple(ScannerReport(name, "0", "0" * 64, {}, None) for name in registry.NAMES)
deciding.scan_landing = lambda *_: lambda *_: ScanResult(ran, (), (), (), (), score(()), None)
gc.set_threshold(SELDOM)
leave(main())
"""
STEPS = """
import sys, time
from countermark_service.cli import console, main
said = [("start", 0.0)]
console.Console.step = lambda _, text: said.append((text, time.perf_counter()))
main(sys.argv[1:])
said.append(("", time.perf_counter()))
for (text, begun), (_, ended) in zip(said[1:], said[2:]):
    if text:
        print(f"{text:<54} {(ended - begun) * 1000:6.0f} ms", file=sys.stderr)
"""


def measure() -> Iterator[str]:
    """Let five sessions of an agent change ten files each, and ask; then once more on a ledger with a past."""
    with scenery.repository() as root:
        landscape.history(FILES, LANDINGS)
        scenery.git("checkout", "-q", "-B", "work", f"main~{BEHIND}")
        numbers = _change(root.parent)
        scenery.countermark("log", "export", "../evidence")
        commands = _commands(root.parent, numbers)
        yield f"({FILES} modules, {LANDINGS} landings, {BEHIND} since the branch; the ledger has this change alone)"
        figures = scenery.side_by_side({name: commands[name] for name in (TOOLS, COLD)}, SLOW_RUNS)
        figures |= scenery.side_by_side({name: argv for name, argv in commands.items() if name not in figures}, RUNS)
        yield from (_line(name, figures[name]) for name in commands)
        yield from (f"  {line}" for line in _steps())
        landscape.account(FILES, LANDINGS)
        scenery.countermark("log", "export", "../evidence")
        yield "(and now a statement and a verdict for each of those landings)"
        figures = scenery.side_by_side({name: commands[name] for name in BARS}, RUNS)
        yield from (_line(name, figures[name]) for name in BARS)


def _change(place: Path) -> list[int]:
    """Record what each session changes, in modules that nobody else touched since the branch began."""
    numbers = [number * 15 for number in range(CHANGED)]
    each = CHANGED // SESSIONS
    for session in range(SESSIONS):
        source = place / f"session{session}"
        for number in numbers[session * each : (session + 1) * each]:
            file = source / landscape.path(number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(landscape.module(number, LANDINGS))
        words = ("--commit", f"session {session}", "--", "cp", "-r", f"{source}/.", ".")
        scenery.countermark("record", "--agent", "coder", *words)
    return numbers


def _commands(place: Path, numbers: list[int]) -> dict[str, list[str]]:
    python, beside = sys.executable, Path(sys.executable).parent
    home = Checkout.find(Path.cwd()).home()
    gate = ["gate", "--head", "work", "--record", "never"]
    whole, nobody = [python, "-I", "-m", "countermark_service", *gate], [python, "-I", "-c", NOBODY_SCANS, *gate]
    config = home.config()
    pins = ("--repository-id", config.repository_id, "--trust-root", config.trust_root)
    ci = [*nobody, *pins, "--protected-ref", config.protected_ref, "--bundles", str(place / "evidence")]
    return {
        GIT: ["git", "diff", "--stat", "main...work"],
        TOOLS: ["sh", "-c", _tools(place, beside, numbers)],
        **_stock(place, beside),
        COLD: ["sh", "-c", f'rm -rf {home.path}/scan-cache && exec "$@"', "sh", *whole],
        WARM: whole,
        VERIFY: nobody,
        CI: ["env", f"XDG_DATA_HOME={place}/nowhere", *ci],
    }


def _tools(place: Path, beside: Path, numbers: list[int]) -> str:
    """Spell how somebody would scan these files by hand: our rules, the tools' own command lines."""
    rules = place / "rules"
    rules.mkdir()
    for name in countermark_policies.names(RULES):
        (rules / Path(name).name).write_bytes(countermark_policies.read(name))
    files = " ".join(landscape.path(number) for number in numbers)
    quiet = f"SSL_CERT_FILE={_certificates()} {beside}/semgrep scan --quiet --metrics=off --disable-version-check"
    return f"{beside}/bandit --quiet --exit-zero {files} && {quiet} --config {rules} {files}"


def _certificates() -> str:
    import certifi  # noqa: PLC0415  # the scanners' extra, as semgrep is

    return certifi.where()


def _stock(place: Path, beside: Path) -> dict[str, list[str]]:
    """Verify one of the files with the stock client, which takes one at a time."""
    if shutil.which("sigstore", path=str(beside)) is None:
        return {}
    agent = scenery.countermark("agent", "list").split()[0]
    issuer = f"https://authority.{agent.split('/')[2]}"
    name = scenery.git("log", "-1", "--format=%(trailers:key=Countermark-Statement,valueonly)", "work").strip()
    files = scenery.git("diff", "--name-only", "work~1", "work").split()
    argv = [str(beside / "sigstore"), "--trust-config", str(place / "evidence" / "client-trust-config.json")]
    argv += ["verify", "identity", "--offline", "--bundle", f"{place}/evidence/{name[:2]}/{name}.sigstore.json"]
    return {STOCK: [*argv, "--cert-identity", agent, "--cert-oidc-issuer", issuer, files[0]]}


def _steps() -> Iterator[str]:
    """Say where the time of one warm run goes."""
    argv = [sys.executable, "-I", "-c", STEPS, "gate", "--head", "work", "--record", "never"]
    yield from subprocess.run(argv, check=True, capture_output=True, text=True).stderr.splitlines()


def _line(name: str, figures: tuple[float, float, float]) -> str:
    bar = f"   bar {BARS[name]} s" if name in BARS else ""
    return f"{name:<40} wall {figures[0]:6.2f} s   CPU {figures[1]:6.2f} s{bar}"
