"""Who notices an injected flaw: scanners by what they add, tests only while they let honest programs pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import pytest

from countermark_ledger import canonical
from countermark_scanners.errors import ScannerError, ToolFailed
from countermark_scanners.finding import Confidence, Hit, Severity
from countermark_scanners.mutants.detection import Detection, NothingToInject, NotRun, Outcome, TestsUse
from countermark_scanners.mutants.injecting import Bounds, inject
from countermark_scanners.mutants.judging import Tests, Trial, detect
from countermark_scanners.question import Question
from countermark_scanners.scan import Means
from countermark_scanners.scanner import Answers, Scanner
from countermark_scanners.third_party import ThirdParty
from countermark_scanners.tool import Completed, ToolLimits

See = Callable[..., Scanner]
Found = Detection | NothingToInject | NotRun
HASH = b"import hashlib\n\n\ndef digest(raw):\n    return hashlib.sha256(raw).hexdigest()\n"
GUARD = b"def drop(user, row):\n    if user.name != OWNER:\n        raise Denied(user)\n    row.delete()\n"
NOBODY = "nobody judged any of the injected flaws"
CHANGE = {"a.py": HASH, "b.py": GUARD}


def quiet(_message: str) -> None:
    return


def run(scanner: Scanner, trial: Trial | None = None, files: Mapping[str, bytes] = CHANGE) -> Found:
    return detect(files, {}, means=Means((scanner,)), trial=trial or Trial(), progress=quiet)


def measured(scanner: Scanner, tests: Tests | None = None, **more: object) -> Detection:
    found = run(scanner, Trial(tests=tests, **more))  # type: ignore[arg-type]  # fields of a trial by their names
    assert isinstance(found, Detection)
    return found


def outcomes(found: Detection) -> dict[str, Outcome]:
    return {row.kind: row.outcome for row in found.rows}


def hashes_well(changed: Mapping[str, bytes]) -> bool:
    """Fail when the hash is no longer the one that the project wants."""
    space: dict[str, object] = {}
    exec(changed.get("a.py", HASH), space)  # noqa: S102  # texts of this file
    digest = space["digest"]
    assert callable(digest)
    return bool(digest(b"x") != hashlib.sha256(b"x").hexdigest())


def test_a_scanner_notices_what_it_sees_in_the_mutant_and_not_in_the_head(sees: See) -> None:
    found = measured(sees(b"md5"))
    assert outcomes(found) == {"weak-hash": Outcome.BY_SCANNERS, "no-permission-guard": Outcome.UNNOTICED}
    assert (found.noticed, found.judged, found.total, found.per_mille) == (1, 2, 2, 500)
    assert found.tests is TestsUse.NOT_GIVEN


def test_what_nobody_noticed_is_named_with_its_file_and_line(sees: See) -> None:
    (row,) = measured(sees(b"md5")).unnoticed
    assert row.sentence == "nobody would have noticed if the check of permission were gone on line 2 of b.py"
    assert row.diff == "if user.name != OWNER: raise Denied(user) -> if user.name != OWNER: pass"


def test_a_finding_that_the_head_has_as_well_notices_nothing(sees: See) -> None:
    """A flaw beside the weakened code takes a new name when its statement changes; it is the same flaw."""
    assert measured(sees(b"return")).noticed == 0
    assert measured(sees(b"raw")).noticed == 0


def test_a_finding_that_costs_nothing_notices_nothing(sees: See) -> None:
    assert measured(sees(b"md5", Severity.INFO)).noticed == 0
    assert measured(sees(b"md5", Severity.LOW)).noticed == 1


def test_a_failed_scanner_has_judged_nothing(failing: Scanner) -> None:
    assert run(failing) == NotRun(NOBODY)


def test_tests_judge_where_a_scanner_failed(failing: Scanner) -> None:
    found = measured(failing, hashes_well)
    assert outcomes(found) == {"weak-hash": Outcome.BY_TESTS, "no-permission-guard": Outcome.UNNOTICED}


def test_tests_are_asked_only_about_what_scanners_missed(sees: See) -> None:
    asked: list[str] = []

    def tests(changed: Mapping[str, bytes]) -> bool:
        asked.extend(changed)
        return False

    measured(sees(b"md5"), tests)
    assert asked == ["b.py", "b.py"]  # the placebo, then the flaw


def test_tests_that_fail_without_any_flaw_notice_nothing(sees: See) -> None:
    found = measured(sees(b"md5"), lambda _changed: True)
    assert (found.noticed, found.tests) == (1, TestsUse.FAIL_ANYWAY)


def test_tests_that_compare_the_source_with_a_digest_notice_nothing(sees: See) -> None:
    found = measured(sees(b"md5"), lambda changed: any(changed[path] != CHANGE[path] for path in changed))
    assert (found.noticed, found.judged, found.tests) == (1, 2, TestsUse.RAN)


def test_tests_that_count_their_runs_notice_nothing(sees: See) -> None:
    runs: list[int] = []

    def tests(_changed: Mapping[str, bytes]) -> bool:
        runs.append(1)
        return len(runs) > 4  # passes on the head, on a placebo and its flaw, and on a second placebo

    found = measured(sees(b"nothing"), tests)
    assert (found.noticed, found.tests) == (0, TestsUse.FAIL_ANYWAY)


def test_tests_that_could_not_run_leave_the_word_to_the_scanners(sees: See) -> None:
    found = measured(sees(b"md5"), lambda _changed: None)
    assert (found.noticed, found.judged, found.tests) == (1, 2, TestsUse.COULD_NOT_RUN)


def test_a_flaw_that_the_tests_could_not_run_on_was_not_noticed(sees: See, failing: Scanner) -> None:
    found = measured(sees(b"md5"), lambda changed: None if changed else False)
    assert outcomes(found)["no-permission-guard"] is Outcome.UNNOTICED
    assert run(failing, Trial(tests=lambda changed: None if changed else False)) == NotRun(NOBODY)


def ticking() -> Callable[[], float]:
    seconds: Iterator[int] = iter(range(1000))
    return lambda: float(next(seconds))


@pytest.mark.parametrize("seconds", [0, 1, 2, 3, 4, 7])
def test_what_time_ran_out_for_is_not_judged_and_never_noticed(seconds: int, sees: See) -> None:
    found = run(sees(b"nothing"), Trial(tests=hashes_well, seconds=seconds, clock=ticking()))
    if isinstance(found, Detection):
        assert found.noticed <= found.judged <= found.total == 2
        assert (found.tests is TestsUse.OUT_OF_TIME) == (found.judged < 2)
    else:
        assert isinstance(found, NotRun)
        assert seconds < 5


def test_slow_tests_do_not_make_the_share_larger(sees: See) -> None:
    found = measured(sees(b"md5"), hashes_well, seconds=0, clock=ticking())
    assert (found.noticed, found.judged, found.total, found.per_mille) == (1, 1, 2, 500)
    assert found.unnoticed[0].by == "no time was left"


def test_a_change_with_nothing_to_weaken_says_so(sees: See) -> None:
    assert (
        run(sees(b"x"), files={"a.py": b"x = 1\n", "notes.md": b"# Notes\n", "b.js": b"eval(x)\n"}) == NothingToInject()
    )
    assert detect(CHANGE, CHANGE, means=Means((sees(b"x"),)), trial=Trial(), progress=quiet) == NothingToInject()
    assert run(sees(b"x"), files={}) == NothingToInject()


def test_a_rename_is_no_change(sees: See) -> None:
    moved = {f"new/{path}": content for path, content in CHANGE.items()}
    assert detect(moved, CHANGE, means=Means((sees(b"x"),)), trial=Trial(), progress=quiet) == NothingToInject()


def test_a_renamed_file_with_one_new_line_is_weakened_there_alone(sees: See) -> None:
    head = {"new.py": GUARD + b"digest = hashlib.sha256\n" + HASH}
    base = {"old.py": GUARD + HASH}
    found = detect(head, base, means=Means((sees(b"x"),)), trial=Trial(), progress=quiet)
    assert isinstance(found, Detection)
    assert [(row.kind, row.line) for row in found.rows] == [("weak-hash", 5)]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(HASH + b"# " + b"x" * 600_000 + b"\n", id="large"),
        pytest.param(HASH + b"\x00", id="nul-byte"),
        pytest.param(HASH + b"x = '\xff'\n", id="not-utf8"),
        pytest.param(HASH + b"\r#\n", id="lone-return"),
        pytest.param(HASH + b"x = (\n", id="broken"),
        pytest.param(HASH + b"x = " + b"(" * 3000 + b")" * 3000 + b"\n", id="deep"),
        pytest.param(HASH + b"x = f" + b"()" * 3000 + b"\n", id="calls"),
        pytest.param(HASH + b"x = " + b"-" * 100_000 + b"1\n", id="minuses"),
        pytest.param(HASH + b"x = " + b"1+" * 20_000 + b"1\n", id="sums"),
    ],
)
def test_python_that_nobody_can_weaken_is_never_nothing_to_weaken(content: bytes, sees: See) -> None:
    alone = run(sees(b"x"), files={"a.py": content})
    assert isinstance(alone, NotRun)
    assert "a.py" in alone.reason
    among = run(sees(b"x"), files={"a.py": content, "b.py": GUARD})
    assert isinstance(among, Detection)
    assert [path for path, _ in among.unread] == ["a.py"]


def test_a_change_that_is_too_large_is_not_weakened_in_part(sees: See) -> None:
    found = run(sees(b"x"), Trial(Bounds(total_bytes=100)))
    assert found == NotRun("2 changed files could not be weakened, such as a.py: the change is too large")


def test_flaws_that_break_every_file_are_no_flaws(sees: See) -> None:
    found = run(sees(b"x"), files={"a.py": b"def f(user):\n    return a and (user)\n"})
    assert found == NotRun("none of 1 flaws left a program that parses")


def test_python_hides_in_no_name(sees: See) -> None:
    found = run(
        sees(b"md5"), files={"tests/vendor/run": HASH, "x.pyw": HASH + b"y = 1\n", "t": b"#!/bin/python\n" + GUARD}
    )
    assert isinstance(found, Detection)
    assert [row.path for row in found.rows if row.kind == "no-permission-guard"] == ["t"]
    assert {row.path for row in found.rows} == {"tests/vendor/run", "x.pyw", "t"}


PROSE = b'{"verify": True, "url": "https://example.org/x"}'


@pytest.mark.parametrize("content", [PROSE, PROSE + b"\n" * 600_000], ids=["short", "long"])
def test_a_text_that_only_looks_like_python_is_not_weakened(content: bytes, sees: See) -> None:
    assert run(sees(b"x"), files={"lock.txt": content}) == NothingToInject()


def test_a_large_program_without_a_name_is_not_overlooked(sees: See) -> None:
    found = run(sees(b"x"), files={"start": HASH + b"\n" * 600_000})
    assert found == NotRun("1 changed files could not be weakened, such as start: larger than 524288 bytes")


def test_a_thousand_flaws_are_two_dozen(sees: See) -> None:
    many = b"import hashlib\n" + b"".join(b"a%d = hashlib.sha256(b%d)\n" % (n, n) for n in range(1000))
    found = run(sees(b"md5"), files={"a.py": many})
    assert isinstance(found, Detection)
    assert (found.total, found.found, found.noticed) == (24, 1000, 24)


def test_the_same_change_gives_the_same_document_whatever_the_order(sees: See) -> None:
    backwards = run(sees(b"md5"), files=dict(reversed(CHANGE.items())))
    assert canonical.dumps(backwards.to_json()) == canonical.dumps(measured(sees(b"md5")).to_json())


def test_the_scanners_that_run_by_default_notice_a_weak_hash_and_no_missing_guard() -> None:
    found = detect(CHANGE, {}, means=Means(), trial=Trial(), progress=quiet)
    assert isinstance(found, Detection)
    assert outcomes(found)["weak-hash"] is Outcome.BY_SCANNERS


def unknown_kind() -> bytes:
    return (
        b'{"found": 1, "dropped": 0, "unread": [], "placebos": [], "chosen": [{"file": 0, "kind": "x", "edits": []}]}'
    )


def no_such_file() -> bytes:
    return b'{"found": 1, "dropped": 0, "unread": [{"file": 7, "why": "x"}], "placebos": [], "chosen": []}'


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", unknown_kind(), no_such_file()])
def test_a_child_that_says_anything_else_is_an_error(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    from countermark_scanners import tool

    monkeypatch.setattr(tool, "run", lambda *_args, **_more: Completed(0, said, b""))
    with pytest.raises(ScannerError):
        inject(CHANGE, {}, Bounds(), ToolLimits())


def test_a_child_that_dies_is_an_error_and_not_nothing_to_weaken(monkeypatch: pytest.MonkeyPatch) -> None:
    from countermark_scanners import tool

    monkeypatch.setattr(tool, "run", lambda *_args, **_more: Completed(-11, b"", b""))
    with pytest.raises(ToolFailed):
        inject(CHANGE, {}, Bounds(), ToolLimits())


def test_a_mutant_that_a_scanner_could_not_read_is_not_judged(sees: See) -> None:
    from countermark_scanners.report import Unscanned

    def look(questions: Mapping[str, Question], _limits: ToolLimits) -> Answers:
        return {key: Unscanned("no") if b"md5" in one.content else () for key, one in questions.items()}

    blind = Scanner("blind", lambda: "1", lambda: "00" * 32, look, frozenset({"python"}), frozenset({"python"}))
    assert outcomes(measured(blind))["weak-hash"] is Outcome.NOT_JUDGED


def test_a_report_from_elsewhere_notices_nothing_whatever_paths_it_names(sees: See) -> None:
    hit = Hit("x/y", 79, Severity.CRITICAL, Confidence.MEDIUM, 1, 1, "m", "r")
    places = [f"{folder}/{path}" for folder in ("0", "1") for path in CHANGE]
    report = ThirdParty("elsewhere", "1", "00" * 32, dict.fromkeys(places, (hit,)))
    found = detect(CHANGE, {}, means=Means((sees(b"x"),), others=(report,)), trial=Trial(), progress=quiet)
    assert isinstance(found, Detection)
    assert (found.noticed, found.total) == (0, 2)


def test_what_a_link_points_at_is_no_code(sees: See) -> None:
    links = {"link.py": b"import hashlib; hashlib.sha256(x)", **CHANGE}
    found = detect(links, {}, means=Means((sees(b"x"),)), trial=Trial(), progress=quiet, special={"link.py"})
    assert isinstance(found, Detection)
    assert {row.path for row in found.rows} == set(CHANGE)
