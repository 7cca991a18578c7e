"""Hidden, turned and disguised text is found in every type of text; honest writing of any script is not."""

from __future__ import annotations

import pytest

from countermark_scanners import unicode
from countermark_scanners.finding import Hit, Severity
from countermark_scanners.question import Question
from countermark_scanners.tool import ToolLimits


def look(text: str | bytes, language: str = "javascript") -> list[Hit]:
    return unicode.look(Question(language, text.encode() if isinstance(text, str) else text))


def found(text: str | bytes, language: str = "javascript") -> set[str]:
    return {hit.rule.removeprefix("countermark/") for hit in look(text, language)}


def tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(one)) for one in text)


HONEST = {
    "accents": "x = 'Müller, naïve, señor, łódź'",
    "emoji": "x = '👨‍👩‍👧‍👦 ❤️ ☎︎ 1️⃣ #️⃣ 🏳️‍🌈'",
    "flag-of-scotland": f"x = '🏴{tags('gbsct')}\U000e007f'",
    "ideographs": "x = '東京は日本の首都です。ＡＰＩを使う'",
    "ideographic-variant": "x = '葛\U000e0100'",
    "persian": "x = 'می\u200cخواهم'",  # noqa: RUF001  # honest letters
    "hindi": "x = 'क्\u200dष'",
    "hebrew-mark": "x = 'שלום\u200e!'",
    "korean": "x = '안녕하세요'",
    "thai": "x = 'สวัสดี\u200bครับ'",
    "russian": "// привет Anna",
    "greek": "const Δx = σ_max * λ",  # noqa: RUF001  # honest letters
    "units": "// 5 µm² at 20 °C ½ № ™",
    "byte-order-mark": "\ufeffx = 1",
    "carriage-returns": "x = 1\r\ny = 2\r\n",
    "form-feed": "x = 1\n\x0cy = 2\n",
    "next-line": "x = 'a\u0085b'",
    "address": "x = 'https://example.org/ä?q=привет'",
}


@pytest.mark.parametrize("language", ["javascript", "python", "unknown-text", "text/prose", "yaml"])
@pytest.mark.parametrize("name", sorted(HONEST))
def test_honest_writing_is_no_finding(name: str, language: str) -> None:
    assert found(HONEST[name], language) == set()


HIDING = {
    "override": ("x = 'a\u202eb'", "bidi-control"),
    "isolate": ("x = 'a\u2066b\u2069'", "bidi-control"),
    "zero-width-space": ("pass\u200bword = 1", "invisible-character"),
    "word-joiner": ("x = 'a\u2060b'", "invisible-character"),
    "soft-hyphen": ("x = 'pass\u00adword'", "invisible-character"),
    "mark-in-the-middle": ("x = 'a\ufeffb'", "invisible-character"),
    "hangul-filler": ("const \u3164 = 1", "invisible-character"),
    "halfwidth-filler": ("f({ a, \uffa0 })", "invisible-character"),
    "joiner-between-latin-letters": ("x = 'a\u200db'", "invisible-character"),
    "direction-mark-in-latin": ("x = 'a\u200eb'", "invisible-character"),
    "line-separator": ("x = 1 // \u2028 y = 2", "invisible-character"),
    "selector-after-a-letter": ("x = 'a\ufe01b'", "invisible-character"),
    "tags": (f"x = 'a{tags('ignore')}'", "hidden-data"),
    "one-tag": (f"x = 'a{tags('i')}'", "hidden-data"),
    "unended-flag": (f"x = '🏴{tags('ignore all')}'", "hidden-data"),
    "selectors-as-bytes": ("x = '😀\ufe01\ufe0a\U000e0121\U000e0155'", "hidden-data"),
    "zero-width-bits": ("x = 'a\u200b\u200c\u200b\u200c\u200b'", "hidden-data"),
    "escape": ("x = 1 // \x1b[2K", "control-character"),
    "backspace": ("x = 1 // abc\x08\x08\x08", "control-character"),
    "cyrillic-host": ("fetch('https://p\u0430ypal.com/')", "lookalike-host"),
    "cyrillic-label": ("fetch('https://\u0440\u0430\u0443.com/')", "lookalike-host"),
    "punycode": ("fetch('https://xn--pypal-4ve.com/')", "lookalike-host"),
    "slash": ("fetch('https://github.com\u2215evil.org/')", "lookalike-host"),
    "fullwidth-stop": ("fetch('https://github\uff0ecom/')", "lookalike-host"),
}


@pytest.mark.parametrize("language", ["javascript", "python", "yaml", "text/prose", "unknown-text", "css"])
@pytest.mark.parametrize("name", sorted(HIDING))
def test_what_no_eye_sees_is_found_in_every_type_of_text(name: str, language: str) -> None:
    text, rule = HIDING[name]
    assert rule in found(text, language)


@pytest.mark.parametrize(
    "text",
    [
        "is\u0410dmin()",
        "p\u0430ssword = 1",
        "\uff45val(x)",
        "\U0001d41e\U0001d42f\U0001d41a\U0001d425(x)",
        "user\u0391dmin = 2",
    ],
)
def test_a_name_that_looks_like_another_one_is_found(text: str) -> None:
    (hit,) = look(text)
    assert (hit.rule, hit.cwe, hit.severity) == ("countermark/confusable-name", 1007, Severity.HIGH)


def test_a_name_of_nothing_but_lookalikes_is_found_where_the_parser_gives_names() -> None:
    names = [(1, 1, "\u0440\u0430\u0443"), (2, 1, "привет"), (3, 1, "Δx")]
    assert [hit.line for hit in unicode.confusable(names)] == [1]


def test_marks_around_hebrew_are_honest_in_data_and_not_in_code() -> None:
    text = '{"a": "\u2067שלום\u2069"}'  # noqa: RUF001  # honest letters
    assert found(text, "json") == set()
    assert found(text, "javascript") == {"bidi-control"}
    assert found('{"a": "\u2067שלום"}', "json") == {"bidi-control"}  # noqa: RUF001  # honest letters
    assert found('{"a": "\u202eשלום\u202c"}', "json") == {"bidi-control"}  # noqa: RUF001  # honest letters


@pytest.mark.parametrize(
    "raw",
    [
        "x = 'a\u202eb'\n".encode("utf-16"),
        b"\xfe\xff" + "x = 1\n".encode("utf-16-be"),
        "x = 1\n".encode("utf-32"),
        "x = 'caf\xe9'\n".encode("latin-1"),
        b"<meta charset=utf-7>",
        b"# -*- coding: utf-7 -*-\n",
    ],
)
def test_another_coding_is_a_finding(raw: bytes) -> None:
    assert "odd-coding" in found(raw, "unknown-text")


def test_what_another_coding_hides_is_found_too() -> None:
    assert "bidi-control" in found("x = 'a\u202eb'\n".encode("utf-16"), "binary")


def test_bytes_that_are_no_text_are_left_to_the_scanner_of_binaries() -> None:
    assert found(bytes(range(256)) * 4, "binary") == set()
    assert found(b"\x89PNG\r\n\x1a\n\x00" + bytes(range(128, 256)), "image/png") == set()


def test_an_invisible_character_weighs_less_in_prose_than_within_a_name() -> None:
    levels = {kind: look("pass\u200bword", kind)[0].severity for kind in ("javascript", "text/prose")}
    assert levels == {"javascript": Severity.HIGH, "text/prose": Severity.LOW}


def test_lines_are_counted_as_every_other_scanner_counts_them() -> None:
    (hit,) = look("a = 1;\r\n\r\nb\u200b = 2;\r\n")
    assert (hit.line, hit.column) == (3, 2)


def test_the_scanner_answers_through_its_process_and_sees_its_canary() -> None:
    answers = unicode.SCANNER.run({"a": Question("go", "x := 'a\u202eb'".encode())}, ToolLimits())
    assert [hit.rule for hit in answers["a"]] == ["countermark/bidi-control"]  # type: ignore[union-attr]  # no Unscanned
