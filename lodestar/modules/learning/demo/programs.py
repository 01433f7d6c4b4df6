"""Random programs: the code shapes the model is trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from lodestar.modules.learning.demo import marks, words
from lodestar.modules.learning.demo.expressions import call, expression, number, string
from lodestar.modules.learning.demo.scope import Scope
from lodestar.modules.learning.demo.statements import Lines, block, comment, indent, statement

_IMPORTS = (
    "import os",
    "import sys",
    "import json",
    "import re",
    "import math",
    "import time",
    "from pathlib import Path",
    "import random",
    "from typing import Any",
    "from collections import defaultdict",
    "import asyncio",
    "from os import path",
)
_HINTS = ("int", "str", "float", "bool", "list", "dict", "list[int]", "str | None", "object")
_DECORATORS = ("@staticmethod", "@classmethod", "@property")


@dataclass(frozen=True)
class Program:
    """A program whose names are still marks, the role of each name, and the edit's target."""

    template: str
    roles: dict[int, str]
    target: int


def _parameter(scope: Scope) -> str:
    rng = scope.random
    key = scope.declare("variable")
    scope.locals.append(key)
    hint = f": {rng.choice(_HINTS)}" if rng.random() < 0.12 else ""
    return marks.code(key) + hint


def _parameters(scope: Scope) -> list[str]:
    rng = scope.random
    found = [_parameter(scope) for _ in range(rng.choice((0, 0, 1, 1, 1, 2, 2, 3)))]
    for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2))):
        value = rng.choice((number(rng), "None", string(scope), "True", "False", "[]", "()"))
        name = _parameter(scope)
        found.append(f"{name} = {value}" if ":" in name else f"{name}={value}")
    if rng.random() < 0.06:
        found.append("*args")
    if rng.random() < 0.06:
        found.append("**kwargs")
    return found


def _docstring(scope: Scope) -> Lines:
    rng = scope.random
    body = " ".join(rng.choices(words.STRING_WORDS, k=rng.randint(1, 4))).capitalize()
    if rng.random() < 0.25:
        body = f"{body} {marks.text(scope.target)}"
    if rng.random() < 0.5:
        return [f'"""{body}.', *_more_text(scope), '"""']
    return [f'"""{body}."""']


def _more_text(scope: Scope) -> Lines:
    """The rest of a long docstring: a section, or a few lines; code may be mentioned in it."""
    rng = scope.random
    lines = [comment(scope)[2:] for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.5:
        local = rng.choice(scope.locals) if scope.locals and rng.random() < 0.5 else None
        named = "    " if local is None else f"    {marks.text(local)}: "
        lines = [f"{rng.choice(words.STRING_WORDS).capitalize()}:", *(named + one for one in lines)]
    return ["", *lines] if rng.random() < 0.7 else lines


def _ending(scope: Scope) -> Lines:
    draw = scope.random.random()
    if draw < 0.7:
        return [f"return {expression(scope)}"]
    return ["return"] if draw < 0.75 else [f"yield {expression(scope, 1)}"] if draw < 0.8 else []


def _body(scope: Scope) -> Lines:
    rng = scope.random
    lines = _docstring(scope) if rng.random() < 0.25 else []
    draw = rng.random()
    if draw < 0.12:
        return [*lines, f"return {expression(scope)}"]
    if draw < 0.2:
        return [*lines, f"print({string(scope)})"]
    if draw < 0.26:
        nested = _nested(scope)
        return [*lines, *nested, *_ending(scope)]
    body = block(scope)
    if len(body) > 2 and rng.random() < 0.12:
        body.append("")
    return [*lines, *body, *(_ending(scope) or ["pass"])]


def _nested(scope: Scope) -> Lines:
    key = scope.declare("function")
    lines = function(scope, key, ())
    scope.functions.append(key)
    return [*lines, *([""] if scope.random.random() < 0.7 else [])]


def function(scope: Scope, key: int, first: tuple[str, ...] = ()) -> Lines:
    """A function definition; `first` holds parameters such as self."""
    rng = scope.random
    outer, scope.locals = scope.locals, []
    scope.in_async = rng.random() < 0.08
    parameters = [*first, *_parameters(scope)]
    hint = f" -> {rng.choice(_HINTS)}" if rng.random() < 0.08 else ""
    head = f"{'async ' if scope.in_async else ''}def {marks.code(key)}"
    if len(parameters) > 2 and rng.random() < 0.1:
        signature = [
            f"{head}(",
            *(f"    {one}," for one in parameters if "*" not in one),
            f"){hint}:",
        ]
    else:
        signature = [f"{head}({', '.join(parameters)}){hint}:"]
    lines = [*signature, *indent(_body(scope))]
    scope.locals, scope.in_async = outer, False
    return lines


def _decorated(scope: Scope, key: int) -> Lines:
    rng = scope.random
    lines = function(scope, key)
    if rng.random() < 0.1 and scope.functions:
        lines.insert(0, f"@{marks.code(rng.choice(scope.functions))}")
    elif rng.random() < 0.04:
        lines.insert(0, f"@{marks.code(scope.declare('variable'))}({string(scope)})")
    return lines


def _initialiser(scope: Scope) -> Lines:
    keys = [scope.declare("field") for _ in range(scope.random.randint(1, 3))]
    scope.fields = keys
    names = [marks.code(key) for key in keys]
    lines = [f"def __init__(self, {', '.join(names)}):"]
    return [*lines, *(f"    self.{name} = {name}" for name in names)]


def _class(scope: Scope, target_inside: bool) -> Lines:
    rng = scope.random
    key = scope.declare("class")
    bases = (
        f"({marks.code(rng.choice(scope.classes))})"
        if scope.classes and rng.random() < 0.4
        else rng.choice(("", "", "", "(Exception)", "(object)"))
    )
    lines = [f"class {marks.code(key)}{bases}:"]
    lines += indent(_docstring(scope)) if rng.random() < 0.2 else []
    if rng.random() < 0.2:
        lines.append(f"    {marks.code(scope.declare('constant'))} = {number(rng)}")
    parts = [_initialiser(scope)] if rng.random() < 0.6 else []
    parts += [_method(scope) for _ in range(rng.randint(0, 2))]
    if target_inside or not parts:
        own = scope.target if target_inside else scope.declare("function")
        parts.append(function(scope, own, ("self",)))
    for number_, part in enumerate(parts):
        lines += [""] * (number_ > 0 or (len(lines) > 1 and rng.random() < 0.5)) + indent(part)
    scope.classes.append(key)
    scope.fields = []
    return lines


def _method(scope: Scope) -> Lines:
    rng = scope.random
    key = scope.declare("function")
    if rng.random() < 0.15:
        decorator = rng.choice(_DECORATORS)
        first = {"@staticmethod": (), "@classmethod": ("cls",), "@property": ("self",)}[decorator]
        return [decorator, *function(scope, key, first)]
    lines = function(scope, key, ("self",))
    if rng.random() < 0.4:
        lines.append(f"    self.{marks.code(scope.target)}({expression(scope, 2)})")
    return lines


def _constant(scope: Scope) -> Lines:
    key = scope.declare("constant")
    value = expression(scope, 2)
    scope.constants.append(key)
    return [f"{marks.code(key)} = {value}"]


def _guard(scope: Scope) -> Lines:
    return ['if __name__ == "__main__":', *indent(block(scope, 1))]


def _header(scope: Scope) -> list[Lines]:
    rng = scope.random
    parts: list[Lines] = []
    if rng.random() < 0.1:
        parts.append(_docstring(scope))
    if rng.random() < 0.05:
        parts.append([comment(scope)])
    if rng.random() < 0.3:
        imports = rng.sample(_IMPORTS, rng.randint(1, 3))
        if rng.random() < 0.2:
            name = marks.code(scope.declare("variable"))
            imports.append(f"from {marks.code(scope.declare('variable'))} import {name}")
        parts.append(imports)
    if rng.random() < 0.25:
        parts.append([line for _ in range(rng.randint(1, 3)) for line in _constant(scope)])
    return parts


def _definition(scope: Scope) -> Lines:
    if scope.random.random() < 0.22:
        return _class(scope, target_inside=False)
    key = scope.declare("function")
    lines = _decorated(scope, key)
    scope.functions.append(key)
    return lines


def _target(scope: Scope) -> Lines:
    if scope.random.random() < 0.12:
        return _class(scope, target_inside=True)
    return _decorated(scope, scope.target)


def _definitions(scope: Scope, others: int) -> list[Lines]:
    at = scope.random.randint(0, others)
    return [_target(scope) if place == at else _definition(scope) for place in range(others + 1)]


def _footer(scope: Scope) -> list[Lines]:
    rng = scope.random
    scope.locals = []
    draw = rng.random()
    if draw < 0.25:
        return []
    if draw < 0.5:
        return [[call(scope, 1)]]
    if draw < 0.7:
        return [_guard(scope)]
    return [[line for _ in range(rng.randint(1, 4)) for line in statement(scope, 1)]]


def _join(parts: list[Lines], rng: Random) -> str:
    gap = "\n" * rng.choice((3, 3, 3, 3, 2, 2, 1))
    return gap.join("\n".join(part) for part in parts if part) + "\n"


def generate(rng: Random, size: int) -> Program:
    """A random program with up to `size` definitions besides the target's."""
    scope = Scope(rng)
    bare = rng.random() < 0.15 and size == 0
    header = [] if bare else _header(scope)
    parts = [*header, *_definitions(scope, rng.randint(0, size)), *_footer(scope)]
    return Program(_join(parts, rng), scope.roles, scope.target)


Generator = Callable[[Random, int], Program]
