"""Files and functions stay small, failures are not swallowed, data holds no code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("lodestar", "shims", "tests", "scripts")
FILES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
MAX_FILE = 300
MAX_FUNCTION = 40
EVERYTHING = {"Exception", "BaseException"}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


Nodes = list[tuple[str, ast.AST]]


@pytest.fixture(scope="module")
def nodes() -> Nodes:
    """Every function and every `except`, with the name of its file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ExceptHandler)
    return [
        (named(path), node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path)))
        if isinstance(node, kinds)
    ]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without decorators."""
    return (function.end_lineno or 0) - function.lineno + 1


def swallows(handler: ast.ExceptHandler) -> bool:
    """Whether an `except` takes everything and does nothing."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {kind.id if isinstance(kind, ast.Name) else None for kind in kinds}
    takes_all = handler.type is None or bool(names & EVERYTHING)
    silent = all(
        isinstance(node, ast.Pass | ast.Continue)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in handler.body
    )
    return takes_all and silent


def test_files_stay_small() -> None:
    sizes = {named(path): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert not {name: size for name, size in sizes.items() if size > MAX_FILE}


def test_functions_stay_small(nodes: Nodes) -> None:
    assert not [
        f"{file}:{node.lineno} {node.name} has {body_lines(node)} lines"
        for file, node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and body_lines(node) > MAX_FUNCTION
        # A test reads as one story, however long; the program does not.
        and "tests/" not in file
    ]


def test_no_failure_is_swallowed(nodes: Nodes) -> None:
    assert not [
        f"{file}:{node.lineno}"
        for file, node in nodes
        if isinstance(node, ast.ExceptHandler) and swallows(node)
    ]


def test_the_rule_against_swallowing_sees_what_it_must() -> None:
    code = "try:\n    x()\nexcept {}:\n    {}"
    cases = [("Exception", "pass", True), ("(OSError, Exception)", "continue", True),
             ("OSError", "pass", False), ("Exception", "log()", False)]  # fmt: skip
    for kind, body, wrong in cases:
        source = ast.parse(code.format(kind, body).replace("continue", "pass"))
        (handler,) = [n for n in ast.walk(source) if isinstance(n, ast.ExceptHandler)]
        assert swallows(handler) is wrong


def test_datasets_hold_no_code() -> None:
    assert not list((ROOT / "datasets").rglob("*.py"))


def test_there_are_files_to_look_at() -> None:
    assert len(FILES) > 50
