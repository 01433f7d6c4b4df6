"""`python -m lodestar.cli.pages [--check]`: the reference of settings, hooks and tables."""

from __future__ import annotations

import inspect
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lodestar import hookspecs
from lodestar.plugins import Plugins
from lodestar.settings import ModelEntry, OwnPrice, Settings
from lodestar.store.schema import CORE
from lodestar.store.store import Store

FOLDER = Path(__file__).parent.parent.parent / "docs" / "reference"
MADE = "Made from the program by `scripts/docs`; do not edit.\n"
CONFIGURATION = f"""# Configuration

{MADE}
YAML. Order: flag > environment > project file > profile > `config.yaml` > default;
`lodestar config show --origin` prints each value and where it came from. In the environment a
key is `LODESTAR_` and its name in capitals, with two underscores for a step into a section:
`LODESTAR_RATING__ENABLED=false`. An unknown key is an error. A profile may set `main`, `weak`,
`editor`, `tier_ceiling`, `limits`, `aider`, `rating` and `training`; a project's
`.lodestar.yaml` may choose `profile`, `main`, `weak` and `editor` among your own free ones and
tighten `tier_ceiling` and `limits`.
"""


def pages() -> dict[str, str]:
    """The text of each page by file name."""
    return {
        "configuration.md": "\n".join([CONFIGURATION, *_settings()]),
        "hooks.md": "\n".join([f"# Hooks\n\n{MADE}", *_hooks()]),
        "tables.md": "\n".join([f"# Tables\n\n{MADE}", *_tables()]),
    }


def main(arguments: list[str]) -> int:
    """Write the pages; with --check only compare, and return 1 where one differs."""
    found = pages()
    if arguments == ["--check"]:
        return int(any(_current(name) != text for name, text in found.items()))
    for name, text in found.items():
        (FOLDER / name).write_text(text, "utf-8")
    return 0


def _current(name: str) -> str:
    file = FOLDER / name
    return file.read_text("utf-8") if file.is_file() else ""


def _settings() -> Iterator[str]:
    yield from _section("Settings", Settings)
    yield from _section("An entry of `models`", ModelEntry)
    yield from _section("An entry of `prices`", OwnPrice)


def _section(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| key | type | default | |"
    yield "|---|---|---|---|"
    yield from _rows(model, "")
    yield ""


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            yield from _rows(kind, f"{prefix}{name}.")
        else:
            yield f"| `{prefix}{name}` | {_kind(field)} | {_default(field)} | {_about(field)} |"


def _kind(field: FieldInfo) -> str:
    return _name(field.annotation)


def _name(kind: Any) -> str:
    """A type as a user writes values of it."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _name(parts[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in parts)
    if origin in (Union, UnionType):
        return " or ".join(_name(part) for part in parts)
    if origin is list:
        return f"list of {_name(parts[0])}"
    names = {str: "text", int: "number", Decimal: "number", bool: "true or false", dict: "mapping"}
    return "none" if kind is NoneType else names.get(origin or kind, "mapping")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value in (None, {}, []) else f"`{value}`".lower()


def _about(field: FieldInfo) -> str:
    return field.description or ""


def _hooks() -> Iterator[str]:
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction):
        if getattr(function, "lodestar_spec", None) is not None:
            yield f"## {name}\n\n`{name}({', '.join(inspect.signature(function).parameters)})`\n"
            yield f"{inspect.getdoc(function)}\n"


def _tables() -> Iterator[str]:
    sets = [CORE, *Plugins.load(Settings()).collect("register_migrations")]
    known: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        for count, group in enumerate(sets, 1):
            yield f"## {group.name}\n"
            with Store.open(Path(folder) / "usage.db", sets[:count]) as store:
                found = store.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
                for table in sorted({str(row[0]) for row in found} - known):
                    known.add(table)
                    if not table.startswith("_"):
                        yield f"`{table}`: {', '.join(_columns(store, table))}\n"


def _columns(store: Store, table: str) -> list[str]:
    return [str(row[0]) for row in store.rows("SELECT name FROM pragma_table_info(?)", (table,))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
