"""The edits that add a line to a function, made on the text so that nothing else changes."""

import ast


def find(source: str, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The only function called `name` whose header is one line, or None."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, kinds) and node.name == name
    ]
    if len(found) != 1 or found[0].body[0].lineno == found[0].lineno:
        return None
    header = source.split("\n")[found[0].lineno - 1]
    return found[0] if header.rstrip().endswith(":") else None


def add_docstring(source: str, name: str) -> str | None:
    """The source with a docstring for `name`, or None when it cannot have one."""
    node = find(source, name)
    if node is None or ast.get_docstring(node, clean=False) is not None:
        return None
    text = f'"""Run {name.strip("_").replace("_", " ")}."""'
    return _insert(source, node.lineno, node.col_offset + 4, text)


def add_trace(source: str, name: str) -> str | None:
    """The source with a first statement that prints `name`, or None when it cannot be."""
    node = find(source, name)
    if node is None:
        return None
    has_docstring = ast.get_docstring(node, clean=False) is not None
    after = node.body[0].end_lineno if has_docstring else node.lineno
    return _insert(source, after or node.lineno, node.col_offset + 4, f'print("{name}")')


def _insert(source: str, after_line: int, indent: int, text: str) -> str:
    lines = source.split("\n")
    lines.insert(after_line, " " * indent + text)
    return "\n".join(lines)
