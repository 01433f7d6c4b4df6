"""An alert leaves by the desktop's notifications, or to a program of the user's own."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lodestar.modules.usage_tracker.alert_settings import AlertSettings
from lodestar.terminal import one_line

log = logging.getLogger("lodestar.usage_tracker")
TIMEOUT_S = 10.0
PASSED_ON = ("PATH", "HOME", "LANG", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")
"""All that the programs get to know of our environment, in which there are keys."""
NOTIFIER = "notify-send"
WIDTH = 300


def start(chosen: AlertSettings, alert: Mapping[str, Any]) -> list[threading.Thread]:
    """Run the programs beside everything else; how they end is logged.

    The process does not end before them: an alert at the end of a run is told as well.
    """
    threads = [
        threading.Thread(target=_run_logged, args=(name, command, data), name=f"alert {name}")
        for name, command, data in programs(chosen, alert)
    ]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError:
        log.exception("an alert's programs could not be started")
    return threads


def programs(
    chosen: AlertSettings, alert: Mapping[str, Any]
) -> list[tuple[str, Sequence[str], bytes]]:
    """The programs that an alert starts: setting, program with arguments, stdin."""
    found: list[tuple[str, Sequence[str], bytes]] = []
    if chosen.desktop:
        found.append(("desktop", _notification(alert), b""))
    if chosen.command:
        found.append(("command", chosen.command, json.dumps(alert).encode() + b"\n"))
    return found


def run(command: Sequence[str], data: bytes, timeout_s: float = TIMEOUT_S) -> str | None:
    """Run a program without a shell; what went wrong, None where nothing did.

    Its output is discarded. It is a process group of its own, which is killed when its time is
    up, and it runs in the user's home: never in a repository.
    """
    program, *arguments = command
    try:
        process = subprocess.Popen(
            [os.path.expanduser(program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            cwd=_home(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"{program} cannot be started: {getattr(error, 'strerror', None) or error}"
    with process:
        try:
            process.communicate(data, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            # Not waited for yet, so that the number is still that of the group.
            os.killpg(process.pid, signal.SIGKILL)
            return f"{program} took longer than {timeout_s:g} s and was killed"
    return f"{program} ended with {process.returncode}" if process.returncode else None


def _run_logged(name: str, command: Sequence[str], data: bytes) -> None:
    problem = run(command, data)
    if problem:
        log.warning("alerts.%s: %s", name, problem)
    else:
        log.info("alerts.%s: told", name)


def _notification(alert: Mapping[str, Any]) -> list[str]:
    urgency = "critical" if alert["threshold"] >= 95 else "normal"
    text = one_line(str(alert["text"]), WIDTH)
    return [NOTIFIER, "--app-name=Lodestar", f"--urgency={urgency}", "--", "Lodestar", text]


def _home() -> str:
    home = os.environ.get("HOME") or "/"
    return home if Path(home).is_dir() else "/"
