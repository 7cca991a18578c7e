"""What a scanner is asked: of the files that it reads, no more of the change than it said it looks at."""

from __future__ import annotations

from countermark_scanners.asking import asked
from countermark_scanners.question import DELETED, Question, Sees
from countermark_scanners.scanner import Scanner
from countermark_scanners.sides import identify
from countermark_scanners.tool import ToolLimits

HEAD = {"app.py": b"import b\n", "moved.py": b"def f():\n    return 1\n", "notes.md": b"# A word\n"}
BASE = {"app.py": b"import a\n", "was.py": b"def f():\n    return 1\n", "gone.py": b"import gone\n"}
SIDES = identify(HEAD, BASE, {}, ToolLimits())


def scanner(*sees: Sees, reads: frozenset[str] | None = frozenset({"python"})) -> Scanner:
    return Scanner("any", lambda: "1", lambda: "00" * 32, lambda *_: {}, reads=reads, sees=frozenset(sees))


def head(one: Scanner) -> dict[str, Question]:
    found = asked(one, SIDES, ())
    return {path: found.questions[key] for path, key in found.head.items()}


def test_a_scanner_that_sees_bytes_alone_is_asked_once_about_the_same_bytes() -> None:
    found = asked(scanner(), SIDES, ())
    assert found.head["moved.py"] == found.base["was.py"]
    assert found.questions[found.head["moved.py"]] == Question("python", HEAD["moved.py"])


def test_a_scanner_of_one_language_is_not_asked_about_others() -> None:
    assert set(head(scanner())) == {"app.py", "moved.py"}
    assert set(head(scanner(reads=None))) == set(HEAD)


def test_a_scanner_that_sees_paths_is_asked_about_each() -> None:
    assert {path: question.path for path, question in head(scanner(Sees.PATH)).items()} == {
        "app.py": "app.py",
        "moved.py": "moved.py",
    }


def test_a_scanner_that_compares_gets_what_was_before_also_after_a_rename() -> None:
    found = head(scanner(Sees.BEFORE))
    assert {path: found[path].before for path in ("app.py", "moved.py")} == {
        "app.py": BASE["app.py"],
        "moved.py": BASE["was.py"],
    }


def test_a_scanner_that_compares_is_asked_about_what_was_deleted() -> None:
    everything = head(scanner(Sees.BEFORE, reads=None))
    assert everything["gone.py"] == Question(DELETED, b"", before=BASE["gone.py"])
    assert set(everything) == {*HEAD, "gone.py"}


def test_on_the_side_of_the_base_nothing_has_changed() -> None:
    found = asked(scanner(Sees.BEFORE), SIDES, ())
    questions = [found.questions[key] for key in found.base.values()]
    assert len(questions) == len(BASE)
    assert all(question.before == question.content for question in questions)


def test_a_scanner_that_looks_beside_gets_the_files_it_reads_of_the_same_side() -> None:
    found = asked(scanner(Sees.BESIDE), SIDES, ())
    assert set(found.questions[found.head["app.py"]].beside) == {"app.py", "moved.py"}
    assert set(found.questions[found.base["app.py"]].beside) == set(BASE)


def test_what_nobody_can_read_is_not_asked_about() -> None:
    unread = {SIDES.head["app.py"].sha256}
    assert set(asked(scanner(Sees.BESIDE), SIDES, unread).head) == {"moved.py"}
