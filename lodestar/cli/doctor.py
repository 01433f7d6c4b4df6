"""`lodestar doctor`: is this installation as it should be?"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lodestar.cli.opening import configuration, open_store
from lodestar.cli.output import note, print_json
from lodestar.errors import LedgerError, LodestarError, UsageError
from lodestar.terminal import one_line

if TYPE_CHECKING:
    from lodestar.doctor.check import Check, Finding
    from lodestar.loading import Context
    from lodestar.store.store import Store

FAILED = 1


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Do what is safe, and say what.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Make a real edit, too; it takes some seconds.")
    ] = False,
    bundle: Annotated[
        bool, typer.Option("--bundle", help="Write an archive for those who help you.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Check the environment, Lodestar's home, its database and the modules' own concerns.

    Without --fix nothing is changed. The exit code is 1 where something does not work; what is
    only marked [warn] leaves it at 0. Nothing that costs money is asked.

    --bundle writes lodestar-doctor-TIME.zip here: no keys, no prompts; what is in it is listed
    first.

    Example: lodestar doctor --fix
    """
    with ExitStack() as closing:
        rounds = _Rounds(closing, deep)
        findings = rounds.look(quiet=json)
        done: list[tuple[str, bool]] = []
        if fix:
            done, findings = rounds.fix(findings)
        if json:
            _print_json(findings, done)
        elif fix:
            _print_fixed(findings, done)
        else:
            _print_sum(findings)
        if bundle:
            rounds.bundle(findings)
    return FAILED if any(one.level == "fail" for one in findings) else 0


class _Rounds:
    """The checks of this machine, with what they need opened once."""

    def __init__(self, closing: ExitStack, deep: bool) -> None:
        from lodestar.doctor.check import Problem
        from lodestar.loading import defaults

        self._deep = deep
        self._broken: list[Problem] = []
        try:
            self._context = configuration()
        except UsageError as error:
            # What a broken configuration would set is not known: the rest is checked without it.
            self._broken = [Problem(error.what, error.do, error.why)]
            self._context = defaults()
        try:
            self._store: Store | LedgerError = closing.enter_context(open_store(self._context))
        except LedgerError as error:
            self._store = error

    def look(self, quiet: bool) -> list[Finding]:
        """Look at everything; each finding is printed as it comes."""
        from lodestar.doctor.check import run

        findings = []
        for check in self._checks():
            findings.append(run(check))
            if not quiet:
                _print(findings[-1])
        return findings

    def fix(self, findings: list[Finding]) -> tuple[list[tuple[str, bool]], list[Finding]]:
        """Do what is safe, then look again."""
        from lodestar.doctor.check import fixed

        done = fixed(findings)
        return done, self.look(quiet=True) if done else findings

    def bundle(self, findings: list[Finding]) -> None:
        """List what is in the archive, then write it."""
        from lodestar.cli.opening import migration_sets
        from lodestar.doctor import bundle
        from lodestar.status import screen
        from lodestar.status.snapshot import Status

        parts = screen.data(Status(self._context, self._store).look())
        sets = migration_sets(self._context)
        entries = bundle.entries(self._context, findings, parts, sets)
        target = Path.cwd() / f"lodestar-doctor-{time.strftime('%Y%m%d-%H%M%S')}.zip"
        for line in bundle.listing(entries):
            note(line)
        try:
            bundle.write(entries, target)
        except OSError as error:
            why = str(error.strerror or error)
            raise LodestarError(
                f"{target} cannot be written", why, "go to another folder"
            ) from error
        note("look into it before you give it away")
        print(target, file=sys.stdout)

    def _checks(self) -> list[Check]:
        from lodestar.doctor import choices, edit, keys, leftovers, models, packages, pins, state
        from lodestar.doctor.check import Check

        context, store = self._context, self._store
        found = [Check("a configuration that can be used", lambda: self._broken)]
        found += [*pins.checks(), *packages.checks(), *state.checks(context.home, store)]
        found += [*leftovers.checks(context.home, store), *choices.checks(context)]
        found += [*keys.checks(context), *models.checks(context.home, context.catalog)]
        if not isinstance(store, LedgerError):
            found += _of_modules(context, store)
        return [*found, *(edit.checks(context) if self._deep else [])]


def _of_modules(context: Context, store: Store) -> list[Check]:
    """Modules give (subject, function of the store); what is for the status is not for us."""
    from lodestar.doctor.check import Check, problems_of
    from lodestar.plugins import Plugins

    given = Plugins.load(context.settings).collect("register_checks", settings=context.settings)

    def bound(look: Any) -> Any:
        return lambda: problems_of(look(store))

    pairs = [one for group in given for one in group if isinstance(one, tuple)]
    return [Check(subject, bound(look)) for subject, look in pairs]


def _print(one: Finding) -> None:
    took = f" ({one.seconds:.1f} s)" if one.seconds >= 1 else ""
    print(f"{f'[{one.level}]':<6} {one_line(one.subject)}{took}", flush=True)
    for problem in one.problems:
        for label, text in (("", problem.what), ("why: ", problem.why), ("do:  ", problem.do)):
            if text:
                print(f"       {label}{one_line(text)}", flush=True)


def _print_sum(findings: list[Finding]) -> None:
    levels = [one.level for one in findings]
    seconds = sum(one.seconds for one in findings)
    parts = [f"{len(levels)} checks in {seconds:.1f} s"]
    parts += [f"{n} {name}" for name in ("fail", "warn") if (n := levels.count(name))]
    note(", ".join(parts))
    if any(problem.fix for one in findings for problem in one.problems):
        note("some of it can be done for you: lodestar doctor --fix")


def _print_fixed(findings: list[Finding], done: list[tuple[str, bool]]) -> None:
    for text, worked in done:
        note(one_line(f"fixed: {text}" if worked else f"not fixed: {text}"))
    if not done:
        note("there is nothing that can be done safely")
        return
    note("after that:")
    for one in findings:
        if not one.is_well:
            _print(one)
    _print_sum(findings)


def _print_json(findings: list[Finding], done: list[tuple[str, bool]]) -> None:
    fixes = [{"what": text, "worked": worked} for text, worked in done]
    print_json("doctor", [_plain(one) for one in findings], fixed=fixes)


def _plain(finding: Finding) -> dict[str, Any]:
    problems = [
        {
            "what": one.what,
            "why": one.why,
            "do": one.do,
            "level": one.level,
            "can_fix": one.fix is not None,
        }
        for one in finding.problems
    ]
    return {
        "subject": finding.subject,
        "ok": finding.is_well,
        "level": finding.level,
        "seconds": finding.seconds,
        "problems": problems,
    }
