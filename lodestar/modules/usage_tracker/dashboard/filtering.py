"""The words of a filter: projects, models, branches and tags, by their names or a part of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lodestar.errors import UsageError
from lodestar.modules.usage_tracker.dashboard.ledger import Glance
from lodestar.modules.usage_tracker.reports.asking import names
from lodestar.terminal import one_line

Names = Mapping[str, Mapping[str, str]]
"""By key of the roll-up, what may be typed and the value that it stands for."""
TITLES = {"project": "project", "alias": "model", "branch": "branch", "tag": "tag"}
_KEYS = {title: key for key, title in TITLES.items()}
SHOWN = 4


def known(glance: Glance) -> Names:
    """All names that a filter may have."""
    connection = glance.connection
    aliases = {row[0] for row in connection.execute("SELECT DISTINCT alias FROM rollup")}
    places = {
        name: {row[0]: row[0] for row in connection.execute(sql) if row[0]}
        for name, sql in (
            ("branch", "SELECT DISTINCT branch FROM sessions"),
            ("tag", "SELECT DISTINCT tag FROM sessions"),
        )
    }
    called = names(connection)["project"]
    projects = {name: str(key) for key, name in called.items()}
    return {"project": projects, "alias": {a: a for a in aliases if a}, **places}


def chosen(text: str, names: Names) -> dict[str, str | int]:
    """What the roll-up is to be filtered by.

    A word is `project=NAME` or just a name; the whole text may be one name with spaces in it.
    Raises UsageError where a word is nothing, or could be several things.
    """
    text = text.strip()
    if not text:
        return {}
    whole = _found(text, names)
    if len(whole) == 1 or " " not in text:
        return dict([_one(text, whole)])
    only: dict[str, str | int] = {}
    for word in text.split():
        key, value = _one(word, _found(word, names))
        if key in only:
            raise UsageError(f"`{text}` names two {TITLES[key]}s", "", "leave one out")
        only[key] = value
    return only


def words(key: str, name: str) -> str:
    """The filter that leaves just this."""
    return f"{TITLES[key]}={name}"


def _found(text: str, names: Names) -> list[tuple[str, str, str]]:
    """Key, name and value of all that a text may be: exactly, else as a part."""
    title, sign, rest = text.partition("=")
    if sign and title in _KEYS:
        names = {_KEYS[title]: names.get(_KEYS[title], {})}
        text = rest
    exact = list(_matching(names, lambda name: one_line(name) == text or name == text))
    lower = text.casefold()
    return exact or list(_matching(names, lambda name: lower in one_line(name).casefold()))


def _matching(names: Names, test: Callable[[str], bool]) -> Iterator[tuple[str, str, str]]:
    for key, values in names.items():
        for name, value in values.items():
            if test(name):
                yield key, name, value


def _one(text: str, found: list[tuple[str, str, str]]) -> tuple[str, str]:
    if len(found) == 1:
        return found[0][0], found[0][2]
    if not found:
        raise UsageError(
            f"no project, model, branch or tag has `{text}` in its name", "", "Enter shows all"
        )
    some = ", ".join(words(key, one_line(name)) for key, name, _ in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    raise UsageError(f"`{text}` may be {some}{more}", "", "write one of them")
