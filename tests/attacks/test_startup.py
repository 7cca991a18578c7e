"""The start-up table, in a checkout that plants every shadow it can think of.

A planted file leaves its name behind and ends the process with 0. The documented line
`<venv outside of the checkout>/bin/python -I -m countermark_service gate ...` meets none of them; every other
start is refused where that is still possible, and shown to be unsafe where it is not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from countermark_service.cli import IN_HOSTILE_PLACES

SCRIPT = Path(sys.executable).parent / "countermark"
SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
LIBRARIES = ("json.py", "argparse.py", "re.py", "hashlib.py", "dataclasses.py", "subprocess.py", "rfc8785.py")
"""Shadows of what we import; a start that is refused must be refused before any of these runs."""
OURS = ("countermark_ledger/__init__.py", "countermark_service/__init__.py", "ledger/__init__.py", "service/cli.py")
BY_PYTHON = ("sitecustomize.py", "usercustomize.py", "conftest.py", f"{SITE}/sitecustomize.py", "__main__.py")
OTHERS = ("cryptography/__init__.py", "sqlalchemy/__init__.py", "bandit/__init__.py", "semgrep.py", "shtab.py")
EVERYTHING = (*LIBRARIES, *OURS, *BY_PYTHON, *OTHERS)
PTH = ("evil.pth", f"{SITE}/evil.pth")

HOSTILE: dict[str, str] = {
    "PYTHONPATH": ".",
    "PYTHONSTARTUP": "sitecustomize.py",
    "PYTHONUSERBASE": ".",
    "PYTHONPYCACHEPREFIX": ".",
    "PYTHONINSPECT": "1",
    "PYTHONWARNINGS": "error::conftest.Evil",
}
PIN = ("--repository-id", "r", "--trust-root", f"sha256:{'0' * 64}")
GATE = ("gate", *PIN, "--protected-ref", "refs/heads/main", "--record", "never")
NO_POLICY = "expected .countermark/policy.json at its tip, found none"
LINES = {
    "audit": (("audit", "refs/heads/main", *PIN), NO_POLICY),
    "ci": (("ci", *GATE[1:]), NO_POLICY),
    "comment": (("comment", "app.py"), "expected a pull or merge request, found none"),
    "gate": (GATE, NO_POLICY),
    "last-good": (("last-good", "refs/heads/main", *PIN), NO_POLICY),
    "verify": (("verify", "app.py"), "--trust-root: expected one"),
}
"""Every command for a hostile place: a line of it, and what it has to say of the checkout when it got to look at it."""


@dataclass
class Checkout:
    """A hostile checkout. `ran` names what it planted and somebody ran."""

    root: Path
    marker: Path

    def plant(self, *names: str) -> None:
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"import os\nopen({str(self.marker)!r}, 'a').write({name + ' '!r})\nos._exit(0)\n")

    def plant_pth(self) -> None:
        for name in PTH:
            (self.root / name).write_text(f"import os; open({str(self.marker)!r}, 'a').write('{name} ')\n")

    def git(self, *words: str) -> None:
        environ = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        done = self.start("git", *words, environ=environ)
        assert done.returncode == 0, done.stderr

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "commit", "-q", "-m", "change")

    @property
    def ran(self) -> list[str]:
        return self.marker.read_text().split() if self.marker.exists() else []

    def start(self, *argv: str | Path, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.root.parent), **(environ or {})}
        words = [str(word) for word in argv]
        return subprocess.run(
            words, cwd=self.root, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "checkout"
    root.mkdir()
    made = Checkout(root, tmp_path / "ran")
    (root / "app.py").write_text("one = 1\n")
    made.git("init", "-q", "-b", "main")
    made.commit()
    return made


def test_there_is_a_line_for_every_command_that_runs_in_hostile_places() -> None:
    assert set(LINES) == IN_HOSTILE_PLACES


@pytest.mark.parametrize("environ", [{}, HOSTILE], ids=["clean-environment", "hostile-environment"])
@pytest.mark.parametrize(
    ("module", "words", "says"),
    [
        *(pytest.param("countermark_service", *line, id=name) for name, line in LINES.items()),
        pytest.param("countermark_ledger", ("verify", "x", "--trust-root", "app.py"), "app.py: ", id="ledger-verify"),
    ],
)
def test_the_documented_line_runs_nothing_that_was_planted(
    checkout: Checkout, module: str, words: tuple[str, ...], says: str, environ: dict[str, str]
) -> None:
    checkout.plant(*EVERYTHING)
    checkout.plant_pth()
    done = checkout.start(sys.executable, "-I", "-m", module, *words, environ=environ)
    assert checkout.ran == []
    assert done.returncode == 2, done.stderr  # it went all the way to its own answer about this checkout
    assert says in done.stderr
    assert "start-up" not in done.stderr


def test_a_gate_that_scans_and_decides_runs_nothing_that_was_planted(checkout: Checkout, tmp_path: Path) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path / "data"), **HOSTILE}

    def start(*words: str) -> subprocess.CompletedProcess[str]:
        done = checkout.start(sys.executable, "-I", "-m", "countermark_service", *words, environ=environ)
        assert done.returncode == 0, done.stderr
        return done

    start("init")
    policy = checkout.root / ".countermark" / "policy.json"
    rules = json.loads(policy.read_text())
    rules["score"]["scanners"] = ["bandit"]
    policy.write_text(json.dumps(rules))
    checkout.commit()
    checkout.git("checkout", "-q", "-b", "work")
    checkout.plant(*EVERYTHING)
    checkout.plant_pth()
    (checkout.root / "flaw.py").write_text("eval(input())\n")
    start("claim")
    checkout.commit()
    said = json.loads(start("gate", "--record", "never", "--json").stdout)  # `init` observes, so it ends in 0
    assert said["coverage"]["rows"] == len(EVERYTHING) + len(PTH) + 1
    assert "flaw.py" in {finding["path"] for finding in said["findings"]}  # the scanner saw the whole checkout
    assert checkout.ran == []


REFUSED = [
    pytest.param([SCRIPT], {"PYTHONPATH": "."}, id="console-script-with-pythonpath"),
    pytest.param([SCRIPT], {"PYTHONPATH": "/nowhere"}, id="console-script-with-any-pythonpath"),
    pytest.param([SCRIPT], {"PYTHONUSERBASE": "."}, id="console-script-with-userbase"),
    pytest.param([sys.executable, "-m", "countermark_service"], {}, id="module"),
    pytest.param([sys.executable, "-E", "-m", "countermark_service"], {"PYTHONPATH": "."}, id="module-E"),
    pytest.param([sys.executable, "-s", "-m", "countermark_service"], {}, id="module-s"),
    pytest.param([sys.executable, "-P", "-m", "countermark_service"], {"PYTHONPATH": "."}, id="module-P-pythonpath"),
    pytest.param([sys.executable, "-m", "countermark_ledger"], {}, id="ledger-module"),
    pytest.param([sys.executable, "-P", "-m", "countermark_ledger"], {"PYTHONPATH": "."}, id="ledger-P-pythonpath"),
]


@pytest.mark.parametrize("words", [line for line, _ in LINES.values()], ids=LINES)
@pytest.mark.parametrize(("argv", "environ"), REFUSED)
def test_another_start_is_refused_with_the_documented_line(
    checkout: Checkout, argv: list[str | Path], environ: dict[str, str], words: tuple[str, ...]
) -> None:
    module = "countermark_ledger" if "countermark_ledger" in argv else "countermark_service"
    done = checkout.start(*argv, *words, environ=environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("countermark: start-up: ")
    assert done.stderr.endswith(f"hint: {sys.executable} -I -m {module} {words[0]} ...\n")


@pytest.mark.parametrize("argv", [[SCRIPT], [sys.executable, "-P", "-m", "countermark_service"]], ids=["script", "P"])
def test_a_refused_start_is_refused_before_a_planted_library_is_imported(
    checkout: Checkout, argv: list[str | Path]
) -> None:
    checkout.plant(*(name for name in LIBRARIES if name != "re.py"))  # pip's console scripts import `re` themselves
    done = checkout.start(*argv, *GATE, environ={"PYTHONPATH": "."})
    assert (checkout.ran, done.returncode) == ([], 2), done.stderr


@pytest.mark.parametrize(
    ("argv", "environ"),
    [
        pytest.param([SCRIPT], {"PYTHONPATH": "."}, id="console-script-with-pythonpath"),
        pytest.param([sys.executable, "-m", "countermark_service"], {}, id="module"),
        pytest.param([sys.executable, "-P", "-m", "countermark_service"], {"PYTHONPATH": "."}, id="module-P"),
    ],
)
def test_the_shadows_are_real_where_python_itself_lets_them_in(
    checkout: Checkout, argv: list[str | Path], environ: dict[str, str]
) -> None:
    """Why only one line is documented: here a planted package ends the gate with 0, and nothing of ours runs."""
    checkout.plant(*OURS)
    done = checkout.start(*argv, *GATE, environ=environ)
    assert (checkout.ran[-1:], done.returncode) == (["countermark_service/__init__.py"], 0)


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param([SCRIPT], id="console-script"),
        pytest.param([sys.executable, "-P", "-m", "countermark_service"], id="module-P"),
    ],
)
def test_at_home_in_a_normal_environment_the_console_script_works(
    checkout: Checkout, argv: list[str | Path], tmp_path: Path
) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONUNBUFFERED": "1", "PYTHON_VERSION": "3.13"}
    for words in (("init",), ("gate", "--help"), ("verify", "--help")):
        done = checkout.start(*argv, *words, environ=environ)
        assert done.returncode == 0, done.stderr
    absent = checkout.start(*argv, "verify", "absent", environ=environ)
    assert (absent.returncode, "start-up" in absent.stderr) == (2, False)


def test_commands_of_a_persons_own_checkout_start_from_anywhere(checkout: Checkout) -> None:
    done = checkout.start(sys.executable, "-m", "countermark_service", "status", "--help")
    assert done.returncode == 0, done.stderr
