"""Small plain programs: a few short functions that call each other, and calls below them."""

from random import Random

from lodestar.modules.learning.demo import marks
from lodestar.modules.learning.demo.expressions import string
from lodestar.modules.learning.demo.programs import Program
from lodestar.modules.learning.demo.scope import Scope

_VALUES = ("{a}", "{n}", "{a} {op} {n}", "{a} {op} {b}", "len({a})", "{a}[0]", "str({a})", "{s}")
_LINES = (
    "print({v})",
    "print({v}, {a})",
    "{c} = {v}",
    "{c} += {n}",
    "if {a} {cmp} {n}:\n        return {v}",
    "if not {a}:\n        return None",
    "for {c} in {a}:\n        print({c})",
    "for {c} in range({n}):\n        {c} = {v}",
    "{a}.append({n})",
    "{c} = [{b} for {b} in {a}]",
    "while {a} > {n}:\n        {a} -= 1",
    "{c} = {call}",
)
_LAST = (
    "return {v}",
    "return {v}",
    "return {v}",
    "return {call}",
    "print({s})",
    "print({v})",
    "pass",
    "return {a}",
)
_BELOW = ("{call}", "{call}", "print({call})", "print({call})", "{c} = {call}", "print({s})")


def _fill(scope: Scope, form: str) -> str:
    """A line form with names, numbers and calls put in."""
    rng = scope.random
    parts = {
        "a": scope.any_local() or str(rng.randint(0, 9)),
        "b": scope.any_local() or str(rng.randint(0, 9)),
        "c": scope.local() if "{c}" in form else "",
        "n": str(rng.randint(0, 20)),
        "op": rng.choice("+-*"),
        "cmp": rng.choice(("<", ">", "==")),
        "s": string(scope),
        "call": _call(scope),
    }
    value = rng.choice(_VALUES).format(**parts)
    return form.format(v=value, **parts)


def _call(scope: Scope) -> str:
    rng = scope.random
    arguments = [scope.any_local() or str(rng.randint(0, 99)) for _ in range(rng.randint(0, 2))]
    return f"{scope.callee()}({', '.join(arguments)})"


def _function(scope: Scope, key: int) -> str:
    rng = scope.random
    scope.locals = [scope.declare("variable") for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    head = f"def {marks.code(key)}({', '.join(marks.code(one) for one in scope.locals)}):"
    needs_name = [form for form in _LINES if scope.locals or "{a}" not in form]
    forms = [rng.choice(needs_name) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    body = [_fill(scope, form) for form in (*forms, rng.choice(_LAST))]
    if rng.random() < 0.15:
        body.insert(0, f'"""{string(scope).strip(chr(34) + chr(39)).capitalize()}."""')
    return "\n    ".join([head, *body])


def _below(scope: Scope) -> str:
    scope.locals = []
    rng = scope.random
    lines = [_fill(scope, rng.choice(_BELOW)) for _ in range(rng.choice((0, 1, 1, 1, 2)))]
    if lines and rng.random() < 0.25:
        return "\n    ".join(['if __name__ == "__main__":', *lines])
    return "\n".join(lines)


def generate(rng: Random, size: int) -> Program:
    """A plain program with up to `size` + 1 functions besides the target."""
    scope = Scope(rng)
    others = rng.choice((0, 0, 1)) + (rng.randint(0, 1) if size else 0)
    at = rng.randint(0, others)
    parts = []
    for place in range(others + 1):
        key = scope.target if place == at else scope.declare("function")
        parts.append(_function(scope, key))
        if key != scope.target:
            scope.functions.append(key)
    parts.append(_below(scope))
    return Program("\n\n\n".join(part for part in parts if part) + "\n", scope.roles, scope.target)
