"""Where a line stands: its code with one spelling, and the function around it.

Layer: scanners. Imports nothing of ours; does no I/O. Tokens only: no parser runs on hostile code here.
Trust: the text is hostile; text that does not tokenise is taken line by line.

Comments, spacing and line breaks inside a statement are not code, so reformatting a file makes no flaw new.
"""

from __future__ import annotations

import io
import tokenize
from dataclasses import dataclass, field

_LONG = 12  # a statement over more lines (a settings table, say) is taken line by line
_SILENT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})


@dataclass(frozen=True, slots=True)
class Place:
    """What a line says, and the dotted names of the functions and classes around it."""

    code: str
    context: str


@dataclass(slots=True)
class _Reader:
    places: dict[int, Place] = field(default_factory=dict)
    statement: list[tokenize.TokenInfo] = field(default_factory=list)
    scopes: list[tuple[int, str]] = field(default_factory=list)
    depth: int = 0
    opening: str | None = None

    def read(self, token: tokenize.TokenInfo) -> None:
        if token.type == tokenize.INDENT:
            self.depth += 1
            if self.opening is not None:
                self.scopes.append((self.depth, self.opening))
                self.opening = None
        elif token.type == tokenize.DEDENT:
            self.depth -= 1
            self.scopes = [scope for scope in self.scopes if scope[0] <= self.depth]
        elif token.type in {tokenize.NEWLINE, tokenize.ENDMARKER}:
            self.end_statement()
        elif token.type not in _SILENT:
            self.statement.append(token)

    def end_statement(self) -> None:
        tokens, self.statement = self.statement, []
        if not tokens:
            return
        context = ".".join(name for _, name in self.scopes)
        first, last = tokens[0].start[0], tokens[-1].end[0]
        whole = " ".join(token.string for token in tokens)
        for line in range(first, last + 1):
            own = " ".join(t.string for t in tokens if t.start[0] == line) if last - first > _LONG else whole
            self.places[line] = Place(own, context)
        self.opening = _opens([token.string for token in tokens[:3]])


def places(text: str) -> dict[int, Place]:
    """Map each line that holds code to its place; lines start at 1."""
    reader = _Reader()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            reader.read(token)
    except (tokenize.TokenError, SyntaxError):
        plain = enumerate(text.split("\n"), start=1)
        return {number: Place(line.strip(), "") for number, line in plain}
    return reader.places


def _opens(words: list[str]) -> str | None:
    if words[:1] == ["async"]:
        words = words[1:]
    return words[1] if words[:1] in (["def"], ["class"]) and len(words) > 1 else None
