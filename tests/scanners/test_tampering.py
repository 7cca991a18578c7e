"""Tampering, tried with files that fight back and with tricks that leave a test looking as it was."""

from __future__ import annotations

from itertools import pairwise

import pytest

from countermark_scanners import tampering
from countermark_scanners.errors import Unreadable
from countermark_scanners.finding import Confidence, Severity
from countermark_scanners.question import DELETED, Question
from countermark_scanners.report import Unscanned
from countermark_scanners.tool import ToolLimits

TEST = b"def test_price():\n    assert price('tea') == 3\n"
PATH = "tests/test_shop.py"


def rules(before: bytes | None, after: bytes, path: str = PATH, language: str = "python") -> list[str]:
    hits = tampering.look(Question(language, after, path, before, {path: after}))
    return [hit.rule.removeprefix("countermark/") for hit in hits]


def test_the_scanner_sees_what_is_planted_in_a_process_of_its_own() -> None:
    (hit,) = tampering.SCANNER.run({"k": Question("python", b"", PATH, TEST, {})}, ToolLimits())["k"]
    assert hit.rule == "countermark/test-file-removed"


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(TEST.replace(b"== 3", b"== 3 or True"), id="or-true"),
        pytest.param(TEST.replace(b"    assert", b"    return\n    assert"), id="return-first"),
        pytest.param(TEST.replace(b"    assert", b"    if 0:\n        assert"), id="dead-branch"),
        pytest.param(TEST.replace(b"    assert", b"    def inner():\n        pass\n    x ="), id="no-assert"),
        pytest.param(TEST + b"def test_price(): pass\n", id="shadowed"),
        pytest.param(TEST + b"del test_price\n", id="deleted-at-the-end"),
        pytest.param(TEST + b"test_price.__test__ = False\n", id="not-collected"),
        pytest.param(b"class TestShop:\n    def __init__(self): ...\n    " + TEST.replace(b"\n", b"\n    "), id="init"),
        pytest.param(b"if False:\n    " + TEST.replace(b"\n", b"\n    "), id="never-defined"),
        pytest.param(TEST.replace(b"test_", b"check_"), id="renamed-out-of-collection"),
        pytest.param(TEST.replace(b"3", b"mock.ANY"), id="equal-to-anything"),
        pytest.param(
            TEST.replace(b"    assert", b"    with suppress(AssertionError):\n        assert"), id="suppressed"
        ),
        pytest.param(b"import pytest\npytestmark = pytest.mark.skipif(True, reason='')\n" + TEST, id="module-mark"),
    ],
)
def test_a_test_that_can_no_longer_fail_is_told_however_it_was_done(after: bytes) -> None:
    hits = tampering.look(Question("python", after, PATH, TEST, {}))
    assert any(hit.severity >= Severity.MEDIUM for hit in hits), hits


def test_a_test_that_moved_to_where_no_runner_looks_is_gone() -> None:
    beside = {"docs/shop.py": TEST}
    assert tampering.look(Question(DELETED, b"", PATH, TEST, beside)) != []


def test_a_file_of_tests_that_is_renamed_out_of_sight_is_told_only_on_the_side_where_it_is() -> None:
    moved = tampering.look(Question("unknown-text", TEST, "old/shop.bak", TEST, {}))
    assert [hit.rule for hit in moved] == ["countermark/test-file-removed"]
    assert tampering.look(Question("python", TEST, PATH, TEST, {})) == []


def test_two_tests_that_are_gone_are_two_findings() -> None:
    more = TEST + TEST.replace(b"price", b"stock") + TEST.replace(b"price", b"debt")
    hits = tampering.look(Question("python", TEST, PATH, more, {}))
    assert len({(hit.rule, hit.line, hit.column) for hit in hits}) == 2


def test_a_new_weak_test_costs_less_than_an_old_one_made_weak() -> None:
    weak = TEST.replace(b"price('tea') == 3", b"True")
    (new,) = tampering.look(Question("python", weak, PATH, None, {}))
    old = tampering.look(Question("python", weak, PATH, TEST, {}))
    assert new.severity < max(hit.severity for hit in old)


def test_a_forged_result_blocks_even_in_a_new_file() -> None:
    forged = b"def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
    (hit,) = tampering.look(Question("python", forged, "conftest.py", None, {}))
    assert (hit.severity, hit.confidence) == (Severity.HIGH, Confidence.HIGH)


@pytest.mark.parametrize("bound", [b"9" * 400, b"1e999", b"5000"])
def test_a_bound_is_wider_however_large_it_is(bound: bytes) -> None:
    before = TEST.replace(b"== 3", b"< 5")
    assert rules(before, before.replace(b"< 5", b"< " + bound)) == ["assert-loosened"]


def test_tests_written_for_a_newer_python_are_compared_too() -> None:
    newer = TEST + b"    print(f'{a['b']}')\n"
    assert rules(newer, newer.replace(b"== 3", b"is not None")) == ["assert-loosened"]


def test_what_could_not_run_before_is_compared_with_nothing() -> None:
    assert rules(b"def test_(:\n", TEST) == []


@pytest.mark.parametrize("path", [PATH, "conftest.py", "src/sitecustomize.py"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"def test_(:\n", id="syntax"),
        pytest.param(b"x = " + b"(" * 5_000 + b")" * 5_000, id="deep"),
        pytest.param(b"\x00" + TEST, id="nul"),
    ],
)
def test_tests_that_cannot_be_read_are_unreadable_and_never_clean(content: bytes, path: str) -> None:
    with pytest.raises(Unreadable):
        rules(TEST, content, path)


ALIASES = "".join(f"{name}: &{name} [{', '.join(['*' + last] * 9)}]\n" for last, name in pairwise("abcdefghij"))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"a: [" * 3_000, id="deep"),
        pytest.param(b"\t: -", id="no-yaml"),
        pytest.param(b"a: &a [x, x, x]\n" + ALIASES.encode(), id="aliases"),
        pytest.param(b"a: b\n" * 300_000, id="large"),
    ],
)
def test_a_pipeline_that_explodes_is_unreadable(content: bytes) -> None:
    with pytest.raises((Unreadable, RecursionError)):
        rules(b"a: b\n", content, ".github/workflows/ci.yml", "yaml")


HOSTILE = {
    "strings.test.js": b"it('" * 100_000,
    "brackets.test.js": b"it(" * 100_000,
    "patterns.test.js": b"/[" * 100_000,
    "chain.test.js": b"expect(x)." * 50_000,
    "a_test.go": b"func TestA(t *testing.T) { if " * 10_000,
    "ATest.java": b"@Test void a() { " * 10_000,
    "a.rs": b"#[test" * 50_000,
    "setup.cfg": b"[a" * 100_000 + b"\n" + b"a = " * 50_000,
}


def test_hostile_texts_are_answered_within_the_limits_of_a_run() -> None:
    asked = {path: Question("unknown-text", text, path, text[:-7], {}) for path, text in HOSTILE.items()}
    answers = tampering.SCANNER.run(asked, ToolLimits(wall_seconds=120))
    assert set(answers) == set(HOSTILE)
    assert [
        path for path, answer in answers.items() if isinstance(answer, Unscanned) and "within" in answer.reason
    ] == []
