"""`lodestar doctor`: is this installation as it should be?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.opening import configuration, open_store
from lodestar.cli.output import print_json
from lodestar.errors import LodestarError, UsageError
from lodestar.terminal import one_line

if TYPE_CHECKING:
    from lodestar.doctor.check import Check, Finding
    from lodestar.loading import Context
    from lodestar.store.store import Store


def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> int:
    """Check the environment, Lodestar's home, its database and the modules' own concerns.

    Nothing is changed. The exit code is 1 where something is wrong.
    """
    from lodestar.doctor.check import run

    findings = [run(check) for check in _all()]
    if json:
        print_json("doctor", [_plain(one) for one in findings])
    else:
        _print(findings)
    return 0 if all(one.is_well for one in findings) else 1


def _all() -> list[Check]:
    """What a broken configuration would set is not known: the rest is checked without it."""
    from lodestar.doctor.check import Check, Problem
    from lodestar.loading import defaults

    problems: list[Problem] = []
    try:
        context = configuration()
    except UsageError as error:
        problems = [Problem(f"{error.what}: {error.why}", error.do)]
        context = defaults()
    return [Check("a configuration that can be used", lambda: problems), *_checks(context)]


def _checks(context: Context) -> list[Check]:
    from lodestar.doctor import models, packages, state

    try:
        store: Store | LodestarError = open_store(context)
    except LodestarError as error:
        store = error
    found = [*packages.checks(), *state.checks(context.home, store)]
    found += models.checks(context.home, context.catalog)
    return found if isinstance(store, LodestarError) else [*found, *_of_modules(context, store)]


def _of_modules(context: Context, store: Store) -> list[Check]:
    """Modules give (subject, function of the store that returns a problem or None)."""
    from lodestar.doctor.check import Check, Problem
    from lodestar.plugins import Plugins

    given = Plugins.load(context.settings).collect("register_checks", settings=context.settings)

    def bound(look: Any) -> Any:
        return lambda: [Problem(said)] if (said := look(store)) else []

    return [Check(subject, bound(look)) for group in given for subject, look in group]


def _print(findings: list[Finding]) -> None:
    for one in findings:
        print(f"[{'ok' if one.is_well else 'problem'}] {one_line(one.subject)}")
        for problem in one.problems:
            print(f"    {one_line(problem.what)}")
            if problem.do:
                print(f"    do: {one_line(problem.do)}")


def _plain(finding: Finding) -> dict[str, Any]:
    problems = [{"what": one.what, "do": one.do} for one in finding.problems]
    return {"subject": finding.subject, "ok": finding.is_well, "problems": problems}
