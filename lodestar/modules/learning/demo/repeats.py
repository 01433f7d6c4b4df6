"""Files that say almost the same thing twice, as real code does.

Where nothing repeats, the words around a token say where in the file it stands, and a model
learns to look no further. Here a line comes again, or a part of a line, mostly with one thing
changed; which of the two it is can only be told from what stands further away.
"""

import ast
import re
from dataclasses import replace
from random import Random

from lodestar.modules.learning.demo import marks
from lodestar.modules.learning.demo.programs import Program
from lodestar.modules.learning.demo.statements import Lines

_CHANGEABLE = re.compile(r"«\d+»|(?<![‹\w.])\d+(?![›\w.])|(?<= )[-+*/%<>](?= )")
_ASSIGNED = re.compile(r"[^=(]* [-+*]?= ")
_BEGINS_BLOCK = re.compile(r"\s*(class|@|import|from|elif|else|except|finally|try|if|for|while)")
_IS_BLOCK = re.compile(r".*[:({\[,\\]$|.*\"\"\"|\s*[)\]}#]|\s*$")
_VALUE = re.compile(r"(?P<head>.*?(?:return |= |print\())(?P<value>[^=#]+?)(?P<tail>\)?)$")
_LAST = ("return", "raise", "pass", "break", "continue")
_JOINTS = (" + ", " - ", " * ", ", ", " or ", " > ")


def repeated(rng: Random, program: Program) -> Program:
    """The program with one to three of its lines, or parts of them, said again."""
    lines = program.template.split("\n")
    for _ in range(rng.choice((1, 1, 2, 3))):
        form = rng.choice((_line_again, _line_again, _value_again, _value_again, _block_again))
        lines = form(rng, lines)
    made = replace(program, template="\n".join(lines))
    return made if _parses(made) or not _parses(program) else program


def _parses(program: Program) -> bool:
    try:
        ast.parse(marks.fill(program.template, {key: f"n{key}" for key in program.roles}))
    except SyntaxError:
        return False
    return True


def _changed(rng: Random, text: str) -> str:
    """The text with one name, number or sign changed; in one of six, the text itself."""
    assigned = _ASSIGNED.match(text)
    places = list(_CHANGEABLE.finditer(text, assigned.end() if assigned else 0))
    if not places or rng.random() < 0.16:
        return text
    place = rng.choice(places)
    return text[: place.start()] + _other(rng, text, place[0]) + text[place.end() :]


def _other(rng: Random, text: str, found: str) -> str:
    if found.isdigit():
        return rng.choice((str(rng.randint(0, 12)), str(int(found) + 1), f"-{found}"))
    if found.startswith("«"):
        names: list[str] = re.findall(r"«\d+»", text)
        return rng.choice(names)
    return rng.choice("+-*")


def _simple(lines: Lines) -> list[int]:
    """The lines that may stand anywhere in their block."""
    return [
        number
        for number, line in enumerate(lines)
        if not _IS_BLOCK.match(line) and not _BEGINS_BLOCK.match(line) and "def " not in line
    ]


def _line_again(rng: Random, lines: Lines) -> Lines:
    places = [at for at in _simple(lines) if not lines[at].lstrip().startswith(_LAST)]
    if not places:
        return lines
    at = rng.choice(places)
    again = [_changed(rng, lines[at]) for _ in range(rng.choice((1, 1, 2)))]
    return _after(lines, at, again)


def _after(lines: Lines, at: int, again: Lines) -> Lines:
    return [*lines[: at + 1], *again, *lines[at + 1 :]]


def _value_again(rng: Random, lines: Lines) -> Lines:
    """`f(a - 1)` becomes `f(a - 1) + f(a - 2)`, `x[a]` perhaps `x[a], x[b]`."""
    found = [(at, _VALUE.fullmatch(lines[at])) for at in _simple(lines)]
    usable = [(at, match) for at, match in found if match and _is_whole(match["value"])]
    if not usable:
        return lines
    at, match = rng.choice(usable)
    value = match["value"]
    if rng.random() < 0.4 and marks.code(0) not in value:
        value = f"{marks.code(0)}({value})"
    said = [value, *(_changed(rng, value) for _ in range(rng.choice((1, 1, 1, 2))))]
    return [
        *lines[:at],
        f"{match['head']}{rng.choice(_JOINTS).join(said)}{match['tail']}",
        *lines[at + 1 :],
    ]


def _is_whole(value: str) -> bool:
    return all(value.count(a) == value.count(b) for a, b in ("()", "[]", "{}")) and not (
        value.count('"') % 2 or value.count("'") % 2 or " if " in value or "lambda" in value
    )


def _block_again(rng: Random, lines: Lines) -> Lines:
    """Two neighbouring lines again, below themselves."""
    places = _simple(lines)
    pairs = [at for at in places if at + 1 in places and _depth(lines[at]) == _depth(lines[at + 1])]
    if not pairs:
        return _line_again(rng, lines)
    at = rng.choice(pairs)
    return _after(lines, at + 1, [_changed(rng, line) for line in lines[at : at + 2]])


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
