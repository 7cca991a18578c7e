"""The house, held by a machine: what may import what, start programs, be long, be silenced, or run at import."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import site
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("ledger", "scanners", "agents", "service", "policies")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
SCRIPTS = [ROOT / "bootstrap.py", *sorted((ROOT / "bench").rglob("*.py")), *sorted((ROOT / "examples").rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))

STARTS_PROGRAMS = {
    "ledger/countermark_ledger/git/process.py": "git plumbing, in a repository of our own",
    "scanners/countermark_scanners/tool.py": "the scanners, limited and with a clean environment",
    "agents/countermark_agents/process.py": "the agent's own command",
}
BECOMES_A_PROGRAM = {
    "scanners/countermark_scanners/limited.py": "sets its own limits, then becomes the scanner that `tool` started",
    "scanners/countermark_scanners/dynamic/keep.py": "gives up root, then becomes the tracer of the declared command",
}
PROGRAM_MODULES = {"subprocess", "multiprocessing", "pty", "concurrent.futures.process"}
PROGRAM_CALLS = re.compile(r"(exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?|system|popen|fork|forkpty|startfile)")

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
LONG_FUNCTIONS: dict[str, str] = {}  # "path:function" -> why it is better whole

SAYS_NOTHING = {"util", "utils", "helper", "helpers", "common", "misc", "tools", "lib", "stuff"}
SILENCED = re.compile(r"#\s*(noqa|type:\s*ignore|mypy:|pragma:|nosec|fmt:\s*(off|skip)|ruff:)")
REASONED = re.compile(r"#\s*(noqa: [A-Z]+\d+(, [A-Z]+\d+)*|type: ignore\[[a-z, -]+\])( - |  # )\S.{2,}")

PLACE_AND_TRUST = re.compile(r"^Layer: .*^Trust: ", re.MULTILINE | re.DOTALL)

STARTED_BY_SITE = {
    "_countermark.pth": "the five folders of this repository",
    "_editable_impl_countermark.pth": "the same, as hatchling names it elsewhere",
    "a1_coverage.pth": "coverage of programs that tests start",
}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


def imported(node: ast.AST) -> set[str]:
    match node:
        case ast.Import(names):
            return {name.name for name in names}
        case ast.ImportFrom(module=str(module), level=0):
            return {module}
        case _:
            return set()


def becomes_or_starts(path: Path) -> bool:
    """Tell whether the file calls `os.exec*`, `os.fork` and their kind, under any name of `os`."""
    attributes = (node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute))
    names = (name.name for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom) for name in node.names)
    return any(PROGRAM_CALLS.fullmatch(name) for name in (*attributes, *names))


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 50
    assert {path.parts[len(ROOT.parts)] for path in MODULES} == set(PACKAGES)
    assert len(TESTS) > 20


def test_subprocess_is_imported_in_three_files_and_nowhere_else() -> None:
    importing = {
        relative(path) for path in MODULES if any(imported(node) & PROGRAM_MODULES for node in ast.walk(tree(path)))
    }
    assert importing == set(STARTS_PROGRAMS)


def test_no_other_way_to_start_a_program_is_used() -> None:
    assert {relative(path) for path in MODULES if becomes_or_starts(path)} <= set(BECOMES_A_PROGRAM)


@pytest.mark.parametrize("source", ["import os\nos.execv('a', [])", "from os import fork", "import os as o\no.system"])
def test_the_check_for_other_ways_sees_them(source: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(source)
    assert becomes_or_starts(tmp_path / "module.py")


def contracts() -> list[dict[str, str | list[str]]]:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[dict[str, str | list[str]]] = configuration["tool"]["importlinter"]["contracts"]
    return found


def test_the_arrows_in_the_architecture_are_those_the_linter_holds() -> None:
    layers = next(contract["layers"] for contract in contracts() if contract["type"] == "layers")
    arrows = " -> ".join(f"({layer})" if "|" in layer else layer for layer in layers)
    assert (ROOT / "docs" / "ARCHITECTURE.md").read_text().count(arrows) == 1


def test_the_linter_names_the_same_three_files() -> None:
    exceptions = {rule for contract in contracts() for rule in contract.get("ignore_imports", [])}
    modules = {path.split("/", 1)[1].removesuffix(".py").replace("/", ".") for path in STARTS_PROGRAMS}
    assert exceptions == {f"{module} -> subprocess" for module in modules}


def offenders(paths: Sequence[Path], offends: Callable[[Path], object]) -> list[str]:
    assert paths
    return [relative(path) for path in paths if offends(path)]


def test_a_module_is_short_enough_to_be_read_in_one_sitting() -> None:
    too_long = offenders([*MODULES, *SCRIPTS], lambda path: path.read_text().count("\n") > LONGEST_MODULE)
    assert too_long == []


def long_functions() -> Iterator[str]:
    for path in (*MODULES, *SCRIPTS):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    yield f"{relative(path)}:{node.name}"


def test_a_function_longer_than_forty_lines_has_a_reason_and_no_reason_is_left_over() -> None:
    assert sorted(long_functions()) == sorted(LONG_FUNCTIONS)


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    def says_nothing(path: Path) -> set[str]:
        return SAYS_NOTHING & {path.stem, *path.relative_to(ROOT).parts}

    assert offenders([*MODULES, *SCRIPTS, *TESTS], says_nothing) == []


def docstring(path: Path) -> str:
    return ast.get_docstring(tree(path)) or ""


def test_a_module_says_what_it_is() -> None:
    assert offenders(MODULES, lambda path: not docstring(path).strip()) == []


def test_below_the_service_a_module_opens_with_its_place_and_its_trust() -> None:
    below = [path for path in MODULES if path.name != "__init__.py" and path.parts[len(ROOT.parts)] != "service"]
    assert offenders(below, lambda path: not PLACE_AND_TRUST.search(docstring(path))) == []


def silent_without_a_reason(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = (token.string for token in tokens if token.type == tokenize.COMMENT)
    return [comment for comment in comments if SILENCED.search(comment) and not REASONED.search(comment)]


def test_a_silenced_warning_has_its_code_and_its_reason_on_the_line() -> None:
    every = [*MODULES, *SCRIPTS, *TESTS]
    assert offenders(every, lambda path: silent_without_a_reason(path.read_text())) == []


def test_a_test_that_signs_commits_says_so_because_not_every_machine_has_the_program() -> None:
    def signs_unsaid(path: Path) -> bool:
        text = path.read_text()
        signs = '"gpg.format"' in text and '"gpg.ssh.program"' not in text  # which names a program of the test's own
        return '"ssh-keygen"' in text or (signs and "ssh_keygen: str" not in text)

    found = offenders([path for path in TESTS if path != Path(__file__)], signs_unsaid)
    assert found == ["tests/conftest.py"], "ask for the fixture ssh_keygen"


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: S101",
        "x = 1  # type: ignore",
        "x = 1  # type: ignore[arg-type]",
        "x = 1  # pragma: no cover",
    ],
)
def test_the_check_for_reasons_sees_that_there_is_none(line: str) -> None:
    assert len(silent_without_a_reason(line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa: S101  # a reason",
        "x = 1  # noqa: S101, S102 - a reason",
        "x = 1  # type: ignore[arg-type]  # a reason",
        "x = '# noqa'",
    ],
)
def test_the_check_for_reasons_sees_the_reason(line: str) -> None:
    assert silent_without_a_reason(line) == []


def test_nothing_runs_at_the_start_of_python_but_what_is_listed() -> None:
    found = {path.name for folder in site.getsitepackages() for path in Path(folder).glob("*.pth")}
    assert found <= set(STARTED_BY_SITE)
    assert found & {"_countermark.pth", "_editable_impl_countermark.pth"}


IMPORT_EVERYTHING = """
import importlib, json, pkgutil, sys
before = set(sys.modules)
for package in sys.argv[1:]:
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, package + "."):
        if not module.name.endswith("__main__") and ".migrations." not in module.name:
            importlib.import_module(module.name)
"""
PRINT_THIRD_PARTY = """
loaded = {name.partition(".")[0] for name in sys.modules.keys() - before} - sys.stdlib_module_names
print(json.dumps(sorted(name for name in loaded if not name.startswith("_"))))
"""
WATCH = """
import sys
WRITING = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.putenv",
    "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.chmod", "os.kill", "os.truncate", "os.symlink",
    "socket.__new__", "socket.getaddrinfo", "sqlite3.connect", "urllib.Request", "tempfile.mkstemp",
    "tempfile.mkdtemp", "shutil.rmtree", "signal.pthread_kill"}
READING = (".py", ".pyc", ".so", ".dylib")

def ours(frame):
    "Whose top-level code runs: the first module body up the stack, as long as it is one of ours."
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    name = frame.f_globals.get("__name__", "") if frame is not None else ""
    return name if name.startswith("countermark_") else None

def watch(event, arguments):
    opened = event == "open" and not str(arguments[0]).endswith(READING)
    if opened or event in WRITING:
        module = ours(sys._getframe(1))
        if module:
            sys.stderr.write(f"{module}: {event} {arguments!r}\\n")

sys.addaudithook(watch)
"""


def clean_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in an isolated Python that writes no bytecode, without coverage's own start-up."""
    env = {"PATH": os.environ["PATH"]}
    argv = [sys.executable, "-I", "-B", "-c", code, *arguments]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=True)


def test_the_ledger_pulls_in_nothing_but_two_libraries_and_what_they_are_made_of() -> None:
    loaded = json.loads(clean_python(IMPORT_EVERYTHING + PRINT_THIRD_PARTY, "countermark_ledger").stdout)
    assert set(loaded) <= {"countermark_ledger", "cryptography", "rfc8785", "cffi", "pycparser"}
    assert {"countermark_ledger", "cryptography", "rfc8785"} <= set(loaded)


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_any_module_prints_nothing_and_does_no_work(package: str) -> None:
    done = clean_python(WATCH + IMPORT_EVERYTHING, f"countermark_{package}")
    assert (done.stdout, done.stderr) == ("", "")


def test_the_check_for_work_at_import_sees_it(tmp_path: Path) -> None:
    package = tmp_path / "countermark_guilty"
    package.mkdir()
    (package / "__init__.py").write_text("import os, socket\nopen('/etc/hosts').close()\nos.putenv('A', 'b')\n")
    begin = f"import sys; sys.path.append({str(tmp_path)!r})\n"
    seen = clean_python(begin + WATCH + IMPORT_EVERYTHING, "countermark_guilty").stderr
    assert re.findall(r"^(\S+): (\S+)", seen, re.MULTILINE) == [
        ("countermark_guilty", "open"),
        ("countermark_guilty", "os.putenv"),
    ]


def at_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield what runs when the module is imported: everything outside of functions."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.ClassDef):
            yield from at_import(statement.body)
        else:
            yield from ast.walk(statement)


def test_no_module_reads_the_environment_at_import() -> None:
    def reads(path: Path) -> bool:
        attributes = {node.attr for node in at_import(tree(path).body) if isinstance(node, ast.Attribute)}
        return not attributes.isdisjoint({"environ", "getenv", "environb"})

    assert offenders([path for path in MODULES if "migrations" not in path.parts], reads) == []
