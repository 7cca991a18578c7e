"""A desk: a real checkout with a real ledger, set up once, copied for each test, and every command in this process."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from countermark_ledger import canonical
from countermark_ledger.bundle import Bundle
from countermark_ledger.canonical import Json
from countermark_ledger.log.check import check_log
from countermark_ledger.predicates.generation import Generation
from countermark_ledger.statement import Statement
from countermark_service import embedded, home
from countermark_service.cli import main
from countermark_service.store.records import Query

REPOSITORY_ID = "desk-1"


def git(root: Path, *arguments: str, stdin: bytes | None = None) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape").strip("\n")


@dataclass
class Desk:
    root: Path
    data: Path
    capsys: pytest.CaptureFixture[str]

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        return git(self.root, *arguments, stdin=stdin)

    @property
    def home(self) -> home.Home:
        return home.Home(self.data / "countermark" / REPOSITORY_ID)

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        for path, content in files.items():
            place = self.root / path
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str = "change", **files: str | bytes | None) -> str:
        self.write({name.replace("__", "."): content for name, content in files.items()})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run a command; return its exit code and what it said on both streams."""
        self.capsys.readouterr()
        code = main(list(words))
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def must(self, *words: str) -> str:
        code, out, err = self.run(*words)
        assert code == 0, err
        return out

    def json(self, *words: str) -> Json:
        return json.loads(self.must(*words))

    def refused(self, code: int, *words: str) -> str:
        """Run a command that must end with this code; return what it said."""
        found, out, err = self.run(*words)
        assert found == code, (found, out, err)
        assert "internal error" not in err
        return err

    def record(self, script: str, *options: str, code: int = 0) -> tuple[dict[str, Json], str]:
        """Let the agent run a shell script; return the document and what was said beside it."""
        found, out, err = self.run("record", "--agent", "coder", "--json", *options, "--", "sh", "-c", script)
        assert found == code, err
        return json.loads(out.splitlines()[-1]), err

    def statements(self, predicate_type: str | None = None) -> list[Statement]:
        """Every statement in the ledger, in log order; the whole log is checked on the way."""
        with embedded.opened(self.home) as ledger:
            check_log(ledger.store, ledger.log.verifier)
            found = ledger.store.find(Query(ledger.log.origin, predicate_type=predicate_type))
            raws = [ledger.store.blob(entry.bundle_sha256).data for entry in found]
        return [Statement.parse(Bundle.parse(raw).envelope.payload) for raw in raws]

    def generations(self) -> list[Generation]:
        return [Generation.parse(one) for one in self.statements("https://slsa.dev/provenance/v1")]

    def rows(self) -> list[tuple[str, str, str]]:
        """What the newest generation accounts for: (path, mode before, mode after), "-" for absent."""
        transitions = self.generations()[-1].part.rows.transitions
        return [(t.path, t.before.mode if t.before else "-", t.after.mode if t.after else "-") for t in transitions]

    def config(self) -> dict[str, Json]:
        return canonical.loads((self.home.path / "config.json").read_bytes())

    def clone(self, place: Path, source: Path | None = None) -> Path:
        """Clone the checkout (or another repository) and let the clone share this desk's ledger."""
        git(self.root, "clone", "-q", "--no-local", str(source or self.root), str(place))
        for name, value in (("name", "Somebody"), ("email", "somebody@example.org")):
            git(place, "config", f"user.{name}", value)
        home.register_checkout(place / ".git", REPOSITORY_ID)
        return place


@pytest.fixture
def quiet_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of the machine's or of the developer's reaches git."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def empty_repository(root: Path) -> Path:
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Somebody")
    git(root, "config", "user.email", "somebody@example.org")
    return root


@pytest.fixture
def new_repository() -> Callable[[Path], Path]:
    return empty_repository


@pytest.fixture(scope="session")
def desk_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one file on `main`, set up, and with one agent, `coder`."""
    place = tmp_path_factory.mktemp("desk")
    root = empty_repository(place / "work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(place / "data"))
        patch.chdir(root)
        (root / "app.py").write_text("one\ntwo\n")
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "first")
        assert main(["init", "--repository-id", REPOSITORY_ID]) == 0
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "set up")
        assert main(["agent", "add", "coder"]) == 0
    return place


@pytest.fixture
def desk(
    desk_template: Path,
    tmp_path: Path,
    quiet_git: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Desk:
    for part in ("work", "data"):
        shutil.copytree(desk_template / part, tmp_path / part, symlinks=True)
    root = tmp_path / "work"
    (tmp_path / "data" / "countermark" / "checkouts.json").unlink()
    home.register_checkout(root / ".git", REPOSITORY_ID)
    monkeypatch.chdir(root)
    return Desk(root, tmp_path / "data", capsys)
