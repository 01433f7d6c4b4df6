"""Files that are no programs: lines of names, signs and strings in any order.

A model trained on grammatical code alone learns the grammar along with the edit, and fails on
code built otherwise. These files have nothing to learn but the edit.
"""

from random import Random

from lodestar.modules.learning.demo import marks
from lodestar.modules.learning.demo.expressions import number, string
from lodestar.modules.learning.demo.programs import Program
from lodestar.modules.learning.demo.scope import Scope
from lodestar.modules.learning.demo.statements import comment

_WORDS = tuple(
    """and as assert async await break case class continue def del elif else except False finally
    for from global if import in is lambda match None nonlocal not or pass raise return True try
    while with yield self print len range str int super""".split()  # noqa: SIM905
)
_SIGNS = tuple(
    """( ) ( ) [ ] { } . . , , , : = = == != < > <= >= + - * / // % ** += -= -> := | & ~ @ () [] {}
    ): )) ( , ) ( ] ) . ...""".split()  # noqa: SIM905
)
_DEPTHS = (0, 0, 1, 1, 1, 2, 2, 3)


def _item(scope: Scope, keys: list[int]) -> str:
    rng = scope.random
    draw = rng.random()
    if draw < 0.2:
        return marks.code(scope.target)
    if draw < 0.62:
        return marks.code(rng.choice(keys))
    if draw < 0.82:
        return rng.choice(_WORDS)
    return string(scope) if draw < 0.9 else number(rng)


def _line(scope: Scope, keys: list[int]) -> str:
    rng = scope.random
    if rng.random() < 0.06:
        return comment(scope)
    parts: list[str] = []
    for place in range(rng.choice((1, 2, 2, 3, 3, 4, 5, 6))):
        if place:
            sign = rng.choice(_SIGNS)
            gap = rng.choice((" ", "", "", " ")), rng.choice((" ", "", "", " "))
            parts.append(f"{gap[0]}{sign}{gap[1]}" if rng.random() < 0.85 else " ")
        parts.append(_item(scope, keys))
    return "".join(parts) + rng.choice(("", "", "", ":", ")", "()", "():", "):", ",", "]"))


def _definition(scope: Scope, key: int, keys: list[int]) -> str:
    names = ", ".join(
        marks.code(scope.random.choice(keys)) for _ in range(scope.random.choice((0, 1, 2)))
    )
    return f"def {marks.code(key)}({names}):"


def generate(rng: Random, size: int) -> Program:
    """A file of 3 to 8 lines, more with `size`; the target occurs, mostly more than once."""
    scope = Scope(rng)
    roles = ("function", "variable", "variable", "variable", "class", "constant")
    keys = [scope.declare(rng.choice(roles)) for _ in range(rng.randint(2, 7))]
    lines: list[str] = []
    for _ in range(rng.randint(3, 8 + 5 * size)):
        if lines and rng.random() < 0.12:
            lines.append("\n" * rng.choice((0, 0, 1)))
        lines.append("    " * rng.choice(_DEPTHS) + _line(scope, keys))
    for key in (scope.target, *rng.choices(keys, k=rng.choice((0, 1)))):
        lines.insert(rng.randint(0, len(lines)), _definition(scope, key, keys))
    return Program("\n".join(lines) + "\n", scope.roles, scope.target)
