"""Ways to hide a flaw from a scanner, each of which has given a clean exit of some tool.

`TRICKS` maps a trick's name to a path and its content, to be planted in a folder of that name; `CONFIGURATION` is
what tools read beside the code, with everything in it switched off.
"""

from __future__ import annotations

FLAW = b"import subprocess, pickle\ndef f(c, d):\n    subprocess.run(c, shell=True)\n    return pickle.loads(d)\n"
MARKED = FLAW.replace(b"shell=True)", b"shell=True)  # MARK").replace(b"loads(d)", b"loads(d)  # MARK")

# name -> path, content. Each path is its own folder, so that a finding belongs to one trick.
TRICKS: dict[str, tuple[str, bytes]] = {
    "plain": ("a.py", FLAW),
    "nosec": ("a.py", MARKED.replace(b"MARK", b"nosec")),
    "nosemgrep": ("a.py", MARKED.replace(b"MARK", b"nosemgrep")),
    "noqa": ("a.py", MARKED.replace(b"MARK", b"noqa")),
    "all-markers-at-once": ("a.py", MARKED.replace(b"MARK", b"nosec # nosemgrep # noqa # type: ignore")),
    "noqa-for-the-whole-file": ("a.py", b"# ruff: noqa\n# flake8: noqa\n" + FLAW),
    "tests-folder": ("tests/test_a.py", FLAW),
    "node-modules-folder": ("node_modules/a.py", FLAW),
    "vendor-folder": ("vendor/a.py", FLAW),
    "migrations-folder": ("migrations/0001.py", FLAW),
    "venv-folder": (".venv/lib/a.py", FLAW),
    "git-folder-name": (".tox/a.py", FLAW),
    "gitignored-but-tracked": ("build/a.py", FLAW),
    "syntax-error": ("a.py", FLAW + b"x = (\n"),
    "nul-byte": ("a.py", FLAW + b"# \x00\n"),
    "three-thousand-parentheses": ("a.py", FLAW + b"x = " + b"(" * 3001 + b"1" + b")" * 3001 + b"\n"),
    "three-thousand-calls": ("a.py", FLAW + b"x = f" + b"()" * 3001 + b"\n"),
    "comment-of-a-megabyte": ("a.py", b"# " + b"a" * 1_100_000 + b"\n" + FLAW),
    "minified": (
        "a.py",
        b"import subprocess,pickle;" + b"x=1;" * 5000 + b"subprocess.run(c,shell=True);pickle.loads(d)\n",
    ),
    "utf-7-cookie": ("a.py", b"# -*- coding: utf-7 -*-\n" + FLAW),
    "latin-1-cookie": ("a.py", b"# -*- coding: latin-1 -*-\nx = '\xe9'\n" + FLAW),
    "byte-order-mark": ("a.py", b"\xef\xbb\xbf" + FLAW),
    "utf-16": ("a.py", FLAW.decode().encode("utf-16")),
    "windows-line-ends": ("a.py", FLAW.replace(b"\n", b"\r\n")),
    "lone-carriage-returns": ("a.py", b"# a comment\r" + FLAW.replace(b"\n", b"\r")),
    "form-feed": ("a.py", FLAW.replace(b"    return", b"\x0c    return")),
    "fullwidth-identifier": ("a.py", FLAW.decode().replace("pickle.loads", "\uff50ickle.loads").encode()),
    "bidi-control": (
        "a.py",
        FLAW.replace(b"(c, d)", "(c, d):  # \u202e".encode()).replace(b":\n    sub", b"\n    sub"),
    ),
    "no-extension-with-shebang": ("deploy", b"#!/usr/bin/env python3\n" + FLAW),
    "no-extension-without-shebang": ("deploy", FLAW),
    "other-extension-with-shebang": ("deploy.txt", b"#!/usr/bin/python\n" + FLAW),
    "text-file-that-is-a-program": ("notes.txt", FLAW),
    "markdown-file-that-is-a-program": ("notes.md", FLAW),
    "windows-script": ("a.pyw", FLAW),
    "stub-file": ("a.pyi", FLAW),
    "upper-case-extension": ("A.PY", FLAW),
    "notebook": ("a.ipynb", b'{"nbformat": 4, "cells": []}'),
    "archive": ("a.zip", b"PK\x03\x04" + FLAW),
    "archive-named-like-a-module": ("a.py", b"PK\x03\x04" + FLAW),
    "picture-with-a-script-inside": ("a.png", FLAW),
    "lfs-pointer": ("a.py", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"),
    "symlink": ("link.py", b"../outside.py"),
    "submodule": ("sub", b""),
    "compiled": ("a.pyc", b"\xa7\x0d\x0d\x0a\x00\x00\x00\x00"),
    "path-configuration-file": ("a.pth", b"import os; os.system('x')\n"),
    "alias": (
        "a.py",
        (
            b"from subprocess import run as r\nfrom pickle import loads as l\n"
            b"def f(c, d):\n    r(c, shell=True)\n    return l(d)\n"
        ),
    ),
    "dead-looking-branch": (
        "a.py",
        b"import subprocess, pickle\nif __debug__:\n    subprocess.run(c, shell=True)\n    pickle.loads(d)\n",
    ),
}
CONFIGURATION = {
    ".bandit": b"[bandit]\nexclude: /\nskips: B602,B301\n",
    ".semgrepignore": b"*\n",
    ".gitignore": b"*\nbuild/\n",
    "pyproject.toml": b"[tool.ruff]\nexclude = ['*']\n[tool.bandit]\nexclude_dirs = ['.']\nskips = ['B602', 'B301']\n",
    "ruff.toml": b"exclude = ['*']\nlint.per-file-ignores = {'*' = ['ALL']}\n",
    "setup.cfg": b"[bandit]\nexclude: .\n",
    ".ruff.toml": b"exclude = ['*']\n",
}
