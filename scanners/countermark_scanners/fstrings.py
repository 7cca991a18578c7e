"""Format strings of Python 3.12 and later (PEP 701), spelled so that an older parser reads them too.

Layer: scanners. Imports `errors`; does no I/O.
Trust: the text is hostile. What can't be followed here stays as it is, and the parser then refuses it.

Each replacement field is cut out, parsed by itself, and set back into the tree: nested quotes, backslashes, comments
and line ends inside a field are then no trouble. Formats and conversions are left out: no flow depends on them.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from .errors import Unreadable

_PREFIX = re.compile(r"(?<![\w])([rRbBuUfF]{0,2})('''|\"\"\"|'|\")")
_TOKEN = re.compile(r"#[^\n]*|(?<![\w])[rRbBuUfF]{0,2}(?:'''|\"\"\"|'|\")|[\[\](){}]")
_CLOSES = {"(": ")", "[": "]", "{": "}"}
MAX_FIELDS = 20_000
MAX_NESTING = 20


@dataclass(slots=True)
class Field:
    """One replacement field: its source text, and the line it starts on (from 1)."""

    text: str
    line: int


@dataclass(slots=True)
class Rewriter:
    """Walks the text once; `fields` are what was cut out, by the number in their placeholder."""

    text: str
    mark: str
    fields: list[Field] = field(default_factory=list)
    depth: int = 0

    def whole(self) -> str:
        """Return the text with a placeholder for each replacement field of each format string."""
        out: list[str] = []
        at = 0
        while match := _TOKEN.search(self.text, at):
            out.append(self.text[at : match.start()])
            at = match.end()
            token = match[0]
            if token[-1] in "'\"":
                spelled, at = self._string(match.start())
                out.append(spelled)
            else:
                out.append(token)
        return "".join(out) + self.text[at:]

    def _string(self, start: int) -> tuple[str, int]:
        """Return the string literal that starts here, respelled, and where it ends."""
        match = _PREFIX.match(self.text, start)
        if match is None:
            return self.text[start], start + 1
        prefix, quote = match[1].lower(), match[2]
        end = self._format if "f" in prefix else self._plain
        spelled, at = end(match.end(), quote, raw="r" in prefix)
        return match[0] + spelled, at

    def _plain(self, at: int, quote: str, *, raw: bool) -> tuple[str, int]:
        del raw  # a backslash keeps a quote from ending the string in raw strings too
        begin = at
        while at < len(self.text) and not self.text.startswith(quote, at):
            at += 2 if self.text[at] == "\\" else 1
        return self.text[begin : at + len(quote)], at + len(quote)

    def _format(self, at: int, quote: str, *, raw: bool) -> tuple[str, int]:
        out: list[str] = []
        lost = 0
        while at < len(self.text) and not self.text.startswith(quote, at):
            step = self._escape(at, raw=raw)
            if step:
                out.append(self.text[at : at + step])
                at += step
            else:
                spelled, end = self._field(at)
                lines = self.text.count("\n", at, end)
                out.append(spelled + ("\n" * lines if len(quote) > 1 else ""))
                lost += 0 if len(quote) > 1 else lines
                at = end
        return "".join(out) + quote + "\\\n" * lost, at + len(quote)

    def _escape(self, at: int, *, raw: bool) -> int:
        """Give the length of the literal text that stands here; 0 where a field begins."""
        text = self.text
        if text.startswith("\\N{", at) and not raw:
            return max(text.find("}", at) - at + 1, 1)
        if text[at] == "\\":
            return 1 if text[at + 1 : at + 2] in "{}" else 2
        if text[at] == "{":
            return 2 if text.startswith("{{", at) else 0
        return 1

    def _field(self, start: int) -> tuple[str, int]:
        """Cut out the field that starts with a brace here; return its placeholders and where it ends."""
        self.depth += 1
        if len(self.fields) >= MAX_FIELDS or self.depth > MAX_NESTING:
            raise Unreadable("format strings: more fields than one file may have")
        end, nested = self._expression(start + 1)
        number = len(self.fields)
        self.fields.append(Field(self.text[start + 1 : end], self.text.count("\n", 0, start) + 1))
        spelled = f"{{{self.mark}{number}}}"
        at = nested
        if self.text.startswith(":", nested):
            more, at = self._format_spec(nested + 1)
            spelled += more
        self.depth -= 1
        return spelled, at + 1

    def _expression(self, at: int) -> tuple[int, int]:
        """Return where the expression ends, and where its format or its closing brace stands."""
        stack: list[str] = []
        text = self.text
        while at < len(text):
            here = text[at]
            if not stack and (here in "}:" or (here == "!" and text[at + 1 : at + 2] != "=")):
                return self._tail(at)
            if not stack and here == "=" and re.match(r"=\s*[!:}]", text[at : at + 20]) and text[at - 1] not in "=!<>":
                return at, self._tail(at + 1)[1]
            at = self._over(at, stack)
        raise Unreadable("format strings: a field without an end")

    def _over(self, at: int, stack: list[str]) -> int:
        """Step over one token inside an expression."""
        match = _TOKEN.match(self.text, at)
        if match is None:
            return at + 1
        token = match[0]
        if token[-1] in "'\"" and token[0] != "#":
            before = len(self.fields)
            end = self._string(at)[1]
            del self.fields[before:]  # parsed again, with its own fields, when this field is
            return end
        if token in _CLOSES:
            stack.append(_CLOSES[token])
        elif stack and token == stack[-1]:
            stack.pop()
        return match.end()

    def _tail(self, at: int) -> tuple[int, int]:
        end = at
        while end < len(self.text) and self.text[end] not in ":}":
            end += 1
        return at, end

    def _format_spec(self, at: int) -> tuple[str, int]:
        out = ""
        while at < len(self.text) and self.text[at] != "}":
            if self.text[at] == "{":
                spelled, at = self._field(at)
                out += spelled
            else:
                at += 1
        return out, at


class _SetBack(ast.NodeTransformer):
    def __init__(self, mark: str, fields: list[Field], nesting: int) -> None:
        self._mark = mark
        self._fields = fields
        self._nesting = nesting

    def visit_Name(self, node: ast.Name) -> ast.AST:  # the name is the visitor's
        """Replace a placeholder by the tree of its field."""
        if not node.id.startswith(self._mark):
            return node
        cut = self._fields[int(node.id.removeprefix(self._mark))]
        body = parse(f"({cut.text}\n)", nesting=self._nesting + 1).body
        value = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
        if value is None:
            raise SyntaxError("a format string's field is no expression")
        return ast.increment_lineno(value, cut.line - 1)


def parse(text: str, *, nesting: int = 0) -> ast.Module:
    """Parse Python text, of this version or with later format strings; raise `SyntaxError` when it is neither."""
    try:
        return ast.parse(text)
    except SyntaxError:
        if nesting > MAX_NESTING:
            raise
        rewriter = Rewriter(text, _unused(text))
        rewritten = rewriter.whole()
        if not rewriter.fields:
            raise
    tree = ast.parse(rewritten)
    found = _SetBack(rewriter.mark, rewriter.fields, nesting).visit(tree)
    if not isinstance(found, ast.Module):
        raise SyntaxError("no module")  # noqa: TRY004  # to callers it is text that does not parse
    return found


@dataclass(frozen=True, slots=True)
class Older:
    """The same program for an older parser: its text, and for each line (from 1) the line it came from."""

    text: str
    lines: tuple[int, ...]
    respelled: bool = True

    def line(self, number: int) -> int:
        """Return the line of the original that a line came from."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else number


def older(text: str, *, nesting: int = 0) -> Older:
    """Spell Python text so that this parser reads it; raise `SyntaxError` where that can't be done.

    Each replacement field stands at the end as an assignment of its own, so that whoever reads calls still reads it.
    """
    try:
        ast.parse(text)
    except SyntaxError:
        if nesting > MAX_NESTING:
            raise
    else:
        return Older(text, tuple(range(1, text.count("\n") + 2)), respelled=False)
    rewriter = Rewriter(text, _unused(text))
    whole = rewriter.whole()
    if not rewriter.fields:
        raise SyntaxError("neither this version's format strings nor later ones")
    lines, parts = list(range(1, whole.count("\n") + 2)), [whole]
    for number, cut in enumerate(rewriter.fields):
        inner = older(f"{rewriter.mark}{number} = ({cut.text}\n)", nesting=nesting + 1)
        parts.append(inner.text)
        lines += [cut.line + one - 1 for one in inner.lines]
    joined = "\n".join(parts)
    ast.parse(joined)
    return Older(joined, tuple(lines))


def _unused(text: str) -> str:
    mark = "_field"
    while mark in text:
        mark += "_"
    return mark
