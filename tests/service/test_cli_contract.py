"""What every command keeps: data on stdout, talk on stderr, one JSON document, help, colour, hints, exit codes."""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import countermark_service
from countermark_ledger import errors, startup
from countermark_scanners import registry
from countermark_scanners.report import ScannerReport
from countermark_scanners.result import ScanResult
from countermark_scanners.score import score
from countermark_service import cli
from countermark_service.cli import COMMANDS, console, deciding, main, manual, parsing, running
from countermark_service.exits import Exit

if TYPE_CHECKING:
    from conftest import Desk, Platform

ROOT = Path(countermark_service.__file__).parents[2]
SOURCES = sorted(
    path
    for name in ("ledger", "scanners", "agents", "service")
    for path in (ROOT / name).rglob("countermark_*/**/*.py")
)
ESCAPE = "\x1b"


# --- help -------------------------------------------------------------------------------------------


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as left:
        main([*words, "--help"])
    assert left.value.code == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def test_every_command_has_a_page_in_the_manual() -> None:
    assert list(manual.PAGES) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_its_help_has_all_that_a_page_has(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = help_of(capsys, name)
    assert manual.PAGES[name].description in said
    assert manual.EXIT_CODES in said
    assert "--json" in said
    assert "needs: " in said
    assert ESCAPE not in said
    assert max(map(len, said.splitlines())) <= 120


def test_the_whole_help_names_every_command_and_imports_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsing, "load", lambda name: pytest.fail(f"imported {name}"))
    said = help_of(capsys)
    assert [name for name in COMMANDS if f"    {name}" not in said] == []
    assert manual.EXIT_CODES in said


@pytest.mark.parametrize("example", [line for page in manual.PAGES.values() for line in page.examples])
def test_every_example_is_a_command_line_that_the_parser_takes(example: str) -> None:
    program, *words = shlex.split(example.partition(" > ")[0])
    assert program == "countermark"
    assert parsing.build_parser(words[0]).parse_args(words).command == words[0]


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert (left.value.code, capsys.readouterr().out[:12]) == (0, "countermark ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completions_know_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completions", shell]) == 0
    said = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in said] == []
    assert main(["completions", shell, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"shell": shell, "script": said.removesuffix("\n")}


def test_bash_accepts_its_completions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completions", "bash"]) == 0
    script = capsys.readouterr().out
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


# --- usage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        pytest.param([], "countermark --help", id="no-command"),
        pytest.param(["frobnicate"], "countermark --help", id="unknown-command"),
        pytest.param(["stat"], "countermark --help", id="abbreviated-command"),
        pytest.param(["gate", "--unknown"], "countermark --help", id="unknown-option"),
        pytest.param(["gate", "--protected", "x"], "countermark --help", id="abbreviated-option"),
        pytest.param(["gate", "--record", "maybe"], "countermark gate --help", id="unknown-choice"),
        pytest.param(["status", "frobnicate"], "countermark status --help", id="unknown-action"),
        pytest.param(["log"], "countermark log --help", id="no-action"),
        pytest.param(["completions", "fish"], "countermark completions --help", id="unknown-shell"),
        pytest.param(["sign"], "countermark sign --help", id="missing-option"),
        pytest.param(["ci", "--output=--"], "countermark ci --help", id="no-value-for-one-that-is-read"),
        pytest.param(["gate", "--head=--"], "countermark gate --help", id="no-value-for-a-text"),
        pytest.param(["gate", "--show-input=--"], "countermark gate --help", id="a-value-for-a-flag"),
    ],
)
def test_wrong_usage_is_two_and_says_where_help_is(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(rf"countermark: [^\n]+\nhint: {re.escape(hint)}\n", said.err)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"init", "completions"}))
def test_outside_of_a_repository_every_command_refuses_with_a_hint(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    words = shlex.split(manual.PAGES[name].examples[0].partition(" > ")[0])[1:]
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "\nhint: " in said.err


# --- data, talk and JSON ----------------------------------------------------------------------------


@pytest.fixture
def no_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scanners that find nothing, behind the port of the commands that scan; they talk of their progress."""

    def scan_landing(progress: Callable[[str], None], *_cache: object) -> Callable[..., ScanResult]:
        progress("scanning")
        ran = tuple(ScannerReport(name, "0", "0" * 64, {}, None) for name in registry.NAMES)
        return lambda *_: ScanResult(ran, (), (), (), (), score(()), None)

    for module in (deciding, parsing.load("scan"), parsing.load("score")):
        monkeypatch.setattr(module, "scan_landing", scan_landing)


def bundle_of(desk: Desk) -> str:
    desk.write({"app.py": "three\n"})
    desk.must("sign", "--agent", "coder")
    desk.must("log", "export", str(desk.data / "export"))
    return str(newest(desk.data / "export", "app.py"))


def newest(folder: Path, subject: str) -> Path:
    """Find the bundle that is about a file."""
    hints = sorted((folder / "index").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    names = [line for path in hints for line in path.read_text().split()]
    found = [folder / name[:2] / f"{name}.sigstore.json" for name in names]
    return next(path for path in found if f'"name":"{subject}"' in json.dumps(subjects(path), separators=(",", ":")))


def subjects(path: Path) -> object:
    payload = json.loads(path.read_text())["dsseEnvelope"]["payload"]
    return json.loads(base64.b64decode(payload))["subject"]


@pytest.fixture
def commented(desk: Desk, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """The body of a comment, and a job in which the platform takes it."""

    def job() -> Path:
        for name, value in platform.github(7, desk.root.parent).items():
            monkeypatch.setenv(name, value)
        return desk.root.parent / "comment.md"

    return job


def data_commands(desk: Desk, commented: Callable[[], Path]) -> Iterator[list[str]]:
    """Every command, in an order in which each has something to say."""
    key = desk.root.parent / "key.pub"
    public = Ed25519PrivateKey.generate().public_key()
    key.write_bytes(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    remote = desk.root.parent / "remote.git"
    desk.git("init", "-q", "--bare", str(remote))
    desk.git("remote", "add", "origin", str(remote))
    bundle = bundle_of(desk)
    desk.git("switch", "-q", "-c", "topic")
    desk.git("commit", "-q", "-a", "-m", "topic")
    yield ["gate"]
    desk.git("switch", "-q", "main")
    desk.git("merge", "-q", "--ff-only", "topic")
    yield ["last-good"]
    proof = bundle.replace(".sigstore.json", ".tlog-proof")
    yield ["init"]
    yield from (["approve"], ["waiver", "list"])
    yield from (["agent", "add", "helper"], ["agent", "list"])
    yield from (["person", "add", "Ada", "--me", "--ssh-key", str(key)], ["person", "list"], ["claim"])
    yield ["record", "--agent", "coder", "--", "sh", "-c", "echo four > b.txt"]
    desk.write({"c.txt": "five\n"})
    yield ["sign", "--agent", "coder"]
    yield ["agent", "revoke", "helper"]
    desk.git("add", "-A")
    desk.git("commit", "-q", "-m", "work")
    yield from (["scan"], ["score", "explain"])
    yield from (["gate"], ["gate", "--record", "never"])
    yield ["policy", "check", ".countermark/policy.json"]
    yield ["policy", "explain", ".countermark/policy.json"]
    yield ["ci", "--platform", "plain", "--output", f"comment={desk.root.parent / 'comment.md'}"]
    yield ["ci", "--platform", "plain", "--show", "job"]
    yield ["audit", "--since", "HEAD"]
    give = ["attribution", "export", "--format"]
    yield from (["blame", "app.py"], [*give, "agent-trace"], [*give, "git-ai", "--notes"])
    yield ["attribution", "import", "--notes"]
    yield ["verify", bundle, "app.py"]
    yield ["withdraw", Path(bundle).name[:64]]
    yield from (["log", "checkpoint"], ["log", "checkpoint", "--certificates"])
    yield from (["log", "prove", "0"], ["log", "verify", proof, bundle], ["log", "fsck"])
    yield ["log", "export", str(desk.root.parent / "export")]
    yield from (["status", "show"], ["status", "renew"])
    yield from (["bundles", "push"], ["bundles", "fetch"])
    yield ["mirror", "create", str(desk.root.parent / "evidence.git")]
    yield ["mirror", "update", "--push"]
    yield ["rollback", "--to", "HEAD~1"]
    for spelling in ("countermark", "sigstore", "cosign", "digest"):
        yield ["trust-root", "--format", spelling]
    yield ["completions", "bash"]
    yield ["comment", str(commented())]


def test_json_is_one_document_on_stdout_and_nothing_else(
    desk: Desk, no_scan: None, commented: Callable[[], Path]
) -> None:
    seen = set()
    for words in data_commands(desk, commented):
        at = words.index("--") if "--" in words else len(words)
        code, out, err = desk.run(*words[:at], "--json", *words[at:])
        assert code in (0, Exit.POLICY), (words, err)
        json.loads(out)
        assert out.count("\n") == 1, words
        assert ESCAPE not in out + err
        seen.add(words[0])
    assert seen == set(COMMANDS)


def test_without_json_data_is_on_stdout_and_talk_on_stderr(
    desk: Desk, no_scan: None, commented: Callable[[], Path]
) -> None:
    for words in data_commands(desk, commented):
        code, out, err = desk.run(*words)
        assert code in (0, Exit.POLICY), (words, err)
        assert out.strip() or "nobody has asked for" in err, words
        assert not re.search(r"^(hint|countermark): ", out, re.MULTILINE), words
        assert ESCAPE not in out + err, words


def test_a_refusal_says_nothing_on_stdout_even_for_programs(desk: Desk) -> None:
    for words in (["agent", "revoke", "nobody"], ["log", "prove", "999"], ["sign", "--agent", "nobody"]):
        code, out, err = desk.run(*words, "--json")
        assert (code != 0, out) == (True, "")
        assert err.startswith("countermark: ")


def test_options_of_the_recorded_program_are_its_own(desk: Desk) -> None:
    code, out, _ = desk.run("record", "--agent", "coder", "--", "true", "--json")
    assert (code, out) == (0, "")


# --- failures ---------------------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the command `status` fail in this way."""

    def fail(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(parsing.load("status"), "run", fail)


def test_a_crash_is_one_and_gives_no_detail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, ZeroDivisionError("private detail"))
    monkeypatch.delenv("COUNTERMARK_DEBUG", raising=False)
    assert main(["status", "show"]) == 1
    said = capsys.readouterr()
    assert (said.out, "private detail" in said.err) == ("", False)
    assert said.err.startswith("countermark: internal error: ZeroDivisionError\nhint: ")


def test_the_hint_of_a_crash_is_true(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, ZeroDivisionError("detail"))
    monkeypatch.setenv("COUNTERMARK_DEBUG", "1")
    assert main(["status", "show"]) == 1
    assert "ZeroDivisionError: detail" in capsys.readouterr().err


@pytest.mark.parametrize("error", [MemoryError(), RecursionError(), AssertionError(), errors.LedgerError("new kind")])
def test_no_other_failure_is_green(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, error)
    assert main(["status", "show"]) == 1


def test_an_interruption_is_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    assert (main(["status", "show"]), capsys.readouterr().err) == (1, "countermark: interrupted\n")


@pytest.mark.parametrize(
    ("module", "extra"),
    [("sqlalchemy.orm", "service"), ("alembic", "service"), ("shtab", "service"), ("sigstore.models", "sigstore")],
)
def test_a_missing_extra_is_two_with_the_line_that_installs_it(
    module: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, ModuleNotFoundError(name=module))
    assert main(["status", "show"]) == 2
    assert capsys.readouterr().err == f"countermark: {module} is not installed\nhint: {manual.how_to_install(module)}\n"
    assert manual.how_to_install(module) == f"pip install 'countermark[{extra}]'"


def test_an_unknown_missing_module_is_answered_with_everything() -> None:
    assert manual.how_to_install("novel") == "pip install 'countermark[all]'"


@pytest.mark.parametrize("name", ["countermark_service.cli.lost", None])
def test_a_missing_module_of_our_own_is_a_crash_and_not_a_missing_extra(
    name: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, ModuleNotFoundError(name=name))
    assert main(["status", "show"]) == 1
    assert "internal error: ModuleNotFoundError" in capsys.readouterr().err


def program(*words: str, code: str = "", **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own."""
    source = f"import sys; from countermark_service.cli import main\n{code}\nsys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-I", "-c", source, *words]
    return subprocess.run(argv, stderr=subprocess.PIPE, text=True, check=False, **options)


def test_a_command_that_needs_the_service_says_so_where_it_is_not_installed(desk: Desk) -> None:
    hidden = "sys.modules.update(dict.fromkeys(['sqlalchemy', 'alembic', 'shtab']))"
    for name, page in manual.PAGES.items():
        words = shlex.split(page.examples[0].partition(" >")[0])[1:]
        done = program(*words, code=hidden, stdout=subprocess.DEVNULL, cwd=desk.root)
        said = done.returncode == 2 and "hint: pip install 'countermark[service]'" in done.stderr
        assert (words[0], said) == (name, manual.SERVICE in page.extras), done.stderr


def test_a_reader_that_goes_away_is_no_success_and_no_complaint(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = program("completions", "bash", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_pipe_that_breaks_is_not_flushed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, BrokenPipeError())
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert main(["status", "show"]) == 1
        out.write("what was left in the buffer")
    assert (tmp_path / "out").read_bytes() == b""


def test_an_answer_that_could_not_be_written_is_not_green(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        assert program("completions", "bash", stdout=full).returncode == 1


# --- start-up ---------------------------------------------------------------------------------------


LOOKED_AT = ["countermark_service"]


@pytest.mark.parametrize(
    ("words", "looked"), [(["gate"], LOOKED_AT), (["verify", "x"], LOOKED_AT), (["status", "show"], [])]
)
def test_a_process_is_looked_at_for_the_commands_that_run_in_hostile_places(
    words: list[str], looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[object] = []
    monkeypatch.setattr(startup, "check", order.append)
    monkeypatch.setattr(running, "run", lambda words: order.append(words) or 7)
    monkeypatch.setattr(sys, "argv", ["countermark", *words])
    assert main() == 7
    assert order == [*looked, words]
    order.clear()
    assert main(words) == 7  # called from Python, which is running already
    assert order == [words]


def test_the_hostile_places_are_commands() -> None:
    assert set(COMMANDS) > cli.IN_HOSTILE_PLACES


# --- the terminal -----------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_colour_is_for_terminals(plain_environment: None) -> None:
    assert console.Console(Terminal(), io.StringIO(), json=False).style("x", "bold", "red") == "\x1b[1;31mx\x1b[0m"
    assert console.Console(io.StringIO(), Terminal(), json=False).style("x", "bold", "red") == "x"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", ""), ("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_colour_gets_none(
    name: str, value: str, plain_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert console.Console(Terminal(), Terminal(), json=False).style("x", "green") == "x"


def raise_after(step: Callable[[str], None], text: str) -> NoReturn:
    step(text)
    raise ZeroDivisionError


def test_progress_is_for_terminals_and_is_wiped_even_by_a_failure(plain_environment: None) -> None:
    shown, hidden = Terminal(), io.StringIO()
    for stream in (shown, hidden):
        speaking = console.Console(io.StringIO(), stream, json=False)
        with pytest.raises(ZeroDivisionError), speaking.progress():
            raise_after(speaking.step, "scanning \x1b]0;evil")
    assert shown.getvalue() == "\r\x1b[2Kscanning \\x1b]0;evil\r\x1b[2K"
    assert hidden.getvalue() == ""


def test_a_refusal_may_have_no_hint_and_obeys_no_escape() -> None:
    said = io.StringIO()
    console.Console(io.StringIO(), said, json=False).refuse("a\x1b[2Jb\nhint: forged", None)
    assert said.getvalue() == "countermark: a\\x1b[2Jb\\nhint: forged\n"


def on_a_terminal(desk: Desk, *words: str, **environ: str) -> tuple[str, str]:
    """Run a command with a terminal for stderr; return its stdout, and what the terminal saw."""
    master, slave = os.openpty()
    env = {"PATH": os.environ["PATH"], "XDG_DATA_HOME": str(desk.data), "TERM": "xterm", **environ}
    argv = [sys.executable, "-I", "-m", "countermark_service", *words]
    done = subprocess.run(argv, cwd=desk.root, env=env, stdout=subprocess.PIPE, stderr=slave, text=True, check=False)
    os.close(slave)
    seen = b""
    while chunk := read_or_nothing(master):
        seen += chunk
    os.close(master)
    assert done.returncode == 0, seen
    return done.stdout, seen.decode()


def read_or_nothing(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says EIO where a terminal has been left by everybody
        return b""


def test_progress_on_a_real_terminal_stays_out_of_the_data(desk: Desk) -> None:
    data, seen = on_a_terminal(desk, "log", "fsck", "--json")
    assert seen.startswith("\r\x1b[2Kchecking the log")
    assert seen.endswith("\r\x1b[2K")
    assert json.loads(data)["withoutBundle"] == []
    assert on_a_terminal(desk, "log", "fsck", TERM="dumb")[1] == ""


# --- hints ------------------------------------------------------------------------------------------

_COMMAND = re.compile(r"(?:^|then |: )countermark ([a-z].*?)(?= {3}| > | && | \| | shows |$)")
"""Several commands stand apart by three spaces, or by what the text says between them."""


def spelled(node: ast.AST) -> str:
    """Spell a text literal, with `x` for whatever is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(spelled(part) for part in node.values)
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "x"


def literals(node: ast.AST) -> Iterator[ast.AST]:
    """Every whole text literal in an expression."""
    if isinstance(node, ast.Constant | ast.JoinedStr):
        yield node
    else:
        for part in ast.iter_child_nodes(node):
            yield from literals(part)


def said_to_a_person(node: ast.AST) -> list[ast.expr]:
    """Where a command can be promised: hints by name, constants, returned texts, and what a reason is mended by."""
    match node:
        case ast.Call():
            called = ast.unparse(node.func).rpartition(".")[2]
            hints = [word.value for word in node.keywords if word.arg == "hint"]
            return hints + (node.args[1:] if called in {"Reason", "refuse"} else [])
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value) | ast.Return(value=ast.expr() as value):
            return [value]
        case _:
            return []


def hints_in(source: str) -> set[str]:
    """Every command of ours that a text of this module promises."""
    texts = [text for node in ast.walk(ast.parse(source)) for text in said_to_a_person(node)]
    return {found[1] for text in texts for literal in literals(text) for found in _COMMAND.finditer(spelled(literal))}


HINTS = sorted(set().union(*(hints_in(path.read_text()) for path in SOURCES)))


def test_hints_are_found_in_every_shape_they_have() -> None:
    source = """
A = "countermark init   then land it with: countermark status show"
raise E("m", hint="countermark scan > file")
found.append(Reason(code, "text", None, "mend it, then countermark gate --head HEAD"))
def f(): return f"countermark claim {path}" if path else "countermark agent list && true"
reflog(reason="countermark bundles")
"""
    assert hints_in(source) == {"init", "status show", "scan", "gate --head HEAD", "claim x", "agent list"}
    assert len(HINTS) > 15


def test_no_hint_gives_two_ways() -> None:
    assert [path.name for path in SOURCES if "   or   " in path.read_text()] == []


@pytest.mark.parametrize("hint", HINTS)
def test_a_hint_is_a_command_line_that_the_parser_takes(hint: str) -> None:
    words = shlex.split(hint)
    parser = parsing.build_parser(words[0])
    if words[-1] != "--help":
        assert parser.parse_args(words).command == words[0]
        return
    with pytest.raises(SystemExit) as left:
        parser.parse_args(words)
    assert left.value.code == 0
