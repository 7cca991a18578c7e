"""What the documents say is what the program does: commands, exit codes, links, paths, decisions."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from itertools import takewhile
from pathlib import Path

import pytest

from countermark_ledger import __version__
from countermark_service.cli import COMMANDS
from countermark_service.cli.parsing import build_parser
from countermark_service.embedded import STATUS_LIFE
from countermark_service.exits import MEANING, ORDER, Exit
from countermark_service.gate.outputs.registry import FORMATS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
MARKED = re.compile(r"<!-- run: (fresh|own-repository) -->\n```sh\n(.*?)```", re.DOTALL)
TABLE_ROW = re.compile(r"^\| (\d+) \| (.+?) \|$", re.MULTILINE)


def shell_lines(page: str) -> Iterator[str]:
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()


def countermark_lines(page: str) -> list[list[str]]:
    found = []
    for line in shell_lines(page):
        words = list(takewhile(lambda word: word != "|", shlex.split(line)))
        if words and words[0] == "countermark":
            found.append(words[1:])
        elif "countermark_service" in words:
            found.append(words[words.index("countermark_service") + 1 :])
    return found


def test_the_readme_shows_commands() -> None:
    assert len(countermark_lines(README)) >= 8


def test_the_guides_show_commands() -> None:
    assert sum(len(countermark_lines(page.read_text(encoding="utf-8"))) for page in GUIDES) >= 4


SHOWN = [words for page in [ROOT / "README.md", *GUIDES] for words in countermark_lines(page.read_text("utf-8"))]


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_every_command_line_of_the_readme_and_the_guides_is_one_the_program_takes(words: list[str]) -> None:
    assert build_parser().parse_args(words).command == words[0]


def test_every_command_is_named_in_the_changelog_or_the_readme() -> None:
    said = README + (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`{name}`" not in said and f"countermark {name}" not in said] == []


def test_the_readme_lists_the_exit_codes_the_program_has() -> None:
    rows = {int(code): meaning for code, meaning in TABLE_ROW.findall(README)}
    assert set(rows) == {code.value for code in Exit}
    assert [code for code, meaning in rows.items() if not meaning.startswith(MEANING[Exit(code)])] == []


def test_the_readme_gives_the_order_of_codes_that_the_program_uses() -> None:
    assert f"the first of {', '.join(str(code.value) for code in ORDER)}" in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_into_the_repository_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_marks_the_blocks_that_a_fresh_machine_runs() -> None:
    blocks = {mark: block.splitlines() for mark, block in MARKED.findall(README)}
    assert blocks["fresh"] == ["make demo", "make test"]
    assert "countermark init" in blocks["own-repository"]


def test_the_readme_keeps_the_order_of_the_house() -> None:
    headings = re.findall(r"^## (.+)$", README, re.MULTILINE)
    assert headings == [
        "Two commands",
        "Your own repository, without any server",
        "In CI",
        "Anyone can check",
        "Trust",
        "More",
    ]


def test_the_guide_to_continuous_integration_explains_codes_that_the_program_has() -> None:
    page = (ROOT / "docs" / "guides" / "ci.md").read_text(encoding="utf-8")
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    assert codes == [code.value for code in sorted(Exit) if code not in (Exit.PASS, Exit.INTERNAL)]


def test_the_guide_to_continuous_integration_names_every_format() -> None:
    page = (ROOT / "docs" / "guides" / "ci.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \|", page, re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"`([a-z]+)`", row)) == sorted(FORMATS)


def test_a_status_is_good_for_as_long_as_the_documents_say() -> None:
    assert timedelta(days=7) == STATUS_LIFE
    pages = [README, (ROOT / "docs" / "guides" / "ci.md").read_text(encoding="utf-8")]
    assert [" ".join(page.split()).count("good for seven days") for page in pages] == [1, 1]


def test_every_path_in_the_architecture_exists() -> None:
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    paths = [path for path in re.findall(r"`([\w./-]+/[\w./-]*)`", page) if not path.startswith(("http", "spiffe"))]
    assert len(paths) >= 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", ADRS, ids=lambda page: page.stem)
def test_a_decision_says_what_why_and_what_it_costs(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert [part for part in ("**Decided:**", "**Why:**", "**Negative consequences:**") if part not in text] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in ADRS] == list(range(1, len(ADRS) + 1))


def test_the_version_is_one() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_line_of_prose_is_longer_than_a_line_of_code(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 120 and not line.startswith("| ")] == []


def test_the_documents_speak_of_the_project_alone() -> None:
    forbidden = re.compile(rf"{re.escape(str(ROOT))}|{re.escape(str(Path.home()))}/|\bissue #?\d", re.IGNORECASE)
    assert [str(page) for page in PAGES if forbidden.search(page.read_text(encoding="utf-8"))] == []
