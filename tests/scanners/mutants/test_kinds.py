"""Every way to weaken code: where it applies, what it leaves, and where it does not apply."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

import countermark_policies
from countermark_scanners.errors import RulesMalformed
from countermark_scanners.mutants.edit import Site, apply
from countermark_scanners.mutants.kinds import kinds, parsed, sites
from countermark_scanners.mutants.text import Text

SAMPLES = tomllib.loads(Path(__file__).with_name("samples.toml").read_text(encoding="utf-8"))
KIND = {"title": "t", "cwe": 20, "loss": "it were gone", "edit": "call", "to": {"a": "b"}}


def of(kind: str, source: str) -> list[Site]:
    return [site for site in sites(Text(source.encode())) if site.kind.name == kind]


def weakened(kind: str, source: str) -> str:
    (site,) = of(kind, source)
    return apply(source.encode(), site.edits).decode()


def test_there_are_many_kinds_and_each_has_its_samples() -> None:
    assert sorted(kind.name for kind in kinds()) == sorted(SAMPLES)
    assert len(SAMPLES) > 50


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_kind_weakens_its_sample_and_leaves_a_program(kind: str) -> None:
    row = SAMPLES[kind]
    mutated = weakened(kind, row["sample"])
    ast.parse(mutated)
    assert row["weaker"] in mutated
    assert row["weaker"] not in row["sample"]


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_kind_leaves_its_counter_sample_alone(kind: str) -> None:
    ast.parse(SAMPLES[kind]["unchanged"])
    assert of(kind, SAMPLES[kind]["unchanged"]) == []


@pytest.mark.parametrize("prefix", ["x = 'ключ'; ", "\ufeff", "# сорок\r\n", "\x0c"], ids=ascii)
def test_what_stands_before_an_edit_in_other_letters_moves_nothing(prefix: str) -> None:
    source = f"{prefix}y = q(timeout=1); import requests; requests.get('ü', timeout=5, x='é')  # ж\nz = 'ю'\n"
    assert weakened("no-timeout", source) == source.replace("timeout=5", "timeout=None")


def test_nothing_in_an_f_string_is_edited_because_not_every_python_says_where_it_lies() -> None:
    assert of("unescaped-html", "import html\nx = f'{html.escape(name)}'\n") == []


def test_a_name_that_means_something_else_is_not_weakened() -> None:
    assert of("weak-hash", "class hashlib: ...\nx = hashlib.sha256(raw)\n") == []


@pytest.mark.parametrize(
    ("query", "values", "weaker"),
    [
        pytest.param('"a = %s"', "(a,)", "execute(\"a = '%s'\" % (a,))", id="percent"),
        pytest.param('"a = ?"', "[a]", "execute(\"a = '%s'\" % tuple([a]))", id="list"),
        pytest.param('"a = %(a)s"', "{'a': a}", "execute(\"a = '%(a)s'\" % {'a': a})", id="named"),
        pytest.param('"a = :a::text"', "{'a': a}", "execute(\"a = '%(a)s'::text\" % {'a': a})", id="colon"),
        pytest.param('text("a = :a")', "{'a': a}", "execute(text(\"a = '%(a)s'\" % {'a': a}))", id="wrapped"),
    ],
)
def test_every_spelling_of_a_placeholder_is_pasted(query: str, values: str, weaker: str) -> None:
    mutated = weakened("pasted-sql", f"db.execute({query}, {values})\n")
    assert mutated == f"db.{weaker}\n"
    ast.parse(mutated)


def test_a_guard_has_one_name_the_first_that_fits() -> None:
    source = "def f(path):\n    if not allowed(user) or not path.is_relative_to(root):\n        raise Denied\n"
    assert [site.kind.name for site in sites(Text(source.encode())) if site.kind.edit == "guard"] == ["no-path-guard"]


def test_a_pasted_query_means_the_same_for_honest_values() -> None:
    source = "ran.append('SELECT 1 WHERE a = ?')\ndb.execute('SELECT 1 WHERE a = ?', (7,))\n"
    said: list[str] = []
    exec(weakened("pasted-sql", source), {"ran": [], "db": type("D", (), {"execute": said.append})})  # noqa: S102  # ours
    assert said == ["SELECT 1 WHERE a = '7'"]


@pytest.mark.parametrize(
    "table",
    [
        pytest.param({**KIND, "edit": "no-such"}, id="unknown-edit"),
        pytest.param({**KIND, "wrods": ["a"]}, id="misspelt-field"),
        pytest.param({key: value for key, value in KIND.items() if key != "to"}, id="missing-field"),
        pytest.param({**KIND, "loss": ""}, id="nothing-lost"),
        pytest.param({**KIND, "cwe": "20"}, id="cwe-as-text"),
    ],
)
def test_a_table_with_other_fields_than_its_edit_takes_is_an_error(table: dict[str, object]) -> None:
    assert parsed("a-kind", KIND).data == {"to": {"a": "b"}}
    with pytest.raises(RulesMalformed):
        parsed("a-kind", table)


def test_a_name_of_a_kind_is_words_and_hyphens() -> None:
    with pytest.raises(RulesMalformed):
        parsed("A kind", KIND)


def test_a_broken_list_of_kinds_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(countermark_policies, "read", lambda _name: b"[a")
    kinds.cache_clear()
    try:
        with pytest.raises(RulesMalformed):
            kinds()
    finally:
        kinds.cache_clear()
