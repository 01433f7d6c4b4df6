"""Random Python expressions."""

from collections.abc import Callable
from random import Random

from lodestar.modules.learning.demo import marks, words
from lodestar.modules.learning.demo.scope import Scope

_BINARY = ("+", "-", "*", "/", "//", "%", "+", "-", "*", "**", "&", "|")
_COMPARE = ("<", ">", "==", "!=", "<=", ">=", "in", "not in", "is", "is not")
_BUILTINS = (
    "len",
    "str",
    "int",
    "abs",
    "sum",
    "max",
    "min",
    "sorted",
    "list",
    "set",
    "float",
    "range",
    "repr",
    "bool",
    "tuple",
    "any",
    "round",
    "type",
)
_METHODS = (
    "append",
    "strip",
    "split",
    "lower",
    "upper",
    "get",
    "items",
    "keys",
    "join",
    "pop",
    "format",
    "replace",
    "values",
    "copy",
    "update",
    "read",
    "startswith",
    "add",
)


def string(scope: Scope) -> str:
    """A string literal; now and then it mentions the target's name, which must stay."""
    rng = scope.random
    body = " ".join(rng.choices(words.STRING_WORDS, k=rng.randint(1, 4)))
    draw = rng.random()
    if draw < 0.12:
        body = marks.text(scope.target)
    elif draw < 0.24:
        body = f"{body} {marks.text(scope.target)}"
    quote = rng.choice('"""\'')
    return f"{quote}{body}{quote}"


def number(rng: Random) -> str:
    """A number literal."""
    draw = rng.random()
    if draw < 0.6:
        return str(rng.randint(0, 12))
    return str(rng.randint(0, 999)) if draw < 0.85 else f"{rng.randint(0, 9)}.{rng.randint(0, 99)}"


def atom(scope: Scope) -> str:
    """A name, an attribute or a literal."""
    rng = scope.random
    draw = rng.random()
    local = scope.any_local()
    if draw < 0.6 and local:
        return local
    if draw < 0.66 and scope.constants:
        return marks.code(rng.choice(scope.constants))
    if draw < 0.72 and scope.fields:
        return f"self.{marks.code(rng.choice(scope.fields))}"
    if draw < 0.86:
        return number(rng)
    return string(scope) if draw < 0.95 else rng.choice(("None", "True", "False", "[]", "{}"))


def call(scope: Scope, depth: int = 0) -> str:
    """A call of one of the program's own functions."""
    rng = scope.random
    arguments = [expression(scope, depth + 1) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3)))]
    if rng.random() < 0.08 and scope.locals:
        arguments.append(f"{rng.choice(('*', '**'))}{scope.any_local()}")
    elif rng.random() < 0.1:
        arguments.append(f"{marks.code(scope.declare('variable'))}={atom(scope)}")
    return f"{scope.callee()}({', '.join(arguments)})"


def _binary(scope: Scope, depth: int) -> str:
    left, right = expression(scope, depth + 1), expression(scope, depth + 1)
    joined = f"{left} {scope.random.choice(_BINARY)} {right}"
    return f"({joined})" if depth or scope.random.random() < 0.1 else joined


def compare(scope: Scope, depth: int = 1) -> str:
    """A comparison or a test for a condition."""
    rng = scope.random
    draw = rng.random()
    if draw < 0.7:
        return f"{expression(scope, depth + 1)} {rng.choice(_COMPARE)} {atom(scope)}"
    if draw < 0.85:
        return f"{rng.choice(('', 'not '))}{expression(scope, depth + 1)}"
    return f"{atom(scope)} {rng.choice(('and', 'or'))} {expression(scope, depth + 1)}"


def _builtin(scope: Scope, depth: int) -> str:
    return f"{scope.random.choice(_BUILTINS)}({expression(scope, depth + 1)})"


def _method(scope: Scope, depth: int) -> str:
    owner = scope.any_local() or string(scope)
    argument = expression(scope, depth + 1) if scope.random.random() < 0.6 else ""
    return f"{owner}.{scope.random.choice(_METHODS)}({argument})"


def _comprehension(scope: Scope, depth: int) -> str:
    rng = scope.random
    source = atom(scope) if rng.random() < 0.6 else f"range({number(rng)})"
    key = scope.declare("variable")
    scope.locals.append(key)
    item = expression(scope, depth + 1)
    guard = f" if {compare(scope, 2)}" if rng.random() < 0.3 else ""
    scope.locals.remove(key)
    inner = f"{item} for {marks.code(key)} in {source}{guard}"
    return rng.choice(("[{}]", "[{}]", "{{{}}}", "list({})", "sum({})", "set({})")).format(inner)


def fstring(scope: Scope) -> str:
    """An f-string with one or two fields; calls in it are code, its text is not."""
    rng = scope.random
    fields = [
        f"{{{_simple(scope)}{rng.choice(('', '', ':.2f', '!r'))}}}"
        for _ in range(rng.randint(1, 2))
    ]
    word = marks.text(scope.target) if rng.random() < 0.2 else rng.choice(words.STRING_WORDS)
    return f'f"{word} {" ".join(fields)}"'


def _simple(scope: Scope) -> str:
    local = scope.any_local() or "1"
    return f"{scope.callee()}({local})" if scope.random.random() < 0.4 else local


def _collection(scope: Scope, depth: int) -> str:
    rng = scope.random
    items = [atom(scope) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.35:
        return "{" + ", ".join(f"{string(scope)}: {item}" for item in items) + "}"
    return rng.choice(("[{}]", "({},)", "[{}]")).format(", ".join(items))


def _other(scope: Scope, depth: int) -> str:
    rng = scope.random
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"{scope.any_local() or '[1]'}[{atom(scope)}]",
        lambda: f"{scope.any_local() or '[1]'}[{rng.randint(0, 3)}:]",
        lambda: f"{atom(scope)} if {compare(scope, 2)} else {atom(scope)}",
        lambda: f"lambda: {call(scope, 2)}",
        lambda: marks.code(scope.target),
        lambda: f"-{atom(scope)}",
        lambda: f"{scope.any_local() or 'str'}.{marks.code(scope.declare('variable'))}",
    )
    return f"({rng.choice(forms)()})" if depth else rng.choice(forms)()


def expression(scope: Scope, depth: int = 0) -> str:
    """A random expression; deeper ones are simpler."""
    rng = scope.random
    if depth >= 3 or rng.random() < 0.45 * depth:
        return atom(scope)
    draw = rng.random()
    if draw < 0.3:
        awaited = "await " if scope.in_async and depth == 0 and rng.random() < 0.5 else ""
        return awaited + call(scope, depth)
    forms = (atom, _binary, _builtin, _method, _comprehension, _collection, _other)
    weights = (3, 3, 2, 2, 1, 1, 1)
    chosen = rng.choices(forms, weights)[0]
    if chosen is atom:
        return atom(scope) if rng.random() < 0.8 else fstring(scope)
    return chosen(scope, depth)  # type: ignore[call-arg]
