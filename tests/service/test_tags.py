"""Prompt tags: which words of a task are public, and that nothing else of it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_service.exits import UsageError
from countermark_service.tags import KNOWN, MAX_TAGS, tags_of

from .conftest import Desk


@pytest.mark.parametrize(
    ("task", "tags"),
    [
        pytest.param("@secure add a login page", ["@secure"], id="first"),
        pytest.param("add a login page @secure", ["@secure"], id="last"),
        pytest.param("a page (@secure, nothing else): now!", ["@secure"], id="among-marks"),
        pytest.param("as @ada said: @secured @secure-ish", [], id="a-name-and-other-words"),
        pytest.param("@secure @secure", ["@secure"], id="twice"),
        pytest.param("ask ada@example.com", [], id="an-address"),
        pytest.param("use @types/node and @angular/core", [], id="a-package"),
        pytest.param("@Ada wrote it", [], id="a-name-in-capitals"),
        pytest.param("@ @1 @-x @ä", [], id="no-word"),
        pytest.param("@" + "x" * 33, [], id="endless"),
        pytest.param("@secure.evil", [], id="a-word-in-two"),
        pytest.param(None, [], id="no-task"),
    ],
)
def test_only_words_that_are_known_as_tags_are_taken_out_of_a_task(task: str | None, tags: list[str]) -> None:
    assert list(tags_of(task, ())) == tags


def test_tags_that_are_given_join_those_of_the_task() -> None:
    assert tags_of("do it @secure", ["tested", "@secure"]) == ("@secure", "@tested")


@pytest.mark.parametrize("word", ["", "@", "Secure", "two words", "@a@b", "x" * 33, "@\x1b[31m"])
def test_what_can_be_no_tag_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        tags_of(None, [word])


def test_there_is_an_end_to_tags() -> None:
    words = [f"t{number}" for number in range(MAX_TAGS + 1)]
    assert len(tags_of(None, words[:-1])) == MAX_TAGS
    with pytest.raises(UsageError):
        tags_of(None, words)


@given(st.lists(st.sampled_from(["@secure", "@ada", "secure", " ", "(", "@"]), max_size=9).map("".join) | st.text())
def test_a_tag_holds_nothing_of_a_task_but_a_known_word(task: str) -> None:
    found = set(tags_of(task, ()))
    assert found <= KNOWN
    assert all(tag in task for tag in found)


@pytest.mark.parametrize("command", ["record", "sign"])
def test_tags_are_signed_and_shown_and_the_task_is_not(desk: Desk, command: str) -> None:
    task = "@secure put the password hunter2 nowhere"
    if command == "record":
        desk.must("record", "--agent", "coder", "--task", task, "--tag", "tested", "--", "sh", "-c", "echo x >> app.py")
    else:
        desk.write({"app.py": "one\ntwo\nx\n"})
        desk.must("sign", "--agent", "coder", "--task", task, "--tag", "tested")
    desk.commit()
    made = desk.generations()[-1]
    assert made.tags == ("@secure", "@tested")
    assert made.task is not None
    assert "hunter2" not in json.dumps([statement.predicate for statement in desk.statements()])
    assert desk.json("blame", "app.py", "--json")[2]["tags"] == ["@secure", "@tested"]
    code, out, err = desk.run(
        command, "--agent", "coder", "--tag", "Not A Tag", *(["--", "true"] if command == "record" else [])
    )
    assert (code, out) == (2, "")
    assert "expected @ and 1 to 32" in err
