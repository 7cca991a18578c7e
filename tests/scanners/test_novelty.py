"""Only what is new counts: multisets of flaws that mind neither renames, nor moves, nor line numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_scanners.finding import Confidence, Hit, Severity
from countermark_scanners.lines import Place, places
from countermark_scanners.novelty import Sighting, compare, sightings

SHOUT = Hit("fake/shout", 78, Severity.HIGH, Confidence.HIGH, 1, 1, "a shout", "Do not shout.")
BODY = "def f(x):\n    SHOUT(x)\n"


def sight(files: dict[str, str], hit: Hit = SHOUT) -> list[Sighting]:
    found: list[Sighting] = []
    for path, text in files.items():
        lines = enumerate(text.split("\n"), start=1)
        hits = tuple(replace(hit, line=n, column=line.index("SHOUT") + 1) for n, line in lines if "SHOUT" in line)
        found += sightings(path, text, {"fake": hits})
    return found


@pytest.mark.parametrize(
    ("base", "head", "new"),
    [
        pytest.param({"a.py": BODY}, {"a.py": BODY}, 0, id="unchanged"),
        pytest.param({"a.py": BODY}, {"b.py": BODY}, 0, id="renamed"),
        pytest.param({"a.py": BODY}, {"a.py": "# one\n\n\n" + BODY}, 0, id="moved-down"),
        pytest.param({"a.py": BODY}, {"a.py": "def f(x):\n    SHOUT( x )  # why\n"}, 0, id="reformatted"),
        pytest.param({"a.py": BODY}, {"a.py": "def f(x):\n  SHOUT(\n    x)\n"}, 0, id="wrapped"),
        pytest.param({}, {"a.py": BODY}, 1, id="added"),
        pytest.param({"a.py": BODY}, {"a.py": BODY + "    SHOUT(x)\n"}, 1, id="a-second-copy-in-place"),
        pytest.param({"a.py": BODY}, {"a.py": BODY, "b.py": BODY}, 1, id="a-copy-in-another-file"),
        pytest.param({"a.py": BODY}, {"a.py": "def f(x):\n    SHOUT(x + 1)\n"}, 1, id="other-code"),
        pytest.param({"a.py": BODY}, {"a.py": "def g(x):\n    SHOUT(x)\n"}, 1, id="another-function"),
        pytest.param({"a.py": BODY, "b.py": BODY}, {"a.py": BODY}, 0, id="deleted"),
    ],
)
def test_a_flaw_is_new_exactly_when_the_base_had_no_partner(
    base: dict[str, str], head: dict[str, str], new: int
) -> None:
    found, old = compare(sight(head), sight(base))
    assert len(found) == new
    assert len(found) + len(old) == len(sight(head))


def test_a_flaw_that_got_worse_in_place_is_new() -> None:
    mild = replace(SHOUT, severity=Severity.LOW)
    assert [len(side) for side in compare(sight({"a.py": BODY}), sight({"a.py": BODY}, mild))] == [1, 0]
    assert [len(side) for side in compare(sight({"a.py": BODY}, mild), sight({"a.py": BODY}))] == [0, 1]


def test_the_copy_is_blamed_and_not_the_file_that_had_the_flaw() -> None:
    new, old = compare(sight({"a.py": BODY, "b.py": BODY}), sight({"b.py": BODY}))
    assert ([f.path for f in new], [f.path for f in old]) == (["a.py"], ["b.py"])


def test_two_equal_flaws_have_two_names_so_that_one_waiver_covers_one() -> None:
    new, _ = compare(sight({"a.py": BODY, "b.py": BODY}), [])
    assert len({finding.fingerprint for finding in new}) == 2


def test_a_name_does_not_hold_the_path() -> None:
    (one,), _ = compare(sight({"a.py": BODY}), [])
    (other,), _ = compare(sight({"deep/b.py": BODY}), [])
    assert one.fingerprint == other.fingerprint
    assert one.path != other.path


def test_tools_that_agree_on_a_flaw_merge_to_the_worst() -> None:
    mild = replace(SHOUT, rule="other/x", severity=Severity.MEDIUM, column=9, line=2)
    (sighting,) = sightings("a.py", BODY, {"one": (replace(SHOUT, line=2),), "two": (mild,)})
    assert sighting.scanners == ("one", "two")
    assert sighting.hit.severity is Severity.HIGH


def test_tools_that_name_two_lines_of_one_statement_still_agree() -> None:
    text = "run(\n    command,\n    shell=True,\n)\n"
    first, third = replace(SHOUT, line=1), replace(SHOUT, line=3)
    assert len(sightings("a.py", text, {"one": (first,), "two": (third,)})) == 1


def test_two_flaws_of_one_kind_in_one_statement_are_two() -> None:
    text = "SHOUT(1), SHOUT(2)\n"
    twice = (SHOUT, replace(SHOUT, column=11))
    assert len(sightings("a.py", text, {"one": twice, "two": (SHOUT,)})) == 2


def test_other_kinds_of_flaw_on_one_line_do_not_merge() -> None:
    other = replace(SHOUT, cwe=502)
    assert len(sightings("a.py", "SHOUT(x)\n", {"one": (SHOUT, other)})) == 2


def test_a_line_of_a_long_statement_is_known_by_itself() -> None:
    table = "".join(f"    'k{n}': SHOUT({n}),\n" for n in range(30))
    before, after = f"X = {{\n{table}}}\n", f"X = {{\n    'new': 1,\n{table}}}\n"
    assert compare(sight({"a.py": after}), sight({"a.py": before}))[0] == ()


def test_text_that_does_not_tokenise_is_taken_line_by_line() -> None:
    assert places("x = '''\n  a\n")[2] == Place("a", "")


def test_a_line_knows_the_functions_around_it() -> None:
    text = "class A:\n    async def f(self):\n        x = 1\n    y = 2\nz = 3\ndef g(): pass\nw = 4\n"
    found = places(text)
    assert [found[n].context for n in (1, 2, 3, 4, 5, 6, 7)] == ["", "A", "A.f", "A", "", "", ""]


@given(st.lists(st.sampled_from([BODY, BODY + "    SHOUT(y)\n", "pass\n"]), max_size=6), st.randoms())
def test_no_rename_of_files_makes_anything_new(texts: list[str], random: object) -> None:
    base = {f"{n}.py": text for n, text in enumerate(texts)}
    shuffled = list(texts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types it as object
    head = {f"moved/{n}.py": text for n, text in enumerate(shuffled)}
    new, old = compare(sight(head), sight(base))
    assert new == ()
    assert len(old) == len(sight(base))


@given(
    st.lists(st.sampled_from([BODY, "SHOUT(1)\n", "pass\n"]), max_size=5),
    st.lists(st.sampled_from([BODY, "SHOUT(1)\n", "pass\n"]), max_size=5),
)
def test_new_is_the_multiset_difference(head: list[str], base: list[str]) -> None:
    new, _ = compare(
        sight({f"{n}.py": t for n, t in enumerate(head)}), sight({f"{n}.py": t for n, t in enumerate(base)})
    )
    expected = sum(max(0, head.count(text) - base.count(text)) for text in (BODY, "SHOUT(1)\n"))
    assert len(new) == expected


LOUD = replace(SHOUT, line=2)


def cleared(*, cwe: int = 78) -> Hit:
    return replace(LOUD, rule="followed", cwe=cwe, severity=Severity.INFO, clears=True)


def test_a_pattern_where_somebody_followed_the_data_is_shown_and_costs_nothing() -> None:
    (found,) = sightings("a.py", BODY, {"follows": (cleared(),), "matches": (LOUD,)})
    assert found.weight[0] == 0
    assert found.hit.severity > Severity.INFO
    assert found.scanners == ("matches",)
    assert "follows found only known or cleaned data there" in found.hit.message


def test_what_was_cleared_of_another_flaw_stays_as_sure_as_it_was() -> None:
    (found,) = sightings("a.py", BODY, {"follows": (cleared(cwe=89),), "matches": (LOUD,)})
    assert found.hit.confidence == SHOUT.confidence


def test_who_clears_and_reports_one_place_clears_nothing() -> None:
    (found,) = sightings("a.py", BODY, {"follows": (cleared(), LOUD), "matches": (LOUD,)})
    assert (found.hit.confidence, found.scanners) == (SHOUT.confidence, ("follows", "matches"))


def test_a_place_that_is_only_cleared_is_no_finding() -> None:
    assert sightings("a.py", BODY, {"follows": (cleared(),)}) == []
