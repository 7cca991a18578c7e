"""Hostile names on a terminal: what a reader could not see is spelled out."""

from __future__ import annotations

import json
import shutil
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.display import safe, safe_json, word


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("src/app.py", "src/app.py", id="plain"),
        pytest.param("città/東京 é.py", "città/東京 é.py", id="any-script"),
        pytest.param("", "", id="empty"),
        pytest.param("a\nb", r"a\nb", id="newline"),
        pytest.param("a\r\tb", r"a\r\tb", id="carriage-return-and-tab"),
        pytest.param("\x1b[2J", r"\x1b[2J", id="terminal-escape"),
        pytest.param("\x9b31m", r"\x9b31m", id="eight-bit-escape"),
        pytest.param("\x00\x7f", r"\x00\x7f", id="nul-and-delete"),
        pytest.param("a\u202eb", r"a\u202eb", id="right-to-left-override"),
        pytest.param("a\u2066b\u2069", r"a\u2066b\u2069", id="bidi-isolates"),
        pytest.param("a\u200bb\u200db", r"a\u200bb\u200db", id="zero-width"),
        pytest.param("\ufeffa", r"\ufeffa", id="byte-order-mark"),
        pytest.param("a\u00adb", r"a\xadb", id="soft-hyphen"),
        pytest.param("a\u2028b\u2029c", r"a\u2028b\u2029c", id="line-and-paragraph-separators"),
        pytest.param("a\u00a0b\u3000c", r"a\xa0b\u3000c", id="other-spaces"),
        pytest.param("a\u3164b\u2800c\uffa0", r"a\u3164b\u2800c\uffa0", id="blank-letters"),
        pytest.param("a\ufe0fb\U000e0101", r"a\ufe0fb\U000e0101", id="variation-selectors"),
        pytest.param("a\U000e0041b", r"a\U000e0041b", id="tag-characters"),
        pytest.param("a\ue000b", r"a\ue000b", id="private-use"),
        pytest.param("a\udc80b\ud800", r"a\udc80b\ud800", id="undecodable-bytes"),
        pytest.param("a##[set-output name=x;]y", r"a\x23#[set-output name=x;]y", id="a-log-command"),
        pytest.param("##vso[task.x]", r"\x23#vso[task.x]", id="a-log-command-of-azure"),
        pytest.param("###teamcity[x]", r"#\x23#teamcity[x]", id="a-log-command-of-teamcity"),
        pytest.param(" ::error::x", r" \x3a:error::x", id="a-log-command-at-the-beginning"),
        pytest.param("a::b # c ## d [e]", "a::b # c ## d [e]", id="colons-and-hashes"),
    ],
)
def test_what_hides_is_spelled_out_and_the_rest_is_left_alone(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text(st.characters()))
def test_what_is_shown_is_one_line_without_controls(text: str) -> None:
    shown = safe(text)
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert safe(shown) == shown


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("src/app.py", "src/app.py"),
        ("it's $(a) b.py", "'it'\"'\"'s $(a) b.py'"),
        ("città 東京.py", "'città 東京.py'"),
        ("\u202egpj.py", r"$'\342\200\256gpj.py'"),
        ("a\x1b[31m'b\\c!", r"$'a\033[31m\047b\134c\041'"),
        ("a##[group]b", r"$'a\043\043[group]b'"),
        ("a\udcffb\ud800", r"$'a\377b\355\240\200'"),
    ],
)
def test_a_word_is_quoted_and_what_hides_in_it_is_spelled_in_octal(text: str, spelled: str) -> None:
    assert word(text) == spelled


@given(st.text(st.characters(exclude_characters="\0")))
def test_a_word_hides_nothing_and_is_one_line(text: str) -> None:
    assert safe(word(text)) == word(text)


@pytest.mark.parametrize("shell", ["bash", *filter(shutil.which, ("zsh", "ksh"))])
def test_a_shell_reads_a_word_as_what_it_spells(shell: str) -> None:
    hostile = ["\u202egpj.py", "a\x1b[31m'b\\c!", "a\nb\t", "\udcff1", "##[x]", "-rf *", "$(x)`y`\u200b", "::a\x07"]
    script = f"printf '%s\\0' {' '.join(map(word, hostile))}"
    done = subprocess.run([shell, "-c", script], capture_output=True, check=True)
    assert done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1] == hostile


@given(st.text(st.sampled_from('#[:vsoa \n"\\')))
def test_json_without_log_commands_says_the_same(text: str) -> None:
    printed = safe_json(json.dumps({"##[x]": text}))
    assert json.loads(printed) == {"##[x]": text}
    assert "##[" not in printed
    assert "##vso[" not in printed


@given(st.text(st.sampled_from("#[:vsoa ")))
def test_no_text_gives_a_log_command(text: str) -> None:
    shown = safe(text)
    assert "##[" not in shown
    assert "##vso[" not in shown
    assert not shown.lstrip().startswith("::")
