"""Another date for programs that are not Python: what is laid out to move it, and what that does not reach.

Layer: scanners, dynamic. Does no I/O.
Trust: none of it holds hostile code back. It is bait for code that waits for a date. A library that is loaded before
all others would reach further; the one at hand makes sleeps return at once, and so breaks honest programs.
"""

from __future__ import annotations

REACH = "Python, Node and the program `date`; not compiled programs, other languages or isolated interpreters"

_DATE = """#!/bin/sh
# A program that asks for now gets another day; one that names a day, a file or a clock to set gets what it names.
for word in "$@"; do
    case $word in -[!-]*[dfrs]* | -[dfrs]* | --date* | --file* | --reference* | --set*) exec {real} "$@" ;; esac
done
exec {real} -d "+{days} days" "$@"
"""
_NODE = """"use strict";
const moved = {days} * 86400000;
const Real = Date;
class Moved extends Real {{
  constructor(...given) {{ super(...(given.length ? given : [Real.now() + moved])); }}
  static now() {{ return Real.now() + moved; }}
  static [Symbol.hasInstance](one) {{ return Object.prototype.toString.call(one) === "[object Date]"; }}
}}
Object.defineProperty(Moved, "name", {{ value: "Date" }});
globalThis.Date = new Proxy(Moved, {{ apply: () => new Moved().toString() }});
"""


def programs(days: int) -> dict[str, str]:
    """Spell the files, by name; none when the clock stays."""
    return (
        {"bin/date": _DATE.format(real="/usr/bin/date", days=days), "clock.cjs": _NODE.format(days=days)}
        if days
        else {}
    )
