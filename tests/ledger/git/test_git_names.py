"""Which names nobody can sign for, and which of two names a file system takes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.git import names


@pytest.mark.parametrize(
    ("path", "because"),
    [
        pytest.param("a\nb", r"U\+000A", id="newline"),
        pytest.param("a\tb", r"U\+0009", id="tab"),
        pytest.param("a\x1b[2Jb", r"U\+001B", id="terminal-escape"),
        pytest.param("a\x7f", r"U\+007F", id="delete"),
        pytest.param("a\u202egpj.py", "bidi", id="bidi-override"),
        pytest.param("a\u2066b", "bidi", id="bidi-isolate"),
        pytest.param("a\u200db", "invisible", id="zero-width-joiner"),
        pytest.param("a\u3164b", "invisible", id="hangul-filler"),
        pytest.param("a\ufe0fb", "invisible", id="variation-selector"),
        pytest.param("a\u2028b", "line", id="line-separator"),
        pytest.param("a\u00a0b", "space", id="no-break-space"),
        pytest.param("a\ue000b", "private", id="private-use"),
        pytest.param("a\U000e0fffb", "unassigned", id="unassigned"),
        pytest.param(b"caf\xe9.py".decode("utf-8", "surrogateescape"), "UTF-8", id="latin-1"),
        pytest.param(b"\xed\xa0\x80".decode("utf-8", "surrogateescape"), "UTF-8", id="encoded-surrogate"),
        pytest.param("a/../b", "'..'", id="dot-dot"),
        pytest.param("./b", "'.'", id="dot"),
        pytest.param("a\\..\\b", "'..'", id="dot-dot-in-backslashes"),
        pytest.param(".git/config", ".git", id="dot-git"),
        pytest.param("a/.GIT/config", ".git", id="dot-git-upper-case"),
        pytest.param(".git./config", ".git", id="dot-git-with-a-dot"),
        pytest.param(".git /config", ".git", id="dot-git-with-a-space"),
        pytest.param(".git::$INDEX_ALLOCATION/config", ".git", id="dot-git-as-a-stream"),
        pytest.param("GIT~1/config", ".git", id="dot-git-short-name"),
        pytest.param("a\\.git\\config", ".git", id="dot-git-in-backslashes"),
        pytest.param("．ｇｉｔ/config", ".git", id="dot-git-fullwidth"),  # noqa: RUF001  # the attack
        pytest.param("a" * 4097, "4096", id="too-long"),
    ],
)
def test_a_name_that_a_reader_could_take_for_another_is_refused(path: str, because: str) -> None:
    with pytest.raises(AssertionError, match=because):
        raise AssertionError(names.refusal(path))


@pytest.mark.parametrize(
    "path",
    [
        "src/app.py",
        "-rf",
        'quo"te',
        "a b",
        ".gitignore",
        ".github/x.yml",
        "naïve/日本語.py",
        "agit",
        "dev\\x2dlabel.swap",
        "git~",
    ],
)
def test_an_unusual_name_that_reads_one_way_is_accepted(path: str) -> None:
    assert names.refusal(path) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Readme", "README", id="case"),
        pytest.param("caf\u00e9", "cafe\u0301", id="nfc-and-nfd"),
        pytest.param("stra\u00dfe", "STRASSE", id="sharp-s"),
        pytest.param("\u212aey", "key", id="kelvin-sign"),
        pytest.param("\ufb01le", "file", id="ligature"),
        pytest.param("\uff41", "a", id="fullwidth"),
        pytest.param("a.", "a", id="trailing-dot"),
        pytest.param("\u0430pp", "app", id="cyrillic-a"),
        pytest.param("\u0421\u041e\u0420Y", "COPY", id="cyrillic-capitals"),
        pytest.param("\u0421opy", "\u0441opy", id="a-cyrillic-capital-and-its-small-letter"),
        pytest.param("v\u03bfx", "vox", id="greek-omicron"),
        pytest.param("v\U0001d6d0x", "vox", id="mathematical-omicron"),
        pytest.param("\u0578et", "net", id="armenian-vo"),
        pytest.param("\u0435\u0301t\u00e9", "\u00e9t\u00e9", id="cyrillic-with-an-accent"),
    ],
)
def test_names_that_a_file_system_or_an_eye_takes_for_one_are_twins(one: str, other: str) -> None:
    assert names.twins([one, "z", other]) == {one: other, other: one}


def test_three_of_a_kind_are_all_named() -> None:
    assert set(names.twins(["a", "b", "A", "a."])) == {"a", "A", "a."}


def test_names_that_differ_are_no_twins() -> None:
    assert names.twins(["a", "b", "ä", "a.b"]) == {}
    assert names.twins(["\u0434\u043e\u043a", "dok", "\u03bb\u03cc\u03b3\u03bf\u03c2", "logos"]) == {}


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: b"\0" not in raw))
def test_no_name_is_accepted_that_a_statement_or_a_terminal_cannot_show(raw: bytes) -> None:
    path = raw.decode("utf-8", "surrogateescape")
    if names.refusal(path) is None:
        assert names.expressible(path)
        assert path.isprintable()


@given(st.text(max_size=20).filter(names.expressible))
def test_folding_twice_is_folding_once(name: str) -> None:
    assert names.fold(names.fold(name)) == names.fold(name)
