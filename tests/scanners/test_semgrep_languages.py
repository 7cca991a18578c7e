"""Every language that semgrep answers for: flaws are seen however they are hidden, and what it cannot read is said."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from countermark_scanners import language, materialise, semgrep, suppressions
from countermark_scanners.errors import ScannerBlind
from countermark_scanners.finding import Severity
from countermark_scanners.question import Question
from countermark_scanners.report import Unscanned
from countermark_scanners.scan import Means, scan
from countermark_scanners.scanner import Answers
from countermark_scanners.tool import ToolLimits

OTHERS = sorted(set(semgrep.PLANTED) - {"python"})
BROKEN = {
    "javascript": b"const x = ;\nfunction (\n",
    "typescript": b"const x: = ;\nclass {\n",
    "tsx": b"const x = <p>{</p>;\n",
    "go": b"package a\n]]]\nfunc f() {}\n",
    "java": b"class A { void f( { int x = ; }\n",
    "shell": b"if [ x; then\necho (\n",
    "dockerfile": b"FROM\nRUNX (\n",
    "github-actions": b"a: [\n - b: {\n\tx\n",
    "terraform": b'resource "a" {\n b = \n',
}
CLEAN = {
    "javascript": b"export const double = (x) => <p>{x * 2}</p>;\n",
    "typescript": b"export const double = (x: number): number => <number>x * 2;\n",
    "tsx": b"export const Double = (x: number) => <p>{x * 2}</p>;\n",
    "go": b"package a\n\nfunc Double(x int) int { return x * 2 }\n",
    "java": b"class A { int twice(int x) { return x * 2; } }\n",
    "shell": b'#!/bin/sh\nset -eu\nprintf "%s\\n" "$1"\n',
    "dockerfile": b'FROM debian:12@sha256:0000\nCOPY a /a\nUSER app\nCMD ["/a"]\n',
    "github-actions": b"on: push\npermissions: {}\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: make\n",
    "terraform": b'resource "aws_s3_bucket" "a" {\n  bucket = "a"\n}\n',
}
PADDING = {name: b"# " if b"\n#" in b"\n" + CLEAN[name] else b"// " for name in CLEAN}
NAMES = {
    "javascript": "index.js",
    "typescript": "index.ts",
    "tsx": "index.tsx",
    "go": "main.go",
    "java": "A.java",
    "shell": "run.sh",
    "dockerfile": "Dockerfile",
    "github-actions": ".github/workflows/a.yml",
    "terraform": "main.tf",
}


def ask(contents: dict[str, bytes]) -> Answers:
    return semgrep.SCANNER.run({name: Question(name, content) for name, content in contents.items()}, ToolLimits())


@pytest.fixture(scope="module")
def broken() -> Answers:
    return ask(BROKEN)


@pytest.fixture(scope="module")
def clean() -> Answers:
    return ask(CLEAN)


def test_every_language_has_its_cases() -> None:
    assert OTHERS == sorted(BROKEN) == sorted(CLEAN) == sorted(NAMES)


@pytest.mark.parametrize("name", OTHERS)
def test_a_text_that_does_not_parse_is_unscanned_for_that_reason(name: str, broken: Answers) -> None:
    answer = broken[name]
    assert isinstance(answer, Unscanned)
    assert "yntax error" in answer.reason


@pytest.mark.parametrize("name", OTHERS)
def test_honest_code_has_no_finding(name: str, clean: Answers) -> None:
    assert clean[name] == ()


def test_a_language_whose_planted_file_is_not_seen_makes_the_run_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted flaws are looked for in every language that is asked about, not in Python alone."""
    for name in OTHERS:
        nothing = dataclasses.replace(semgrep.PLANTED[name], question=Question(name, CLEAN[name]))
        program = dataclasses.replace(semgrep._PROGRAM, planted={**semgrep.PLANTED, name: nothing})
        monkeypatch.setattr(semgrep, "_PROGRAM", program)
        with pytest.raises(ScannerBlind, match="expected the planted CWE"):
            ask({name: CLEAN[name]})
        assert ask({"python": b"x = 1\n"}) == {"python": ()}


def test_only_the_rules_of_languages_among_the_files_are_loaded(tmp_path: Path) -> None:
    semgrep._command(tmp_path, ["f000001.py", "f000002.py"])
    assert {path.name.split("-")[0] for path in (tmp_path / "rules").iterdir()} == {"python"}
    other = tmp_path / "other"
    other.mkdir()
    semgrep._command(other, ["f000001.py", "f000002.go"])
    assert {path.name.split("-")[0] for path in (other / "rules").iterdir()} == {"python", "go", "parse.json"}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        pytest.param("javascript", b"// a\reval(request.query.a)\n", "a lone carriage return", id="carriage-return"),
        pytest.param("shell", b"echo a\x00\n", "a NUL byte", id="nul"),
        pytest.param("go", b"package a // caf\xe9\n", "not UTF-8", id="latin-1"),
        pytest.param("javascript", "// a\u2028eval(request.query.a)\n".encode(), "no editor shows", id="u2028"),
        pytest.param("tsx", "// a\u2029eval(request.query.a)\n".encode(), "no editor shows", id="u2029"),
        pytest.param("java", b"class A { // \\u000a int x;\n}\n", "Java reads as code", id="escaped-line-end"),
        pytest.param("java", b"class A { int \\uu0061; }\n", "Java reads as code", id="escaped-letter"),
    ],
)
def test_a_text_that_two_readers_read_as_two_programs_is_unscanned(name: str, content: bytes, reason: str) -> None:
    answer = ask({name: content})[name]
    assert isinstance(answer, Unscanned)
    assert reason in answer.reason


def test_escapes_that_are_only_text_are_read() -> None:
    files = {"java": b"class A { char c = '\\u0000'; String s = \"\\u00e9\"; }\n", "javascript": b'f("\\u0061");\n'}
    assert ask(files) == dict.fromkeys(files, ())


def hidden(name: str) -> dict[str, bytes]:
    """Give the planted file of a language in every place and shape that tools are known to skip."""
    flawed, path = semgrep.PLANTED[name].question.content, NAMES[name]
    sign = b"//" if name in {"javascript", "typescript", "tsx", "go", "java"} else b"#"
    files = {f"{folder}/{path}": flawed for folder in ("vendor/x", "node_modules/x", "tests", "third_party", "dist")}
    files[f"big/{path}"] = flawed + sign + b" " + b"a" * 1_100_000 + b"\n"
    files[f"generated/{path}"] = sign + b" Code generated by a tool. DO NOT EDIT.\n" + flawed
    files[f"windows/{path}"] = flawed.replace(b"\n", b"\r\n")
    return files


@pytest.mark.parametrize("name", OTHERS)
def test_a_flaw_is_seen_wherever_and_however_it_is_hidden(name: str) -> None:
    files = hidden(name)
    ignored = {".semgrepignore": b"*\n", ".gitignore": b"*\n"}
    result = scan({**files, **ignored}, {}, means=Means((semgrep.SCANNER,)), progress=lambda _: None)
    wanted = {flaw for flaw, _ in semgrep.PLANTED[name].flaws}
    for path in files:
        found = {f"CWE-{finding.cwe}" for finding in result.new_findings if finding.path == path}
        assert found >= wanted, path
    assert result.error is None


def test_a_minified_script_is_read() -> None:
    content = b"var a=1;" * 2_000 + b"function f(req){eval(req.query.c)}\n"
    (hit,) = {hit for hit in ask({"javascript": content})["javascript"] if hit.cwe == 94 and hit.confidence >= 2}
    assert hit.severity is Severity.HIGH


def test_a_table_of_many_rows_is_read_to_its_end() -> None:
    """A rule that compares every row with every other is stopped, and then the whole file is unscanned."""
    rows = "".join(f'"k{number}": "value{number}",\n' for number in range(5_000))
    files = {"go": f"package a\n\nvar t = map[string]string{{\n{rows}}}\n", "javascript": f"const t = {{\n{rows}}};\n"}
    assert ask({name: text.encode() for name, text in files.items()}) == dict.fromkeys(files, ())


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("javascript", "f(); // eslint-disable-line"),
        ("javascript", "/* eslint-disable */"),
        ("typescript", "// @ts-ignore"),
        ("tsx", "f(); // nosemgrep: a"),
        ("go", "f() //nolint:gosec"),
        ("go", "f() // #nosec G204"),
        ("java", "f(); // NOSONAR"),
        ("java", '@SuppressWarnings("java:S2076")'),
        ("shell", "# shellcheck disable=SC2086"),
        ("dockerfile", "# hadolint ignore=DL3002"),
        ("github-actions", "- run: x # zizmor: ignore[template-injection]"),
        ("terraform", "#tfsec:ignore:aws-s3-no-public-access"),
        ("terraform", "# checkov:skip=CKV_AWS_20: why"),
        ("terraform", "//trivy:ignore:AVD-1"),
    ],
)
def test_a_request_to_look_away_is_a_finding_of_severity_info(name: str, line: str) -> None:
    (hit,) = suppressions.markers("x\n" + line + "\n", name)
    assert (hit.severity, hit.line, hit.rule) == (Severity.INFO, 2, suppressions.RULE)


def test_a_request_to_look_away_takes_nothing_off_a_finding() -> None:
    answer = ask({"shell": b'#!/bin/sh\neval "$1" # shellcheck disable=all # nosemgrep\n'})["shell"]
    assert not isinstance(answer, Unscanned)
    assert {(hit.flaw, hit.severity) for hit in answer} >= {
        ("CWE-78", Severity.HIGH),
        (suppressions.RULE, Severity.INFO),
    }


def test_ordinary_words_are_no_markers() -> None:
    for name in OTHERS:
        assert suppressions.markers("nosec = eslint + nolint\n# a note // of mine\n", name) == ()


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("a.mts", b"f()\n", "typescript"),
        ("a.jsx", b"f()\n", "javascript"),
        ("a.tsx", b"f()\n", "tsx"),
        ("A.TSX", b"f()\n", "tsx"),
        ("run", b"#!/usr/bin/env -S deno run\n", "javascript"),
        ("run.ts", b"#!/usr/bin/env -S deno run\n", "typescript"),
        ("run", b"#!/usr/bin/env tsx\n", "typescript"),
        ("run.js", b"#!/usr/bin/env node\n", "javascript"),
        ("run.js", b"#!/bin/sh\neval(x)\n", "language-disputed"),
        ("main.tf", b"#!/usr/bin/env python3\n", "language-disputed"),
        (".github/workflows/a.yml", b"#!/bin/sh\non: push\n", "language-disputed"),
        ("Dockerfile", b"#!/bin/sh\nFROM x\n", "language-disputed"),
        (".bashrc", b"alias a=b\n", "shell"),
        (".envrc", b"export A=b\n", "shell"),
        ("Dockerfile.dev", b"FROM x\n", "dockerfile"),
        ("Dockerfile-dev", b"FROM x\n", "dockerfile"),
        ("app.dockerfile", b"FROM x\n", "dockerfile"),
        ("Containerfile", b"FROM x\n", "dockerfile"),
        ("dockerfile.js", b"eval(x)\n", "javascript"),
        ("build/recipe", b"# a\nARG B=c\n\nFROM debian:12 AS x\nRUN make\n", "dockerfile"),
        ("recipe.txt", b"FROM debian:12\nRUN make\n", "dockerfile"),
        ("letter.txt", b"From here on, all is well.\nRun away.\n", "text/prose"),
        (".github/workflows/a.yml", b"name: a\n", "github-actions"),
        (".GITHUB/Workflows/a.yaml", b"name: a\n", "github-actions"),
        ("docs/example.yml", b"'on':\n  push:\njobs:\n  a: {}\n", "github-actions"),
        ("tools/action.yml", b"name: a\n", "github-actions"),
        ("tools/other.yaml", b"runs:\n  using: composite\n", "github-actions"),
        ("config.yml", b"on: true\n", "yaml"),
        ("app.tfvars", b'a = "b"\n', "terraform"),
        ("a.kt", b"fun f() {}\n", "kotlin"),
        ("a.vue", b"<script>f()</script>\n", "unknown-text"),
        ("a.svelte", b"<script>f()</script>\n", "unknown-text"),
    ],
)
def test_a_file_is_of_the_language_that_its_readers_take_it_for(path: str, content: bytes, expected: str) -> None:
    assert language.file_type(path, content) == expected


def test_a_recipe_of_many_lines_is_told_in_no_time() -> None:
    assert language.file_type("a", b"\n" * 500_000 + b"x\n") == "unknown-text"
    assert language.file_type("a", b" " * 500_000 + b"x\n") == "unknown-text"


def test_every_language_has_a_neutral_name_of_its_own() -> None:
    assert set(materialise._ENDS) == set(semgrep.PLANTED)
    assert len(set(materialise._ENDS.values())) == len(materialise._ENDS)
