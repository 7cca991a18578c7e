"""One `pickle.loads` of a request's body and one shell command, hidden in many ways: none of them stays unseen."""

from __future__ import annotations

import textwrap

import pytest

from countermark_scanners import flow
from countermark_scanners.finding import Confidence, Severity
from countermark_scanners.question import Question

HEAD = """\
from flask import Flask, request
app = Flask(__name__)
"""


def seen(source: str) -> bool:
    """Say whether something is reported that a gate would not let through."""
    hits = flow.look(Question("python", (HEAD + textwrap.dedent(source)).encode(), "app.py"))
    return any(hit.severity >= Severity.HIGH and hit.confidence >= Confidence.MEDIUM for hit in hits)


def handler(body: str, before: str = "") -> str:
    inner = textwrap.indent(textwrap.dedent(body), "    ")
    return f"{textwrap.dedent(before)}\n@app.route('/run', methods=['POST'])\ndef run():\n{inner}\n"


HIDDEN = {
    "plain": ("import pickle", "return str(pickle.loads(request.data))"),
    "import-as": ("import pickle as json", "return str(json.loads(request.data))"),
    "from-import-as": ("from pickle import loads as parse", "return str(parse(request.data))"),
    "star-import": ("from pickle import *", "return str(loads(request.data))"),
    "assigned": ("import pickle\nparse = pickle.loads", "return str(parse(request.data))"),
    "assigned-twice": ("import pickle\na = pickle\nb = a.loads\nc = b", "return str(c(request.data))"),
    "getattr": ("import pickle", "return str(getattr(pickle, 'loads')(request.data))"),
    "getattr-joined": ("import pickle", "return str(getattr(pickle, 'lo' + 'ads')(request.data))"),
    "getattr-reversed": ("import pickle", "return str(getattr(pickle, 'sdaol'[::-1])(request.data))"),
    "getattr-formatted": ("import pickle", "n = 'l{}s'.format('oad')\nreturn str(getattr(pickle, n)(request.data))"),
    "getattr-base64": ("import base64, pickle", "return str(getattr(pickle, base64.b64decode('bG9hZHM=').decode())(request.data))"),
    "getattr-codecs": ("import codecs, pickle", "return str(getattr(pickle, codecs.decode('ybnqf', 'rot13'))(request.data))"),
    "getattr-characters": (
        "import pickle",
        "return str(getattr(pickle, ''.join(chr(c) for c in [108, 111, 97, 100, 115]))(request.data))",
    ),
    "getattr-mapped-characters": ("import pickle", "return str(getattr(pickle, ''.join(map(chr, [108, 111, 97, 100, 115])))(request.data))"),
    "getattr-unknown-name": ("import pickle, config", "return str(getattr(pickle, config.NAME)(request.data))"),
    "dunder-getattribute": ("import os", "os.__getattribute__('system')(request.form['c'])\nreturn ''"),
    "dunder-import": ("", "return str(__import__('pickle').loads(request.data))"),
    "dunder-import-built": ("", "return str(__import__('pick' 'le').loads(request.data))"),
    "dunder-import-unknown": ("import config", "return str(__import__(config.NAME).loads(request.data))"),
    "import-module": ("import importlib", "return str(importlib.import_module('pickle').loads(request.data))"),
    "import-module-alias": ("from importlib import import_module as m", "return str(m('pickle').loads(request.data))"),
    "sys-modules": ("import sys, os", "sys.modules['os'].system(request.args['c'])\nreturn ''"),
    "sys-modules-of-another": ("import sys", "sys.modules['subprocess'].run(request.args['c'], shell=True)\nreturn ''"),
    "module-of-a-module": ("import shutil", "shutil.os.system(request.args['c'])\nreturn ''"),
    "vars": ("import os", "vars(os)['system'](request.args['c'])\nreturn ''"),
    "dunder-dict": ("import os", "os.__dict__['system'](request.args['c'])\nreturn ''"),
    "builtins-eval": ("import builtins", "return str(builtins.eval(request.args['e']))"),
    "builtins-getattr": ("", "return str(getattr(__builtins__, 'ev' + 'al')(request.args['e']))"),
    "globals-builtins": ("", "return str(globals()['__builtins__'].eval(request.args['e']))"),
    "globals-own-name": ("import pickle", "return str(globals()['pickle'].loads(request.data))"),
    "function-globals": ("import pickle\ndef f(): pass", "return str(f.__globals__['pickle'].loads(request.data))"),
    "partial": ("import pickle\nfrom functools import partial\np = partial(pickle.loads)", "return str(p(request.data))"),
    "partial-shell": (
        "import subprocess\nfrom functools import partial\nsh = partial(subprocess.run, shell=True)",
        "sh(request.args['c'])\nreturn ''",
    ),
    "map": ("import pickle", "return str(list(map(pickle.loads, [request.data])))"),
    "map-of-a-method": ("import pickle", "return str([*map(pickle.loads, (request.data,))][0])"),
    "filter": ("import os", "return str(list(filter(os.system, [request.args['c']])))"),
    "reduce": ("import functools", "return str(functools.reduce(lambda a, b: eval(b), [0, request.args['e']]))"),
    "sorted-key": ("", "return str(sorted([request.args['e']], key=eval))"),
    "lambda": ("import pickle", "f = lambda x: pickle.loads(x)\nreturn str(f(request.data))"),
    "lambda-at-once": ("import pickle", "return str((lambda x: pickle.loads(x))(request.data))"),
    "default-argument": ("import pickle\ndef f(x, how=pickle.loads):\n    return how(x)", "return str(f(request.data))"),
    "keyword-argument": ("import pickle\ndef f(how, x):\n    return how(x)", "return str(f(x=request.data, how=pickle.loads))"),
    "star-arguments": ("import pickle\ndef f(*a, **k):\n    return pickle.loads(*a)", "return str(f(request.data))"),
    "spread-dictionary": ("import subprocess", "k = {'shell': True}\nsubprocess.run(request.args['c'], **k)\nreturn ''"),
    "shell-computed": ("import subprocess", "subprocess.run(request.args['c'], shell=not False)\nreturn ''"),
    "shell-number": ("import subprocess", "subprocess.run(request.args['c'], shell=1)\nreturn ''"),
    "shell-unknown": ("import subprocess, config", "subprocess.run(request.args['c'], shell=config.SHELL)\nreturn ''"),
    "shell-by-list": ("import subprocess", "subprocess.run(['/bin/sh', '-c', request.args['c']])\nreturn ''"),
    "class-attribute": ("import pickle\nclass A:\n    run = pickle.loads", "return str(A.run(request.data))"),
    "class-attribute-of-instance": ("import os\nclass A:\n    run = os.system", "A().run(request.args['c'])\nreturn ''"),
    "static-method": ("import pickle\nclass A:\n    @staticmethod\n    def go(x):\n        return pickle.loads(x)", "return str(A.go(request.data))"),
    "class-method": ("import pickle\nclass A:\n    @classmethod\n    def go(cls, x):\n        return pickle.loads(x)", "return str(A.go(request.data))"),
    "property": ("import pickle\nclass A:\n    @property\n    def x(self):\n        return pickle.loads", "return str(A().x(request.data))"),
    "field": (
        "import pickle\nclass A:\n    def __init__(self, d):\n        self.d = d\n    def go(self):\n        return pickle.loads(self.d)",
        "return str(A(request.data).go())",
    ),
    "inherited": (
        "import pickle\nclass A:\n    def go(self, x):\n        return pickle.loads(x)\nclass B(A):\n    pass",
        "return str(B().go(request.data))",
    ),
    "super": (
        "import pickle\nclass A:\n    def go(self, x):\n        return pickle.loads(x)\nclass B(A):\n    def go(self, x):\n        return super().go(x)",
        "return str(B().go(request.data))",
    ),
    "dunder-call": ("import pickle\nclass A:\n    def __call__(self, x):\n        return pickle.loads(x)", "return str(A()(request.data))"),
    "dunder-getitem": ("import pickle\nclass A:\n    def __getitem__(self, x):\n        return pickle.loads(x)", "return str(A()[request.data])"),
    "dunder-getattr": (
        "import pickle\nclass A:\n    def __getattr__(self, name):\n        return getattr(pickle, name)",
        "return str(A().loads(request.data))",
    ),
    "metaclass-getattr": (
        "import os\nclass M(type):\n    def __getattr__(cls, name):\n        return getattr(os, name)\nclass A(metaclass=M):\n    pass",
        "A.system(request.args['c'])\nreturn ''",
    ),
    "dunder-enter": (
        "import pickle\nclass A:\n    def __enter__(self):\n        return pickle\n    def __exit__(self, *a):\n        pass",
        "with A() as p:\n    return str(p.loads(request.data))",
    ),
    "type-made-class": ("import pickle\nA = type('A', (), {'go': lambda self, x: pickle.loads(x)})", "return str(A().go(request.data))"),
    "attrgetter": ("import operator, pickle", "return str(operator.attrgetter('loads')(pickle)(request.data))"),
    "methodcaller": ("import operator, pickle", "return str(operator.methodcaller('loads', request.data)(pickle))"),
    "itemgetter": ("import operator, os", "operator.itemgetter('system')(vars(os))(request.args['c'])\nreturn ''"),
    "dictionary-of-functions": ("import pickle\nHOW = {'a': str, 'b': pickle.loads}", "return str(HOW['b'](request.data))"),
    "dictionary-by-request": ("import pickle\nHOW = {'a': str, 'b': pickle.loads}", "return str(HOW[request.args['h']](request.data))"),
    "list-of-functions": ("import pickle\nHOW = [str, pickle.loads]", "return str(HOW[-1](request.data))"),
    "loop-over-functions": ("import pickle", "for f in (str, pickle.loads):\n    x = f(request.data)\nreturn str(x)"),
    "conditional-function": ("import json, pickle, config", "f = pickle.loads if config.X else json.loads\nreturn str(f(request.data))"),
    "closure": (
        "import pickle\ndef make():\n    def inner(x):\n        return pickle.loads(x)\n    return inner",
        "return str(make()(request.data))",
    ),
    "decorator": (
        "import pickle\ndef d(f):\n    def inner(x):\n        return pickle.loads(x)\n    return inner\n@d\ndef g(x):\n    return x",
        "return str(g(request.data))",
    ),
    "generator": ("import pickle\ndef g(x):\n    yield pickle.loads(x)", "return str(next(g(request.data)))"),
    "generator-of-data": ("import pickle\ndef g():\n    yield request.data", "for x in g():\n    pickle.loads(x)\nreturn ''"),
    "comprehension": ("import pickle", "return str([pickle.loads(x) for x in [request.data]])"),
    "walrus": ("import pickle", "return str((f := pickle.loads)(request.data))"),
    "walrus-data": ("import pickle", "if (x := request.data):\n    return str(pickle.loads(x))\nreturn ''"),
    "global": ("import pickle\nX = None\ndef keep():\n    global X\n    X = request.data", "keep()\nreturn str(pickle.loads(X))"),
    "nonlocal": (
        "import pickle",
        "x = None\ndef keep():\n    nonlocal x\n    x = request.data\nkeep()\nreturn str(pickle.loads(x))",
    ),
    "another-function-s-global": ("import pickle\nX = b''\n@app.route('/a')\ndef a():\n    global X\n    X = request.data\n    return ''", "return str(pickle.loads(X))"),
    "exec-constant": ("", "exec('import pickle; pickle.loads(request.data)')\nreturn ''"),
    "eval-constant": ("", "return str(eval('__import__(\"pickle\").loads')(request.data))"),
    "exec-compiled": ("", "exec(compile('import os; os.system(request.args[\"c\"])', 'x', 'exec'))\nreturn ''"),
    "exec-encoded": ("import base64", "exec(base64.b64decode('aW1wb3J0IG9zOyBvcy5zeXN0ZW0ocmVxdWVzdC5hcmdzWyJjIl0p'))\nreturn ''"),
    "exec-in-exec": ("", "exec('exec(\"import os; os.system(request.args[0])\")')\nreturn ''"),
    "eval-in-a-format": ("", "return f\"{eval(request.args['e'])}\""),
    "eval-in-a-nested-format": ("", "return f\"{f'''{eval(request.args[chr(101)])}'''}\""),
    "thread": ("import os, threading", "threading.Thread(target=os.system, args=(request.args['c'],)).start()\nreturn ''"),
    "executor": (
        "import pickle\nfrom concurrent.futures import ThreadPoolExecutor",
        "return str(ThreadPoolExecutor().submit(pickle.loads, request.data).result())",
    ),
    "unknown-runner": ("import pickle, pool", "return str(pool.apply(pickle.loads, request.data))"),
    "setattr": ("import pickle\nclass A: pass", "a = A()\nsetattr(a, 'go', pickle.loads)\nreturn str(a.go(request.data))"),
    "set-attribute-of-function": ("import pickle\ndef f(): pass\nf.go = pickle.loads", "return str(f.go(request.data))"),
    "module-attribute": ("import pickle, config\nconfig.go = pickle.loads", "return str(config.go(request.data))"),
    "try-import": ("try:\n    import cPickle as p\nexcept ImportError:\n    import pickle as p", "return str(p.loads(request.data))"),
    "private-module": ("import _pickle", "return str(_pickle.loads(request.data))"),
    "unpickler": ("import io, pickle", "return str(pickle.Unpickler(io.BytesIO(request.data)).load())"),
    "subclassed-unpickler": ("import io, pickle\nclass U(pickle.Unpickler):\n    pass", "return str(U(io.BytesIO(request.data)).load())"),
    "buffer": ("import io, pickle", "b = io.BytesIO()\nb.write(request.data)\nreturn str(pickle.loads(b.getvalue()))"),
    "chunks": ("import pickle", "d = b''\nfor c in request.stream:\n    d += c\nreturn str(pickle.loads(d))"),
    "subclasses": ("", "return str(().__class__.__base__.__subclasses__()[40](request.args['c']))"),
    "match": ("import pickle", "match request.data:\n    case bytes() as x:\n        return str(pickle.loads(x))\nreturn ''"),
    "tuple": ("import pickle", "f, x = pickle.loads, request.data\nreturn str(f(x))"),
    "swapped": ("import pickle", "a, b = request.data, b''\na, b = b, a\nreturn str(pickle.loads(b))"),
    "star-target": ("import pickle", "first, *rest = [b'', request.data]\nreturn str(pickle.loads(rest[0]))"),
    "with-as": ("import contextlib, pickle\n@contextlib.contextmanager\ndef d():\n    yield request.data", "with d() as x:\n    return str(pickle.loads(x))"),
    "async": ("import pickle\nasync def load(x):\n    return pickle.loads(x)", "import asyncio\nreturn str(asyncio.run(load(request.data)))"),
    "finally": ("import pickle", "x = b''\ntry:\n    x = request.data\nfinally:\n    pickle.loads(x)\nreturn ''"),
    "except": ("import pickle", "x = b''\ntry:\n    x = request.data\n    raise ValueError\nexcept ValueError:\n    pickle.loads(x)\nreturn ''"),
    "always-true": ("import pickle", "x = request.data\nif 1 + 1 == 3:\n    x = b''\nreturn str(pickle.loads(x))"),
    "assert-is-no-guard": ("import pickle", "x = request.data\nassert x in (b'a', b'b')\nreturn str(pickle.loads(x))"),
    "shadowed-guard": ("import os", "x = request.args['c']\ny = x\nif y in ('a', 'b'):\n    pass\nos.system(x)\nreturn ''"),
    "guard-forgotten": ("import os", "x = request.args['c']\nif x in ('a', 'b'):\n    x = request.args['d']\n    os.system(x)\nreturn ''"),
    "escape-for-another-flaw": ("import html, os", "os.system(html.escape(request.args['c']))\nreturn ''"),
    "recursion": ("import pickle\ndef f(n, x):\n    return pickle.loads(x) if n == 0 else f(n - 1, x)", "return str(f(int(request.args['n']), request.data))"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_hidden_is_seen(name: str) -> None:
    before, body = HIDDEN[name]
    assert seen(handler(body, before))


def test_a_long_chain_of_functions_hides_nothing() -> None:
    chain = "\n".join(f"def f{n}(x):\n    return f{n + 1}(x)" for n in range(40))
    last = "import pickle\ndef f40(x):\n    return pickle.loads(x)\n"
    assert seen(handler("return str(f0(request.data))", f"{last}{chain}"))


def test_a_chain_through_a_loop_hides_nothing() -> None:
    names = [f"v{n}" for n in range(30)]
    moves = "\n    ".join(f"{one} = {other}" for one, other in zip(names, names[1:], strict=False))
    start = "\n".join(f"{one} = b''" for one in names)
    body = f"{start}\nwhile True:\n    pickle.loads(v0)\n    {moves}\n    v29 = request.data\nreturn ''"
    assert seen(handler(body, "import pickle"))
