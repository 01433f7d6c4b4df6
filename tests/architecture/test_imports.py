"""The process boundary is the import boundary; modules can be taken out."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "lodestar" / "modules"
HEAVY = ("aider", "litellm", "torch", "llama_cpp", "aiohttp", "sqlite_utils", "keyring")


def sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.py")):
        if not {"__pycache__", "tests"} & set(path.relative_to(ROOT).parts):
            yield path


def imported(path: Path) -> Iterator[str]:
    """The dotted names that a file imports anywhere in it, `from` members included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(path, node)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def breaches(files: Iterator[Path], *forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if any(name == bad or name.startswith(f"{bad}.") for bad in forbidden)
    ]


def module_names() -> list[str]:
    return sorted(p.parent.name for p in MODULES.glob("*/__init__.py"))


def test_core_imports_no_module_by_name() -> None:
    core = (p for p in sources(ROOT / "lodestar") if MODULES not in p.parents)
    assert not breaches(core, *(f"lodestar.modules.{name}" for name in module_names()))


def test_no_shim_imports_a_module() -> None:
    assert not breaches(sources(ROOT / "shims"), "lodestar.modules")


@pytest.mark.parametrize("name", module_names())
def test_a_module_imports_no_other_module(name: str) -> None:
    others = [f"lodestar.modules.{other}" for other in module_names() if other != name]
    assert not breaches(sources(MODULES / name), *others)


def test_the_application_imports_no_shim() -> None:
    shims = ("lodestar_shim", "lodestar_aider", "lodestar_engine", "lodestar_translator")
    assert not breaches(sources(ROOT / "lodestar"), *shims)


def test_the_launcher_needs_nothing_but_aider() -> None:
    files = sources(ROOT / "shims" / "lodestar_aider")
    assert not breaches(files, "lodestar", "aiohttp", "pydantic", "yaml", "typer")


def test_the_engine_needs_little_of_the_application() -> None:
    allowed = ("lodestar.errors", "lodestar.paths", "lodestar.private")
    found = breaches(sources(ROOT / "shims" / "lodestar_engine"), "lodestar")
    assert not [line for line in found if not any(name in line for name in allowed)]


def test_the_linter_finds_a_breach(tmp_path: Path) -> None:
    file = ROOT / "lodestar" / "modules" / "learning" / "plugin.py"
    assert breaches(iter([file]), "lodestar.modules.learning")
    assert not breaches(iter([file]), "lodestar.modules.health_monitor")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["config", "path"]])
def test_quick_commands_load_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import json, sys\n"
        "from lodestar.cli.main import run\n"
        f"code = run({arguments!r})\n"
        f"print(json.dumps([code, [m for m in {HEAVY!r} if m in sys.modules]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


def test_every_module_has_what_a_module_needs() -> None:
    for name in module_names():
        present = {path.name for path in (MODULES / name).iterdir()}
        assert {"__init__.py", "plugin.py", "config.yaml", "README.md", "tests"} <= present
