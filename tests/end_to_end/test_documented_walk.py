"""README.md and the guides, followed word for word: set up, record, share, decide in CI, check with other clients."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CI_GUIDE = (ROOT / "docs" / "guides" / "ci.md").read_text(encoding="utf-8")
STOCK_GUIDE = (ROOT / "docs" / "guides" / "stock-clients.md").read_text(encoding="utf-8")
CI_LINES = "/opt/countermark/.venv/bin/python -I -m countermark_service ci"
PYTHON = re.compile(r"(?:/opt|~)/countermark/\.venv/bin/python")


def block(page: str, begins: str) -> str:
    """Return the only `sh` block of a page that begins like this, for the interpreter that runs the test."""
    (found,) = [one for one in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if one.startswith(begins)]
    return PYTHON.sub(sys.executable, found)


@dataclass
class Reader:
    """Somebody who copies commands into a shell. `machine` is where their keys would be."""

    root: Path
    machine: Path

    def code(self, commands: str, **variables: str) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", "-euc", commands], cwd=self.root, env=self._environment(variables), capture_output=True, check=False
        )
        return done.returncode, done.stdout.decode() + done.stderr.decode()

    def must(self, commands: str, **variables: str) -> str:
        code, said = self.code(commands, **variables)
        assert code == 0, said
        return said

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {
            "HOME": str(self.machine),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_NAME": "Reader" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "reader@example.com" for who in ("AUTHOR", "COMMITTER")},
            **variables,
        }


@dataclass
class Walk:
    """A repository after the README's steps and the push, and a clone of it on a machine without keys."""

    reader: Reader
    ci: Reader
    pins: dict[str, str]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    place = tmp_path_factory.mktemp("walk")
    reader, ci = Reader(place / "own", place / "home"), Reader(place / "ci", place / "nobody")
    for folder in (reader.root, reader.machine, ci.machine):
        folder.mkdir()
    reader.must("git init -q -b main && echo '# Mine' > README.md && git add . && git commit -q -m First")
    reader.must(f"git init -q --bare -b main {place}/remote.git && git remote add origin {place}/remote.git")
    reader.must("countermark init")
    one_fast_scanner(reader.root / ".countermark" / "policy.json")
    said = reader.must(block(README, "export PATH"))
    assert "PASSED (0, accepted)" in said
    assert re.search(r"^1 my-agent observed .* # Hello$", said, re.MULTILINE)
    reader.must("git push -q origin --all")
    reader.must(block(README, "countermark bundles push"))
    pins = json.loads(reader.must("countermark init --json"))
    subprocess.run(["git", "clone", "-q", "-b", "try-countermark", place / "remote.git", ci.root], check=True)
    return Walk(
        reader,
        ci,
        {
            "COUNTERMARK_REPOSITORY_ID": pins["repositoryId"],
            "COUNTERMARK_TRUST_ROOT": pins["trustRoot"],
            "COUNTERMARK_PROTECTED_REF": pins["protectedRef"],
            "COUNTERMARK_BOOTSTRAP": pins["bootstrap"],
        },
    )


def one_fast_scanner(path: Path) -> None:
    """Let ruff scan alone: the others have tests of their own, and need seconds."""
    policy = json.loads(path.read_text())
    policy["score"] |= {"scanners": ["ruff"]}
    path.write_text(json.dumps(policy))


def test_ci_without_keys_gives_the_same_answer_from_what_was_pushed(walk: Walk) -> None:
    said = walk.ci.must(block(README, CI_LINES), **walk.pins)
    assert "PASSED (0, accepted)" in said
    assert "1 of 1 files accounted for" in said
    assert "PRELIMINARY" in said
    assert (walk.ci.root / "countermark.xml").read_text().startswith("<?xml")


def test_ci_that_fetched_no_evidence_can_not_tell_and_is_told_to_fetch_it(walk: Walk, tmp_path: Path) -> None:
    walk.ci.must(f"git clone -q -b try-countermark ../remote.git {tmp_path}/clone")
    fetch, gate = block(README, CI_LINES).split("\n", 1)
    clone = Reader(tmp_path / "clone", walk.ci.machine)
    said = clone.must(gate, **walk.pins)
    assert "INCONCLUSIVE (20" in said
    (hint,) = re.findall(r"^  hint:        (git fetch origin .*refs/countermark/bundles.*)$", said, re.MULTILINE)
    clone.must(hint)
    assert "PASSED (0, accepted)" in clone.must(gate, **walk.pins)
    assert fetch.endswith("| git fetch --no-tags --stdin origin")


def test_ci_without_its_pins_is_told_which_they_are(walk: Walk) -> None:
    code, said = walk.ci.code("countermark gate --protected-ref refs/remotes/origin/main")
    assert code == 2
    assert "hint: countermark init" in said


def test_the_first_policy_is_vouched_for_as_the_guide_says(walk: Walk) -> None:
    before = walk.ci.must("git checkout -q --detach origin/main && git rev-parse HEAD~1").strip()
    bootstrap = block(CI_GUIDE, "/opt/countermark").replace("refs/remotes/origin/main", f"refs/heads/main:{before}")
    said = walk.ci.must(bootstrap, **walk.pins)
    walk.ci.must("git checkout -q try-countermark")
    assert "2 of 2 files accounted for" in said
    code, said = walk.ci.code(bootstrap, **walk.pins | {"COUNTERMARK_BOOTSTRAP": f"sha256:{'0' * 64}"})
    assert (code, "--bootstrap" in said) == (12, True)


def test_our_own_verifier_accepts_the_export_and_refuses_another_file(walk: Walk) -> None:
    commands = block(README, "countermark log export")
    said = walk.reader.must(commands)
    assert "/agent/my-agent" in said
    code, _ = walk.reader.code(commands.replace(".json HELLO.md", ".json README.md"))
    assert code == 12


def test_the_stock_client_accepts_the_export_and_refuses_another_file(walk: Walk) -> None:
    commands = block(STOCK_GUIDE, "countermark log export") + block(STOCK_GUIDE, "sigstore")
    walk.reader.must(commands)
    code, _ = walk.reader.code(commands.replace('" HELLO.md', '" README.md'))
    assert code != 0


def test_the_status_is_renewed_and_shared_as_the_guide_says(walk: Walk) -> None:
    said = walk.reader.must(block(CI_GUIDE, "countermark status renew"))
    assert re.search(r"^status \d+, due for renewal by", said, re.MULTILINE)
    assert "pushed" in said
