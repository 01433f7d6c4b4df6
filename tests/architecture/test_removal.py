"""A module can be switched off, deleted or broken: everything else goes on.

Each test drives the real shim process against a fake upstream.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from itertools import combinations
from pathlib import Path

import pytest

import lodestar
from tests.fakes.shim import Answer, Shim, configure, rows, tables
from tests.fakes.upstream import Upstream

ROOT = Path(lodestar.__file__).parent.parent
MODULES = ("health_monitor", "learning", "usage_tracker")
SUBSETS = [set(chosen) for size in range(4) for chosen in combinations(MODULES, size)]
HOOKS = ("register_migrations()", "order_routes(routes)", "exchange_finished(exchange)",
         "session_event(session, event)", "control_actions(settings)")  # fmt: skip


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, as an installation without anything else would have them."""
    target = tmp_path_factory.mktemp("installed")
    ignored = shutil.ignore_patterns("__pycache__", "tests", "demo", "_profiles")
    shutil.copytree(ROOT / "lodestar", target / "lodestar", ignore=ignored)
    shutil.copytree(ROOT / "shims" / "lodestar_shim", target / "lodestar_shim", ignore=ignored)
    shutil.copytree(ROOT / "profiles", target / "profiles")
    subprocess.run([sys.executable, "-m", "compileall", "-q", target], check=True)
    return target


class Place:
    """A home, an empty folder to start in, and the packages to start from."""

    def __init__(self, root: Path, upstream: Upstream) -> None:
        self.home = root / "home"
        self.folder = root / "elsewhere"
        self.folder.mkdir(parents=True)
        self.upstream = upstream
        upstream.clear()

    def configured(self, disabled: Collection[str] = (), **settings: object) -> Shim:
        """The installed shim with modules switched off in config.yaml."""
        modules = {name: {"enabled": False} for name in sorted(disabled)}
        configure(self.home, self.upstream.url, modules=modules, **settings)
        return Shim(self.home, self.folder)

    def copied(self, installed: Path) -> Shim:
        """The shim of a copy of the packages."""
        configure(self.home, self.upstream.url)
        environ = {**os.environ, "PYTHONPATH": str(installed)}
        return Shim(self.home, self.folder, (sys.executable, "-m", "lodestar_shim"), environ)


@pytest.fixture
def place(tmp_path: Path, upstream: Upstream) -> Place:
    return Place(tmp_path, upstream)


@pytest.fixture
def installed(tmp_path: Path, built: Path) -> Path:
    """A copy of one's own, to break."""
    return Path(shutil.copytree(built, tmp_path / "installed"))


def check_free(place: Place, answer: Answer) -> None:
    """The free exchange worked and is in the log."""
    assert answer.status == 200, answer.body
    assert answer.text == place.upstream.text
    exchange = rows(place.home, "SELECT * FROM exchanges WHERE requested_alias = 'free-model'")[0]
    assert (exchange["status"], exchange["input_tokens"], exchange["output_tokens"]) == (
        "ok",
        11,
        7,
    )
    assert rows(place.home, "SELECT * FROM attempts")[0]["status"] == "ok"
    prompts = rows(place.home, "SELECT text FROM messages WHERE role = 'user'")
    assert prompts[0]["text"] == "hello"


def check_paid(place: Place, answer: Answer, metered: bool) -> None:
    """A paid exchange works where it is metered; else it is refused before any byte is sent."""
    if metered:
        assert answer.status == 200, answer.body
        (hold,) = rows(place.home, "SELECT * FROM holds")
        assert hold["state"] == "posted"
        charge = rows(place.home, "SELECT * FROM charges WHERE cash_nano > 0")[0]
        assert charge["cash_nano"] == 11 * 3_000 + 7 * 15_000
        assert charge["attempt_id"] in {r["id"] for r in rows(place.home, "SELECT * FROM attempts")}
    else:
        assert (answer.status, answer.error["code"]) == (400, "budget_exceeded")
        assert answer.error["type"] == "invalid_request_error"
        assert len(place.upstream.chats) == 1


def check_both(place: Place, shim: Shim, left: set[str]) -> None:
    """One free and one paid exchange, then the tables: those of the modules left, no others."""
    with shim:
        free, paid = shim.chat("free-model"), shim.chat("paid-model")
    check_free(place, free)
    check_paid(place, paid, "usage_tracker" in left)
    there = tables(place.home)
    assert ("charges" in there) == ("usage_tracker" in left)
    assert ("health_samples" in there) == ("health_monitor" in left)
    if "health_monitor" in left:
        # Written in batches; the rest by whoever looks next.
        subprocess.run(
            [sys.executable, "-m", "lodestar", "status", "--json"],
            env={**os.environ, "LODESTAR_HOME": str(place.home)},
            cwd=place.folder,
            capture_output=True,
            check=True,
        )
        calls = rows(place.home, "SELECT id FROM health_samples WHERE source = 'call' ORDER BY id")
        assert calls == rows(place.home, "SELECT id FROM attempts ORDER BY id")


@pytest.mark.parametrize("disabled", SUBSETS, ids=lambda s: "+".join(sorted(s)) or "none")
def test_any_modules_can_be_switched_off(place: Place, disabled: set[str]) -> None:
    check_both(place, place.configured(disabled), set(MODULES) - disabled)


@pytest.mark.parametrize("deleted", SUBSETS[1:], ids=lambda s: "+".join(sorted(s)))
def test_any_module_folders_can_be_deleted(
    place: Place, installed: Path, deleted: set[str]
) -> None:
    for name in deleted:
        shutil.rmtree(installed / "lodestar" / "modules" / name)
    check_both(place, place.copied(installed), set(MODULES) - deleted)


def test_paid_models_run_unmetered_where_the_user_says_so(place: Place) -> None:
    with place.configured({"usage_tracker"}, allow_unmetered=True) as shim:
        assert shim.chat("unpriced-model").status == 200


def test_a_model_without_a_price_is_refused_and_a_free_one_is_not(place: Place) -> None:
    with place.configured() as shim:
        refused = shim.chat("unpriced-model")
        check_free(place, shim.chat("free-model"))
    assert refused.status == 400
    assert refused.error["message"].startswith("\n\n")
    assert "price_in" in refused.error["remedy"]
    statuses = rows(place.home, "SELECT status FROM exchanges ORDER BY id")
    assert [row["status"] for row in statuses] == ["refused", "ok"]


BROKEN_TABLES = """
from lodestar.hookspecs import hookimpl
from lodestar.store.migrations import MigrationSet

def fail(connection):
    raise RuntimeError("broken on purpose")

@hookimpl
def register_migrations():
    return MigrationSet("d_broken_tables", [("fail", fail)])
"""


def write_module(installed: Path, name: str, plugin: str) -> None:
    folder = installed / "lodestar" / "modules" / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "plugin.py").write_text(plugin, "utf-8")


def raising(*hooks: str) -> str:
    body = [
        f"@hookimpl\ndef {hook}:\n    raise RuntimeError('broken on purpose')" for hook in hooks
    ]
    return "\n\n".join(["from lodestar.hookspecs import hookimpl", *body])


def test_modules_that_fail_everywhere_but_at_the_gate_hurt_nobody(
    place: Place, installed: Path
) -> None:
    write_module(installed, "a_broken_import", "raise RuntimeError('broken on purpose')")
    write_module(installed, "b_broken_hooks", raising(*HOOKS))
    write_module(installed, "d_broken_tables", BROKEN_TABLES)
    write_module(installed, "e_broken_config", raising("control_actions(settings)"))
    (installed / "lodestar/modules/e_broken_config/config.yaml").write_text("key: [unclosed")
    write_module(installed, "c_wrong_hook", raising("exchange_finished(no_such_argument)"))
    check_both(place, place.copied(installed), set(MODULES))
    log = (place.home / "logs" / "shim.log").read_text("utf-8")
    assert "a_broken_import cannot be loaded" in log
    assert "b_broken_hooks failed in exchange_finished" in log


def test_a_gate_that_fails_closes_paid_models_and_no_others(place: Place, installed: Path) -> None:
    write_module(installed, "z_gate", raising("open_attempt(request, route)"))
    with place.copied(installed) as shim:
        check_free(place, shim.chat("free-model"))
        refused = shim.chat("paid-model")
    assert refused.status == 400
    assert "z_gate" in refused.error["message"]
    assert len(place.upstream.chats) == 1
    assert {r["state"] for r in rows(place.home, "SELECT state FROM holds")} <= {"voided"}


def test_the_command_line_works_without_any_module(installed: Path, tmp_path: Path) -> None:
    shutil.rmtree(installed / "lodestar" / "modules")
    (installed / "lodestar" / "modules").mkdir()
    (installed / "lodestar" / "modules" / "__init__.py").touch()
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    program = "from lodestar.start import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "code" in done.stdout
