"""A scene: a real git repository, a real ledger, and the gate in this process, with scanners that see nothing.

The scanners are played by a port that answers "clean"; tests/scanners and the demo run the real ones.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countermark_ledger import canonical
from countermark_ledger.canonical import Json
from countermark_scanners import registry
from countermark_scanners.report import ScannerReport
from countermark_scanners.result import ScanResult
from countermark_scanners.score import score
from countermark_service.cli import main
from countermark_service.gate import decision, scanning, steps
from countermark_service.gate.case import Case
from countermark_service.gate.facts import Facts
from countermark_service.gate.input import Input
from countermark_service.gate.reason import Reason
from countermark_service.gate.rules import judge

RAN = tuple(ScannerReport(name, "0", "0" * 64, {}, None) for name in registry.NAMES)
CLEAN = ScanResult(RAN, (), (), (), (), score(()), None)


@dataclass
class Scene:
    """Drives git and the command line; every command's output lands in `capsys`."""

    root: Path
    capsys: pytest.CaptureFixture[str]

    def git(self, *arguments: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments], input=stdin, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        for path, content in files.items():
            place = self.root / path
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str = "change") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, start: str = "main") -> None:
        self.git("checkout", "-q", "-b", name, start)

    def run(self, *words: str) -> int:
        return main(list(words))

    def must(self, *words: str) -> str:
        self.capsys.readouterr()
        code = main(list(words))
        said = self.capsys.readouterr()
        assert code == 0, said.err
        return said.out

    def change(self, files: Mapping[str, str | bytes | None], *, agent: str = "coder") -> str:
        """Let an agent sign a change (as asserted), and commit it."""
        self.write(files)
        self.must("sign", "--agent", agent)
        return self.commit()

    def land(self, branch: str) -> None:
        """Merge a branch as a platform would."""
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch)

    def gate(self, *words: str, head: str = "HEAD") -> dict[str, Json]:
        """Run the gate and return what it says for programs; the exit code must be the one it names."""
        self.capsys.readouterr()
        code = main(["gate", "--head", head, "--json", *words])
        said = self.capsys.readouterr()
        assert said.out, said.err
        document: dict[str, Json] = json.loads(said.out)
        assert document["exitCode"] == code
        return document

    def code(self, *words: str, head: str = "HEAD") -> object:
        return self.gate(*words, head=head)["exitCode"]


@pytest.fixture(autouse=True)
def judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print and read back the input of every decision of every scene: a reader who judges it says the same."""

    def decide(facts: Facts) -> decision.Decision:
        decided = real(facts)
        printed = canonical.dumps(Input.of(facts).json())
        case = Case.of(facts.root.policy, Input.parse(canonical.loads(printed)))
        assert case.rows == facts.rows
        assert [_said(reason) for reason in judge(case)] == [_said(reason) for reason in decided.reasons]
        return decided

    real = decision.decide
    monkeypatch.setattr(steps, "decide", decide)


def _said(reason: Reason) -> tuple[object, ...]:
    return reason.rule, reason.code, reason.message, reason.path, reason.hint


@pytest.fixture
def clean_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put scanners that find nothing behind the gate's port."""
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", _clean_port)


def _clean_port(_progress: Callable[[str], None], *_cache: object) -> scanning.Scan:
    return lambda _repository, _change, _names: CLEAN


@pytest.fixture
def scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clean_scan: None
) -> Scene:
    """An enforcing repository with one landed file and one enrolled agent, on a branch of its own."""
    for name, value in {
        "XDG_DATA_HOME": str(tmp_path / "private"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Reader",
        "GIT_AUTHOR_EMAIL": "reader@example.com",
        "GIT_COMMITTER_NAME": "Reader",
        "GIT_COMMITTER_EMAIL": "reader@example.com",
    }.items():
        monkeypatch.setenv(name, value)
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    made = Scene(root, capsys)
    made.git("init", "-q", "-b", "main")
    made.write({"app.py": "one = 1\n"})
    made.commit("base")
    made.must("init", "--mode", "default")
    _allow_asserted(root)
    made.must("claim")
    made.commit("set up")
    made.must("agent", "add", "coder")
    made.branch("work")
    return made


def _allow_asserted(root: Path) -> None:
    """Let `sign` count, so that scenes need not run a command for every change."""
    path = root / ".countermark" / "policy.json"
    policy = json.loads(path.read_text())
    policy["evidence"]["minimum"] = "asserted"
    path.write_text(json.dumps(policy))


def ssh_key(place: Path) -> Path:
    """Make a key pair; return the path of its public half."""
    key = Ed25519PrivateKey.generate()
    openssh = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    place.write_bytes(key.private_bytes(*openssh))
    place.chmod(0o600)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    place.with_suffix(".pub").write_bytes(public + b"\n")
    return place.with_suffix(".pub")


def audit_kinds(scene: Scene, since: str) -> list[str]:
    """Audit what landed since a commit; give the kind of each landing, newest first."""
    scene.capsys.readouterr()
    scene.run("audit", "--json", "--since", since)
    return [row["kind"] for row in json.loads(scene.capsys.readouterr().out)["landings"]]
