"""Hostile files: each comes to an end within its bounds, as findings or as a reason, and never as a crash."""

from __future__ import annotations

import ast
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countermark_scanners import flow
from countermark_scanners.errors import Unreadable
from countermark_scanners.finding import Hit
from countermark_scanners.flow import folding, looking, patterns, text
from countermark_scanners.flow.values import constant
from countermark_scanners.question import Question

SENT = "from flask import request\nimport os\n"


def look(source: str) -> list[Hit]:
    return flow.look(Question("python", source.encode(), "hostile.py"))


WRITTEN = tomllib.loads(Path(__file__).with_name("hostile.toml").read_text(encoding="utf-8"))
GENERATED = {
    "deep-parentheses": "x = " + "(" * 150 + "1" + ")" * 150,
    "long-sum": "x = " + " + ".join(["y"] * 150),
    "many-statements": "\n".join(f"x{n} = x{n - 1}" for n in range(1, 20_000)),
    "many-branches": "\n".join(f"if c{n}:\n    x{n} = 1" for n in range(3_000)),
    "huge-list": "x = [" + ", ".join(["1"] * 50_000) + "]",
    "huge-dictionary": "x = {" + ", ".join(f"'{n}': {n}" for n in range(20_000)) + "}",
    "list-of-dictionaries": "x = ["
    + ", ".join(f"{{'n': {n}}}" for n in range(3_000))
    + "]\nfor y in x:\n    print(y['n'])",
    "huge-joins": "x = 'a' * 9999\n" + "x = x.replace('a', 'aaaaaaaaaa')\n" * 30,
    "doubling": "x = ['a']\n" + "x = x + x\n" * 60,
    "nested-doubling": "x = ()\n" + "x = (x, x)\n" * 60,
    "calling-each-other": "\n".join(f"def f{n}(x):\n    return f{(n + 1) % 9}(f{(n + 2) % 9}(x))" for n in range(9)),
    "calling-twice": "\n".join(f"def f{n}(x):\n    return f{n + 1}(x) + f{n + 1}(x)" for n in range(60)),
    "loops-in-loops": "".join("    " * n + f"for v{n} in range(9):\n" for n in range(18)) + "    " * 18 + "x = v0",
    "while-in-while": "".join("    " * n + f"while c{n}:\n" for n in range(18)) + "    " * 18 + "x = x + [x]",
    "tries-in-tries": "".join("    " * n + "try:\n" for n in range(18))
    + "    " * 18
    + "pass\n"
    + "".join("    " * n + "except E:\n" + "    " * (n + 1) + "pass\n" for n in reversed(range(18))),
    "lambdas-in-lambdas": "x = " + "lambda: " * 60 + "1\n" + "x" + "()" * 60,
    "many-functions": "\n".join(f"def f{n}():\n    pass" for n in range(600))
    + "\nX = ["
    + ", ".join(f"f{n}" for n in range(600))
    + "]\nfor f in X:\n    f()",
    "many-classes": "\n".join(f"class C{n}:\n    def m(self):\n        self.x = self" for n in range(300)),
}
HOSTILE = {**WRITTEN, **GENERATED}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_comes_to_an_end(name: str) -> None:
    assert isinstance(look(HOSTILE[name]), list)


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - {"self-calling", "unbound"}))  # these end in an error first
def test_a_hostile_file_hides_no_flaw_beside_it(name: str) -> None:
    hits = look(f"{HOSTILE[name]}\n{SENT}def flaw():\n    os.system(request.args['x'])\n")
    assert 78 in {hit.cwe for hit in hits if not hit.clears}


def test_code_that_is_nested_too_deeply_is_a_reason_and_not_clean() -> None:
    with pytest.raises(Unreadable):
        look("x = " + "-" * 300 + "1")


def test_text_that_is_no_python_is_a_reason_and_not_clean() -> None:
    with pytest.raises(Unreadable):
        look("def (")


def test_what_takes_too_long_is_a_reason_and_not_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    scarce = tuple(replace(one, steps=50) for one in looking.PRECISIONS)
    monkeypatch.setattr(looking, "PRECISIONS", scarce)
    with pytest.raises(Unreadable):
        look("\n".join(["x = x + 1"] * 99))


def test_a_file_that_is_too_much_to_be_looked_at_closely_hides_no_flaw() -> None:
    heavy = "\n".join(f"def f{n}(x):\n    return f{n + 1}(x) + f{n + 1}(x) + f{n + 2}([x])" for n in range(200))
    hits = look(f"{SENT}{heavy}\ndef f200(x):\n    os.system(x)\ndef flaw():\n    f0(request.args['x'])\n")
    assert 78 in {hit.cwe for hit in hits if not hit.clears}


def test_looking_twice_says_the_same_and_leaves_python_as_it_was() -> None:
    limit = sys.getrecursionlimit()
    source = f"{SENT}def f():\n    os.system(request.args['x'] + request.form['y'])\n"
    assert look(source) == look(source)
    assert sys.getrecursionlimit() == limit


NAMES = st.sampled_from(["a", "b", "request", "os", "f", "A"])
LEAVES = st.one_of(
    NAMES, st.sampled_from(["1", "'t'", "None", "[]", "{}", "b''", "request.args['x']", "f'{a}'", "(lambda a: a)"])
)


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]} + {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]})[{two[1]}]"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]})({two[1]}, *a, **b)"),
        st.tuples(inner, NAMES).map(lambda two: f"({two[0]}).{two[1]}"),
        st.tuples(inner, inner).map(lambda two: f"[{two[0]} for {two[1][:0]}a in ({two[1]})]"),
        st.tuples(inner, inner, inner).map(lambda three: f"({three[0]} if {three[1]} in {three[2]} else {three[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} and not {two[1]} or {two[0]})"),
        inner.map(lambda one: f"({one}).format({one}).join(a)"),
        inner.map(lambda one: f"getattr({one}, 'x', {one})"),
        inner.map(lambda one: f"({one})[1:-1]"),
    )


EXPRESSIONS = st.recursive(LEAVES, grow, max_leaves=8)
STATEMENTS = st.one_of(
    st.tuples(NAMES, EXPRESSIONS).map(lambda two: f"{two[0]} = {two[1]}"),
    EXPRESSIONS.map(lambda one: f"a, *b = {one}"),
    st.tuples(NAMES, EXPRESSIONS).map(lambda two: f"{two[0]} += {two[1]}"),
    EXPRESSIONS.map(lambda one: f"if {one}:\n    a = {one}\nelse:\n    b = a"),
    EXPRESSIONS.map(lambda one: f"for a in {one}:\n    b = a\n    if b: break"),
    EXPRESSIONS.map(lambda one: f"while {one}:\n    a = [a, b]\n    continue"),
    EXPRESSIONS.map(lambda one: f"def f(a, b={one}, *c, **d):\n    global os\n    os = a\n    return {one}"),
    EXPRESSIONS.map(
        lambda one: f"class A(A):\n    x = {one}\n    def f(self, b):\n        self.x = b\n        return {one}"
    ),
    EXPRESSIONS.map(lambda one: f"try:\n    a = {one}\nexcept E as b:\n    raise\nfinally:\n    a = b"),
    EXPRESSIONS.map(lambda one: f"with {one} as (a, b):\n    os.system(a)"),
    EXPRESSIONS.map(lambda one: f"match {one}:\n    case [a, *b]:\n        pass\n    case {{'x': a}}:\n        pass"),
    EXPRESSIONS.map(lambda one: f"a.b[{one}] = {one}\ndel a.b[{one}]"),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=6))
def test_any_program_comes_to_an_end_without_a_crash(statements: list[str]) -> None:
    source = "\n".join(statements)
    ast.parse(source)
    try:
        hits = look(source)
    except Unreadable:
        return  # a reason is an answer too
    assert all(hit.line >= 1 for hit in hits)


@given(st.text(max_size=30), st.text(max_size=5), st.text(max_size=5), st.integers(-9, 9), st.integers(-9, 9))
def test_what_is_folded_is_what_python_says(one: str, old: str, new: str, start: int, stop: int) -> None:
    value = constant(one)
    replaced = folding.method(value, "replace", [constant(old), constant(new)])
    cut = folding.piece(value, [constant(start), constant(stop), constant(None)])
    assert replaced is not None
    assert cut is not None
    assert (replaced.single(), cut.single()) == (one.replace(old, new), one[start:stop])


@given(st.lists(st.text(alphabet="ab{}%", max_size=6), max_size=4), st.text(alphabet="xyz", max_size=5))
def test_text_put_together_is_what_python_says(parts: list[str], separator: str) -> None:
    joined = text.join_parts(constant(separator), [constant(one) for one in parts])
    assert joined.single() == separator.join(parts)


@given(st.text(max_size=40))
def test_no_pattern_stops_the_reader_of_patterns(pattern: str) -> None:
    assert isinstance(patterns.harmless(pattern, "match"), tuple)
    assert patterns.explodes(pattern) in {True, False}
