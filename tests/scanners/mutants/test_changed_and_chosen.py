"""Which code is new, which of its weakenings are tried, and that nothing cheap rolls the dice again."""

from __future__ import annotations

import ast

import pytest

from countermark_scanners.mutants.changed import new, units
from countermark_scanners.mutants.edit import apply
from countermark_scanners.mutants.placebo import placebo
from countermark_scanners.mutants.selection import ATTEMPTS, Choice, candidates, choose, read
from countermark_scanners.mutants.text import Text

HASH = "import hashlib\n\n\ndef digest(raw):\n    return hashlib.sha256(raw).hexdigest()\n"
GUARD = "def drop(user, row):\n    if user.name != OWNER:\n        raise Denied(user)\n    row.delete()\n"


def text(source: str) -> Text:
    return Text(source.encode())


def fresh(head: str, *base: str) -> list[str]:
    ours = text(head)
    (found,) = new([list(units(ours))], [list(units(text(one))) for one in base])
    return [ours.said(unit.span).strip() for unit in found]


def chosen(heads: list[str], bases: list[str | None], *gone: str, most: int = 24) -> Choice:
    texts: list[Text | None] = [text(head) for head in heads]
    before = [None if base is None else base.encode() for base in bases]
    return choose(candidates(texts, before, [one.encode() for one in gone]), texts, most)


def names(choice: Choice) -> list[str]:
    return [one.site.kind.name for one in choice.chosen]


def test_only_statements_that_the_base_had_not_are_new() -> None:
    assert fresh("a = 1\nb = 2\n", "a = 1\n") == ["b = 2"]


def test_spacing_comments_and_lines_make_nothing_new() -> None:
    assert fresh("# hi\n\n\na = f(\n    1,\n    2,\n)\n", "a = f(1, 2)  # one\n") == []


def test_a_second_copy_is_new_and_so_is_a_move_into_another_function() -> None:
    assert fresh("a = 1\na = 1\n", "a = 1\n") == ["a = 1"]
    assert fresh("def f():\n    a = 1\n", "def g():\n    a = 1\n") == ["def f():", "a = 1"]


def test_the_head_of_a_block_and_its_decorators_are_apart_from_what_is_in_it() -> None:
    head = "@one\n@two\ndef f(a):\n    return a\n"
    assert fresh(head, "@one\ndef f(a):\n    return a\n") == ["two"]
    assert fresh(head, "@one\n@two\ndef f():\n    return a\n") == ["def f(a):"]
    assert fresh(head, "@one\n@two\ndef f(a):\n    return b\n") == ["return a"]


def test_of_a_long_statement_only_the_lines_that_differ_are_new() -> None:
    lines = [f"    'k{number}': {number},\n" for number in range(40)]
    base = "x = {\n" + "".join(lines) + "}\n"
    assert fresh(base.replace("'k7': 7", "'k7': 8"), base) == ["'k7': 8,"]


def test_what_was_moved_to_another_file_is_not_new() -> None:
    assert fresh(HASH, "", HASH) == []


def test_handlers_branches_and_cases_are_taken_apart() -> None:
    head = "try:\n    a\nexcept E:\n    b\nelse:\n    c\nfinally:\n    d\nmatch e:\n    case 1:\n        f\n"
    assert fresh(head, "") == ["try:", "a", "except E:", "b", "c", "d", "match e:\n    case 1:", "f"]


def test_only_changed_lines_are_weakened() -> None:
    assert names(chosen([HASH], [HASH])) == []
    assert names(chosen([HASH + GUARD], [HASH])) == ["no-permission-guard"]
    assert names(chosen([HASH], [None])) == ["weak-hash"]
    assert names(chosen([HASH], [None], HASH)) == []


def test_a_guard_whose_refusal_was_changed_is_a_changed_guard() -> None:
    assert names(chosen([GUARD], [GUARD.replace("Denied(user)", "Denied")])) == ["no-permission-guard"]


@pytest.mark.parametrize("name", ["test", "test_login", "testLogin"])
def test_tests_are_who_notices_and_are_not_weakened(name: str) -> None:
    inside = f"class A:\n    def {name}(self):\n        assert user.is_admin\n"
    assert names(chosen([inside], [None])) == []
    assert names(chosen([inside.replace(name, "contest_test")], [None])) == ["no-assertion"]


def test_a_base_that_cannot_be_read_makes_everything_new() -> None:
    assert names(chosen([HASH], ["x = ("])) == ["weak-hash"]


def test_a_head_that_cannot_be_read_says_why() -> None:
    assert read(b"x = (\n") == "does not parse: SyntaxError"
    assert read(b"x = " + b"-" * 5_000 + b"1\n") == "does not parse: RecursionError"


def test_the_number_is_capped_and_spread_over_kinds_first_and_files_then() -> None:
    many = "import hashlib\n" + "".join(f"a{n} = hashlib.sha256(b{n})\n" for n in range(50))
    choice = chosen([many, GUARD, HASH], [None, None, None], most=3)
    assert (len(choice.chosen), choice.found) == (3, 52)
    assert sorted(names(choice)) == ["no-permission-guard", "weak-hash", "weak-hash"]
    assert {one.file for one in choice.chosen} == {0, 1, 2}


def test_easy_flaws_of_one_kind_drown_no_other_kind() -> None:
    decoys = "import yaml\n" + "".join(f"a{n} = yaml.safe_load(b{n})\n" for n in range(300))
    assert "no-permission-guard" in names(chosen([decoys + GUARD], [None], most=4))


@pytest.mark.parametrize("noise", ["# again\n", "retries = 17\n", "\n\n\n", "def more():\n    return 3\n"])
def test_nothing_elsewhere_in_a_change_chooses_anew(noise: str) -> None:
    many = "import hashlib\n" + "".join(f"a{n} = hashlib.sha256(b{n})\n" for n in range(50))
    first, second = chosen([many], [None], most=5), chosen([noise + many], [None], most=5)
    assert [one.rank for one in first.chosen] == [one.rank for one in second.chosen]
    assert len(first.chosen) == 5


def test_equal_outcomes_are_tried_once() -> None:
    assert names(chosen(["run(shell=False)\n"], [None])) == ["shelled-string"]


def test_what_does_not_parse_afterwards_is_dropped_and_counted() -> None:
    broken = "def f(user):\n    return a and (user)\n"  # the closing bracket stays behind
    choice = chosen([broken], [None])
    assert (names(choice), choice.found, choice.dropped) == ([], 1, 1)


def test_attempts_are_bounded_when_nothing_parses_afterwards() -> None:
    broken = "".join(f"def f{n}(user):\n    return a{n} and (user)\n" for n in range(50))
    choice = chosen([broken], [None], most=2)
    assert (names(choice), choice.dropped) == ([], 2 * ATTEMPTS)


def test_a_placebo_changes_the_text_and_the_tree_at_the_weakened_statement_and_no_meaning() -> None:
    source = text(GUARD + "@one\n@login_required\ndef f(): ...\nx = 1; assert user.valid\n")
    spans = [source.span(node) for node in source.nodes if isinstance(node, (ast.If, ast.FunctionDef, ast.Assert))]
    said = apply(source.content, placebo(source, spans)).decode()
    assert said.count("pass") == 4
    assert "    pass\n    if user.name != OWNER:" in said
    assert "pass\n@one\n" in said
    assert "x = 1; pass; assert user.valid\n" in said
    assert said.endswith("# end of file\n")


def test_a_placebo_leaves_out_what_would_not_parse() -> None:
    source = text("if a:\n    b()\nelif user.valid:\n    c()\n")
    (branch,) = [node for node in source.nodes if isinstance(node, ast.If) and node.lineno == 3]
    ast.parse(apply(source.content, placebo(source, [source.span(branch)])))
