"""The anonymised copy: it does what the original does, and shares no name of its own with it."""

from __future__ import annotations

import ast
import builtins
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from anonymise import anonymised

WORD = re.compile(r"\w+")

# Every construct that binds or reaches a name, spread over modules that import each other in every way.
PROGRAM = {
    "start.py": '''
"""Says nothing that the copy may keep."""
import json
import shop.stock
import shop.prices as tariff
from shop import words
from shop.looking import looked_up
from shop.stock import Shelf, total as summed
from helpers.texts import *

LIMIT = 3  # a comment with a password


def decorate(wrapped):
    """Wraps."""
    def around(*positional, **named):
        return wrapped(*positional, **named)
    return around


@decorate
def shown(first, second="two"):
    return f"{first!r:>6}{second}"


def counting():
    counted = 0

    def more(by=1):
        nonlocal counted
        counted += by
        return counted
    more()
    return more(by=2)


def changed():
    global LIMIT
    LIMIT += 1
    return LIMIT


def matched(thing):
    match thing:
        case {"kind": kind, **others}:
            return kind, others
        case [head, *rest]:
            return head, rest
        case str() as whole:
            return whole
    return None


def caught():
    try:
        raise ValueError("caught")
    except ValueError as problem:
        return str(problem)


class Corner(Shelf):
    room = LIMIT

    def __init__(self, owner, size=2):
        super().__init__(owner)
        self.size = size
        self.__hidden = size * 2

    def hidden(self):
        return self.__hidden

    @property
    def doubled(self):
        return self.size * 2


corner = Corner("me", size=5)
corner.put("a", count=2)
squares = {number: number * number for number in range(3) if (last := number) >= 0}
numbers = sorted([3, 1, 2], key=lambda one: -one)
answers = [
    shown("one", second="x"), counting(), changed(), matched({"kind": 1, "rest": 2}), matched([1, 2, 3]),
    matched("text"), caught(), corner.hidden(), corner.doubled, corner.room, corner.owner, looked_up(), squares, last,
    numbers, summed([1, 2]), shop.stock.TAX, shop.stock.total([4]), tariff.price(item="tea"), words.shout("hey"),
    exported, getattr(shop.stock, "reached_by_name")(), shop.prices.price("tea", discount=1),
]
print(json.dumps(answers, default=str))
''',
    "shop/__init__.py": "",
    "shop/stock.py": """
from . import prices
from .words import shout as loud
import shop.stock

TAX = 7


def total(numbers):
    return sum(numbers) + prices.price(item="base")


def reached_by_name():
    return loud("found") + str(shop.stock.TAX)


class Shelf:
    def __init__(self, owner):
        self.owner = owner
        self.contents = []

    def put(self, what, count=1):
        self.contents.extend([what] * count)
""",
    "shop/prices.py": """
PRICES = {"tea": 4, "base": 1}


def price(item, *, discount=0):
    return PRICES[item] - discount
""",
    "shop/words.py": "def shout(text, end='!'):\n    return text.upper() + end\n",
    "shop/looking.py": "def looked_up():\n    known = 'by name'\n    return '{known}'.format(**locals())\n",
    "helpers/texts.py": "__all__ = ['exported']\nexported = 'whole'\nkept_private = 1\n",
}


def write(root: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def run(root: Path, path: str) -> str:
    module = path.removesuffix(".py").replace("/", ".")
    code = f"import sys; sys.path.insert(0, {str(root)!r}); import {module}"
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout


def encoded(files: Mapping[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in files.items()}


def bound_names(files: Mapping[str, bytes]) -> set[str]:
    nodes = [node for content in files.values() for node in ast.walk(ast.parse(content))]
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return stored | defined | {node.arg for node in nodes if isinstance(node, ast.arg)}


def one(text: str, *others: str) -> str:
    """Anonymise one file alone."""
    copy = anonymised({"alone.py": text.encode(), **{f"other{n}.py": o.encode() for n, o in enumerate(others)}})
    return copy.files[copy.moved["alone.py"]].decode()


def test_the_copy_prints_what_the_original_prints(tmp_path: Path) -> None:
    files = encoded(PROGRAM)
    copy = anonymised(files)
    write(tmp_path / "original", files)
    write(tmp_path / "copy", copy.files)
    printed = run(tmp_path / "original", "start.py")
    assert len(json.loads(printed)) == 23
    assert run(tmp_path / "copy", copy.moved["start.py"]) == printed


def test_hardly_a_name_of_the_original_is_left() -> None:
    copy = anonymised(encoded(PROGRAM))
    left = (bound_names(encoded(PROGRAM)) & bound_names(copy.files)) - set(dir(builtins))
    strings_say_them = {"__all__", "__init__", "exported", "kept_private", "reached_by_name", "known", "caught"}
    others_may_call_by_them = {"first", "second", "wrapped", "count"}
    assert left == strings_say_them | others_may_call_by_them | {"self"}


def test_no_comment_docstring_module_or_folder_is_left() -> None:
    copy = anonymised(encoded(PROGRAM))
    everything = b"\n".join(copy.files.values()) + "\n".join(copy.files).encode()
    for told in (b"password", b"Says nothing", b"Wraps", b"shop", b"helpers", b"stock", b"#"):
        assert told not in everything
    assert set(copy.files) & set(PROGRAM) == set()


def test_the_same_set_gives_the_same_copy_and_another_seed_another() -> None:
    files = encoded(PROGRAM)
    assert anonymised(files) == anonymised(dict(reversed(list(files.items()))))
    assert anonymised(files).files != anonymised(files, seed=1).files


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("import os.path as where\nfound = where.join('a', 'b')\n", "where.join('a', 'b')", id="outside"),
        pytest.param("from flask import request\nword = request.args.get('q')\n", "request.args.get('q')", id="object"),
        pytest.param(
            "import requests\nrequests.get('u', verify=False)\n", "requests.get('u', verify=False)", id="keyword"
        ),
        pytest.param("def get(page, verify): return page.get('u', verify=verify)\n", "verify=verify", id="target"),
        pytest.param("@app.get('/{item}')\ndef item_of(item): return item\n", "(item)", id="framework"),
        pytest.param("class View(Base):\n    def get(self, key): return key\n", "def get(self, key)", id="override"),
        pytest.param("class Model(Base):\n    password = Field()\n", "password = Field()", id="field"),
        pytest.param(
            "import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\n", "    x: int", id="dataclass"
        ),
        pytest.param("def index(): pass\nurl_for('index')\n", "def index()", id="endpoint"),
        pytest.param("input = given()\nprint(input)\n", "input = given()", id="name-of-a-built-in"),
        pytest.param("def show(name): return eval('name + 1')\n", "(name)", id="eval"),
        pytest.param("if __name__ == '__main__':\n    pass\n", "__name__ == '__main__'", id="dunder"),
        pytest.param("def work(size): pass\nThread(target=work, kwargs={'size': 1})\n", "(size)", id="held-as-a-value"),
        pytest.param("def work(size): pass\nwork(**given)\n", "(size)", id="unpacked"),
    ],
)
def test_what_is_not_only_the_programs_own_keeps_its_name(text: str, kept: str) -> None:
    assert kept in one(text)


def test_an_attribute_goes_only_where_every_use_of_it_is_on_an_own_value() -> None:
    own = "class Thing:\n    def act(self): return 1\nthing = Thing()\nthing.act()\n"
    assert ".act(" not in one(own)
    assert ".act(" in one(own, "def use(anything):\n    anything.act()\n")


def test_a_literal_stays_but_for_the_words_that_name_its_own_file() -> None:
    text = "route = '/benchmark/sqli-00/Sample00042'\nquery = 'SELECT sqli FROM t'\ncut = 'Sample00042'[6:]\n"
    copy = anonymised({"tests/Sample00042.py": text.encode()}, telling=["sqli"])
    strings = re.findall(r"'([^']*)'", b"".join(copy.files.values()).decode())
    assert strings[1] == "SELECT sqli FROM t"
    assert strings[0].startswith("/benchmark/")
    assert "Sample" not in strings[0]
    assert "sqli" not in strings[0]
    assert strings[0].endswith(strings[2])
    assert len(strings[2]) == len("Sample00042")


def test_what_is_no_python_stays_and_is_said_to(tmp_path: Path) -> None:
    files = {"a.py": b"x = 1\n", "old.py": b"print 'two'\n", "page.html": b"<p>"}
    copy = anonymised(files)
    assert copy.untouched == ("old.py", "page.html")
    assert copy.files["old.py"] == files["old.py"]


def test_a_file_that_only_a_newer_python_reads_is_anonymised_too() -> None:
    text = "def greet(names):\n    return f'{', '.join(f'<{name}>' for name in names)}'\n"
    copy = one(text)
    assert ast.parse(copy)
    assert "names" not in WORD.findall(copy)


def test_a_module_named_as_a_standard_one_is_not_taken_for_it() -> None:
    copy = one("import pickle\npickle.loads(b'')\n", "x = 1\n")
    assert "pickle.loads" in copy
    both = anonymised({"CWE-502/pickle.py": b"import pickle\npickle.loads(b'')\n"})
    assert b"pickle.loads" in b"".join(both.files.values())
