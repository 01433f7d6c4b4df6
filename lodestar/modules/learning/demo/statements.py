"""Random Python statements, as lists of lines with their indentation."""

from collections.abc import Callable

from lodestar.modules.learning.demo import marks, words
from lodestar.modules.learning.demo.expressions import (
    atom,
    call,
    compare,
    expression,
    fstring,
    string,
)
from lodestar.modules.learning.demo.scope import Scope

Lines = list[str]
_ERRORS = ("ValueError", "KeyError", "Exception", "OSError", "TypeError", "IndexError")


def indent(lines: Lines) -> Lines:
    """The lines one level deeper; empty lines stay empty."""
    return [f"    {line}" if line else line for line in lines]


def comment(scope: Scope) -> str:
    """A comment; now and then it mentions the target's name, which must stay."""
    rng = scope.random
    body = " ".join(rng.choices(words.STRING_WORDS, k=rng.randint(1, 4)))
    return f"# {marks.text(scope.target)} {body}" if rng.random() < 0.25 else f"# {body}"


def _assign(scope: Scope, depth: int) -> Lines:
    value = expression(scope)
    hint = scope.random.choice(("", "", "", "", "", ": int"))
    return [f"{scope.local()}{hint} = {value}"]


def _augment(scope: Scope, depth: int) -> Lines:
    name = scope.any_local()
    if name is None:
        return _assign(scope, depth)
    return [f"{name} {scope.random.choice('+-*')}= {expression(scope, 1)}"]


def _unpack(scope: Scope, depth: int) -> Lines:
    value = f"{expression(scope, 1)}, {expression(scope, 1)}"
    return [f"{scope.local()}, {scope.local()} = {value}"]


def _print(scope: Scope, depth: int) -> Lines:
    pick = scope.random.random()
    inner = fstring(scope) if pick < 0.2 else string(scope) if pick < 0.5 else expression(scope, 1)
    return [f"print({inner})"]


def _call(scope: Scope, depth: int) -> Lines:
    return [call(scope)]


def _long_call(scope: Scope, depth: int) -> Lines:
    arguments = [f"    {expression(scope, 1)}," for _ in range(scope.random.randint(2, 3))]
    return [f"{scope.local()} = {scope.callee()}(", *arguments, ")"]


def _if(scope: Scope, depth: int) -> Lines:
    lines = [f"if {compare(scope)}:", *indent(block(scope, depth + 1))]
    if scope.random.random() < 0.2:
        lines += [f"elif {compare(scope)}:", *indent(block(scope, depth + 1))]
    if scope.random.random() < 0.35:
        lines += ["else:", *indent(block(scope, depth + 1))]
    return lines


def _for(scope: Scope, depth: int) -> Lines:
    rng = scope.random
    source = expression(scope, 1)
    if rng.random() < 0.2:
        return [
            f"for {scope.local()}, {scope.local()} in enumerate({source}):",
            *indent(block(scope, depth + 1)),
        ]
    if rng.random() < 0.3:
        source = f"range({source})"
    head = f"for {scope.local()} in {source}:"
    tail = rng.choice(([], [], ["    continue"], [f"    if {compare(scope)}:", "        break"]))
    return [head, *indent(block(scope, depth + 1)), *tail]


def _while(scope: Scope, depth: int) -> Lines:
    return [f"while {compare(scope)}:", *indent(block(scope, depth + 1))]


def _try(scope: Scope, depth: int) -> Lines:
    rng = scope.random
    lines = ["try:", *indent(block(scope, depth + 1))]
    error = rng.choice(_ERRORS)
    head = f"except {error} as {scope.local()}:" if rng.random() < 0.5 else f"except {error}:"
    lines += [head, *indent(rng.choice((["pass"], ["raise"], block(scope, depth + 1))))]
    if rng.random() < 0.2:
        lines += ["finally:", *indent(block(scope, depth + 1))]
    return lines


def _with(scope: Scope, depth: int) -> Lines:
    source = f"open({atom(scope)})" if scope.random.random() < 0.6 else call(scope, 1)
    return [f"with {source} as {scope.local()}:", *indent(block(scope, depth + 1))]


def _raise(scope: Scope, depth: int) -> Lines:
    return [f"raise {scope.random.choice(_ERRORS)}({string(scope)})"]


def _small(scope: Scope, depth: int) -> Lines:
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"assert {compare(scope)}",
        lambda: "pass",
        lambda: comment(scope) + "\npass",
        lambda: f"{scope.local()} = lambda {marks.code(scope.declare('variable'))}: {atom(scope)}",
    )
    return scope.random.choice(forms)().split("\n")


_FORMS = (
    _assign,
    _augment,
    _unpack,
    _print,
    _call,
    _if,
    _for,
    _while,
    _try,
    _with,
    _raise,
    _small,
    _long_call,
)
_WEIGHTS = (7, 2, 1, 4, 4, 3, 3, 1, 1, 1, 1, 1, 1)
_FLAT = (_assign, _augment, _print, _call)


def statement(scope: Scope, depth: int = 0) -> Lines:
    """One statement; below the second level only simple ones."""
    forms, weights = (_FORMS, _WEIGHTS) if depth < 2 else (_FLAT, (4, 1, 2, 2))
    lines = scope.random.choices(forms, weights)[0](scope, depth)
    return [comment(scope), *lines] if scope.random.random() < 0.05 else lines


def block(scope: Scope, depth: int = 0) -> Lines:
    """One to three statements."""
    count = scope.random.choice((1, 1, 1, 1, 2, 2) if depth else (1, 1, 1, 2, 2, 3))
    return [line for _ in range(count) for line in statement(scope, depth)]
