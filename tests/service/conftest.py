"""A desk: a real checkout with a real ledger, set up once, copied for each test, and every command in this process."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from countermark_ledger import canonical
from countermark_ledger.bundle import Bundle
from countermark_ledger.canonical import Json
from countermark_ledger.log.check import check_log
from countermark_ledger.predicates.generation import Generation
from countermark_ledger.statement import Statement
from countermark_service import embedded, home
from countermark_service.cli import main
from countermark_service.store.query import Query

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


# --- a platform's API -------------------------------------------------------------------------------


@dataclass
class Platform:
    """The comments of GitHub and GitLab on this machine, at the process edge: what is asked for is kept."""

    address: str = ""
    me: str = "github-actions[bot]"
    comments: list[dict[str, Json]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    status: int | None = None
    raw: bytes | None = None

    def say(self, author: str, body: str) -> None:
        named: dict[str, Json] = {"user": {"login": author}, "author": {"username": author}}
        self.comments.append({"id": len(self.comments) + 1, "body": body, **named})

    @property
    def bodies(self) -> list[Json]:
        return [comment["body"] for comment in self.comments]

    @property
    def verbs(self) -> list[str]:
        return [verb for verb, _, _ in self.asked]

    def github(self, number: int, folder: Path) -> dict[str, str]:
        """What a job of a pull request finds in its environment."""
        event = folder / "event.json"
        repository = {"full_name": "octo/shop"}
        ends = {"base": {"ref": "main", "repo": repository}, "head": {"sha": "a" * 40, "repo": repository}}
        event.write_text(json.dumps({"pull_request": {"number": number, **ends}}))
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_API_URL": self.address,
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_TOKEN": "t0ken",
        }

    def answer(self, verb: str, path: str, body: bytes) -> Json:
        place, _, query = path.partition("?")
        match verb:
            case "GET" if place == "/user":
                return {"username": self.me}
            case "GET":
                page, size = (int(parse_qs(query)[name][0]) for name in ("page", "per_page"))
                return list(self.comments[(page - 1) * size : page * size])
            case "POST":
                self.say(self.me, json.loads(body)["body"])
                return self.comments[-1]
            case _:
                comment = self.comments[int(place.rpartition("/")[2]) - 1]
                comment["body"] = json.loads(body)["body"]
                return comment


@pytest.fixture
def platform() -> Iterator[Platform]:
    made = Platform()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            made.asked.append((self.command, self.path, dict(self.headers)))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = (
                made.raw if made.raw is not None else json.dumps(made.answer(self.command, self.path, body)).encode()
            )
            self.send_response(made.status or 200)
            if made.status in (301, 302, 307):
                self.send_header("Location", f"{made.address}/elsewhere")
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        do_GET = do_POST = do_PATCH = do_PUT = handle_one  # noqa: N815  # http.server names them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server names it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
