"""An alert reaches the desktop and the user's program, and neither can do any harm."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lodestar.loading import load
from lodestar.modules.usage_tracker import alert_delivery
from lodestar.modules.usage_tracker.alert_settings import AlertSettings, alert_settings, parsed
from lodestar.modules.usage_tracker.tests.alert_programs import (
    hanging,
    path_with,
    pids,
    program,
    recorder,
    written,
)
from lodestar.modules.usage_tracker.tests.alert_ticks import pay, settings, tick
from lodestar.settings import Settings
from lodestar.store.store import Store
from lodestar.trust.question import decide
from tests.fakes.shim_client import state, wait_for

ALERT = {"threshold": 80, "text": "80 % of the daily limit:\x1b[2J $1.60 of $2.00 used"}
SECRETS = ("OPENAI_API_KEY", "LODESTAR_TOKEN", "LODESTAR_HOME", "MY_PASSWORD")


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Any:
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("alert "):
            thread.join(30)


def test_the_users_program_gets_the_alert_as_json_and_none_of_our_secrets(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "sk-planted")
    monkeypatch.setenv("DISPLAY", ":7")
    path = recorder(tmp_path)
    limited = settings({"alerts": {"command": [str(path), "an arg", "$(id)"]}}, daily_usd=2)
    pay(store, 1.7)
    assert tick(store, limited)
    found = wait_for(lambda: written(path), 30)
    assert set(found["env"]) - {"LC_CTYPE"} <= set(alert_delivery.PASSED_ON)
    assert found["env"]["DISPLAY"] == ":7"
    assert found["argv"] == ["an arg", "$(id)"]
    assert (found["group"], found["session"]) == (True, True)
    assert found["cwd"] == str(Path.home())
    alert = json.loads(found["stdin"])
    resets = alert.pop("resets_at")
    assert resets[10:16] == "T00:00"
    assert alert == {
        "schema": "lodestar.alert/1",
        "limit": "daily limit",
        "source": "limits.daily_usd",
        "window": "day",
        "unit": "usd",
        "model": None,
        "threshold": 80,
        "spent": "1.70",
        "amount": "2.00",
        "projected": None,
        "text": "85 % of the daily limit: $1.70 of $2.00 used",
        "session": "S1",
        "project": None,
    }


def test_a_program_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    path = hanging(tmp_path)
    started = time.monotonic()
    problem = alert_delivery.run([str(path)], b"x" * 1_000_000, timeout_s=5)
    assert problem == f"{path} took longer than 5 s and was killed"
    assert time.monotonic() - started < 30
    found = pids(path)
    assert len(found) == 2
    wait_for(lambda: not [pid for pid in found if state(pid) not in ("", "Z")])


def test_a_tick_does_not_wait_for_a_program(store: Store, tmp_path: Path) -> None:
    path = program(
        tmp_path,
        "slow",
        f"while not os.path.exists({str(tmp_path / 'go')!r}):\n    time.sleep(0.01)",
    )
    limited = settings({"alerts": {"command": [str(path)]}}, daily_usd=2)
    pay(store, 1.7)
    assert tick(store, limited)
    running = [thread for thread in threading.enumerate() if thread.name == "alert command"]
    assert running
    # The process waits for it at its end, at most for the time-out.
    assert not running[0].daemon
    (tmp_path / "go").touch()
    running[0].join(30)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["no-such-program-here"], "no-such-program-here cannot be started: No such file"),
        (["/"], "/ cannot be started: Permission denied"),
        (["false"], "false ended with 1"),
        (["sh", "-c", "kill -9 $$"], "sh ended with -9"),
        (["true"], None),
    ],
)
def test_what_went_wrong_is_one_line(command: list[str], expected: str | None) -> None:
    problem = alert_delivery.run(command, b"not read" * 100_000)
    assert problem == expected or (expected and str(problem).startswith(expected))


def test_a_program_in_the_home_folder_may_be_named_with_a_tilde() -> None:
    path = recorder(Path.home())
    assert alert_delivery.run(["~/recorder"], b"hello") is None
    assert written(path)["stdin"] == "hello"


def test_no_program_of_the_repository_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PATH may name the current folder; ours is never that of a project."""
    path = recorder(tmp_path, "gift")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path_with(Path(".")))
    assert str(alert_delivery.run(["gift"], b"")).startswith("gift cannot be started")
    assert str(alert_delivery.run(["./gift"], b"")).startswith("./gift cannot be started")
    assert written(path) is None


def test_the_desktop_is_told_by_notify_send(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recorder(tmp_path, "notify-send")
    monkeypatch.setenv("PATH", path_with(tmp_path))
    pay(store, 1.7)
    assert tick(store, settings({"alerts": {"desktop": True}}, daily_usd=2))
    found = wait_for(lambda: written(path), 30)
    text = "85 % of the daily limit: $1.70 of $2.00 used"
    options = ["--app-name=Lodestar", "--urgency=normal", "--"]
    assert found["argv"] == [*options, "Lodestar", text]
    assert found["stdin"] == ""


def test_no_control_character_reaches_the_desktop() -> None:
    (found,) = alert_delivery.programs(AlertSettings(desktop=True), ALERT)
    assert found[1][-1] == "80 % of the daily limit: $1.60 of $2.00 used"


def test_a_desktop_without_notify_send_is_one_line_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    caplog.set_level(logging.INFO)
    for thread in alert_delivery.start(AlertSettings(desktop=True), ALERT):
        thread.join(30)
    (line,) = caplog.messages
    assert line == ("alerts.desktop: notify-send cannot be started: No such file or directory")


def test_by_default_no_program_is_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a program was run")

    monkeypatch.setattr(alert_delivery, "start", forbidden)
    pay(store, 1.7)
    assert tick(store, settings(daily_usd=2))
    assert alert_settings(Settings()) == AlertSettings()


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"thresholds": [0]}, "thresholds"),
        ({"thresholds": [50.5]}, "thresholds"),
        ({"thresholds": [True]}, "thresholds"),
        ({"thresholds": 80}, "thresholds"),
        ({"desktop": "yes"}, "desktop"),
        ({"command": "my-script"}, "command"),
        ({"command": [""]}, "command"),
        ({"command": ["a\0b"]}, "command"),
        ({"command": [1]}, "command"),
        ({"webhook": "x"}, "webhook"),
    ],
)
def test_a_setting_that_is_wrong_is_named_and_left_out(given: Any, key: str) -> None:
    found = parsed({"desktop": True, **given})
    assert f"modules.usage_tracker.alerts.{key} " in found.problems[0]
    assert (found.thresholds, found.command) == ((50, 80, 95, 100), ())
    assert found.desktop is (key != "desktop")


@pytest.mark.parametrize("given", ["on", 5, [50]])
def test_settings_of_no_shape_are_the_defaults(given: Any) -> None:
    assert parsed(given).problems
    assert parsed(given).thresholds == (50, 80, 95, 100)
    assert parsed(None) == AlertSettings()


def test_thresholds_are_sorted_and_each_counts_once() -> None:
    assert parsed({"thresholds": [90, 50, 90]}).thresholds == (50, 90)


def _on_the_page(language: str) -> str:
    page = Path(__file__).parents[4] / "docs" / "how-to" / "budgets.md"
    (_, _, after) = page.read_text("utf-8").partition("**Be told before a limit is reached.**")
    (found,) = re.findall(rf"```{language}\n(.*?)```", after, re.S)
    return str(found)


def test_the_settings_on_the_page_are_right(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(_on_the_page("yaml"))
    found = alert_settings(load({}, {"LODESTAR_HOME": str(tmp_path)}, tmp_path).settings)
    command = ("~/bin/on-budget", "--from", "lodestar")
    assert found == AlertSettings(desktop=True, command=command)


def test_the_alert_on_the_page_has_the_fields_of_a_real_one(store: Store, tmp_path: Path) -> None:
    path = recorder(tmp_path)
    pay(store, 1.7)
    assert tick(store, settings({"alerts": {"command": [str(path)]}}, daily_usd=2))
    real = json.loads(wait_for(lambda: written(path), 30)["stdin"])
    assert list(json.loads(_on_the_page("json"))) == list(real)
    assert real["schema"] == json.loads(_on_the_page("json"))["schema"]


@pytest.mark.parametrize("trusted", [False, True], ids=["untrusted", "trusted"])
def test_a_repository_can_name_no_program(tmp_path: Path, trusted: bool) -> None:
    repo, home = tmp_path / "repo", tmp_path / "home"
    (repo / ".git").mkdir(parents=True)
    home.mkdir()
    text = "modules: {usage_tracker: {alerts: {command: [touch, alerted], desktop: true}}}\n"
    (repo / ".lodestar.yaml").write_text(text)
    environ = {"LODESTAR_HOME": str(home)}
    context = load({}, environ, repo)
    if trusted:
        decide(context, "trusted")
        context = load({}, environ, repo)
        assert context.standing.trusted
    assert alert_settings(context.settings) == AlertSettings()
    assert [line for line in context.warnings if "modules" in line]
