"""What a file is: by content and shebang first; and what is inert, by its whole content."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_scanners import inert, language


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\x00" * 13) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
GIF = b"GIF89apicture\x00\x3b"
WEBP = b"RIFF" + struct.pack("<I", 8) + b"WEBPVP8 "[:8]
WOFF = b"wOF2" + b"\x00" * 4 + struct.pack(">I", 16) + b"\x00" * 4
TTF = b"\x00\x01\x00\x00tables"
ZIP = b"PK\x05\x06" + b"\x00" * 18


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("a.py", b"", "python"),
        ("a.PY", b"x = 1", "python"),
        ("a.pyw", b"x = 1", "python"),
        ("a.pyi", b"x: int", "python"),
        ("bin/deploy", b"#!/usr/bin/env python3\n", "python"),
        ("bin/deploy", b"#!/usr/bin/env -S uv run --script\n", "python"),
        ("notes.txt", b"#!/usr/bin/python\n", "python"),
        ("data.json", b"#!/usr/bin/env python3\n", "python"),
        ("run", b"#!/bin/bash\n", "shell"),
        ("run", b"#!/usr/bin/env node\n", "javascript"),
        ("run", b"#!/usr/bin/perl\n", "script"),
        ("a.ipynb", b'{"cells": []}', "notebook"),
        ("a.txt", b"", "empty"),
        ("notebook", b'{"nbformat": 4}', "notebook"),
        ("a.py", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "lfs-pointer"),
        ("a.zip", b"PK\x03\x04", "archive"),
        ("a.tgz", b"\x1f\x8b\x08", "archive"),
        ("a.so", b"\x7fELF\x00", "binary"),
        ("latin", b"caf\xe9", "binary"),
        ("requirements.txt", b"flask==2.0\n", "dependency-manifest"),
        ("requirements-dev.txt", b"flask\n", "dependency-manifest"),
        ("requirements/base.txt", b"flask\n", "dependency-manifest"),
        ("pyproject.toml", b"[project]\n", "dependency-manifest"),
        ("uv.lock", b"version = 1\n", "dependency-manifest"),
        ("package.json", b"{}", "dependency-manifest"),
        ("AGENTS.md", b"do this\n", "agent-instructions"),
        ("Dockerfile", b"FROM scratch\n", "dockerfile"),
        ("Makefile", b"all:\n", "build-script"),
        ("CMakeLists.txt", b"project(x)\n", "build-script"),
        ("logo.svg", b"<svg/>", "svg"),
        ("evil.pth", b"import os\n", "python-path-file"),
        ("deploy.yml", b"a: 1\n", "yaml"),
        ("README.md", b"# hello\n", "text/prose"),
        ("LICENSE", b"Apache\n", "text/prose"),
        ("what", b"hello\n", "unknown-text"),
        ("a.md", "left \u202e right".encode(), "unknown-text"),
    ],
)
def test_a_file_is_known_by_content_then_shebang_then_name(path: str, content: bytes, expected: str) -> None:
    assert language.file_type(path, content) == expected


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("a.png", PNG, "image/png"),
        ("a.jpg", JPEG, "image/jpeg"),
        ("a.gif", GIF, "image/gif"),
        ("a.webp", WEBP, "image/webp"),
        ("a.woff2", WOFF, "font/woff"),
        ("a.ttf", TTF, "font/sfnt"),
        ("a.md", "naïve — 日本語 👨\u200d👩".encode(), "text/prose"),
    ],
)
def test_an_inert_file_is_accepted_for_its_whole_content(path: str, content: bytes, kind: str) -> None:
    assert inert.inert_type(path, content) == kind
    assert kind in inert.TYPES


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param("a.png", b"import os\n", id="a-script-named-like-a-picture"),
        pytest.param("a.png", PNG + ZIP, id="a-picture-with-an-archive-behind-it"),
        pytest.param("a.png", PNG[:-4], id="a-picture-cut-short"),
        pytest.param("a.png", JPEG, id="a-picture-of-another-kind"),
        pytest.param("a.jpg", JPEG + b"tail", id="a-jpeg-with-a-tail"),
        pytest.param("a.jpg", JPEG[:-2] + ZIP + b"\xff\xd9", id="a-jpeg-around-an-archive"),
        pytest.param("a.gif", GIF + b"x", id="a-gif-with-a-tail"),
        pytest.param("a.webp", WEBP + b"x", id="a-webp-with-a-tail"),
        pytest.param("a.webp", b"RIFF", id="a-webp-cut-short"),
        pytest.param("a.woff", WOFF + b"x", id="a-font-with-a-tail"),
        pytest.param("a.ttf", TTF + ZIP, id="a-font-with-an-archive-behind-it"),
        pytest.param("a.md", b"a\x1b[2Jb", id="prose-with-a-terminal-escape"),
        pytest.param("a.md", "a\u202eb".encode(), id="prose-with-a-bidi-control"),
        pytest.param("a.md", "a\U000e0041b".encode(), id="prose-with-invisible-tags"),
        pytest.param("a.md", b"caf\xe9", id="prose-in-another-encoding"),
        pytest.param("a.txt", b"#!/bin/sh\n", id="prose-with-a-shebang"),
        pytest.param("requirements.txt", b"flask\n", id="a-dependency-manifest"),
        pytest.param("a.exe", b"MZ", id="a-program"),
    ],
)
def test_a_file_that_could_act_is_never_inert(path: str, content: bytes) -> None:
    assert inert.inert_type(path, content) is None


@given(st.text(max_size=30), st.binary(max_size=200))
def test_every_file_has_a_type(path: str, content: bytes) -> None:
    assert language.file_type(path or "x", content)


@given(st.binary(min_size=1, max_size=200))
def test_prose_is_always_text_that_shows_all_it_holds(content: bytes) -> None:
    if inert.is_prose(content):
        shown = content.decode("utf-8").removeprefix("\ufeff")
        assert all(
            c.isprintable() or c in "\t\n\r" or c.isspace() or c in inert._ALLOWED_FORMAT
            for c in shown
            if ord(c) < 0x250
        )
