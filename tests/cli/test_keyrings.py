"""Keyrings that are missing, forgetful, hostile, locked or silent: none gets a key, none hangs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lodestar.paths import Home
from tests.cli.conftest import Result
from tests.cli.test_keys import KEY, Keys, configured, keys  # noqa: F401 (fixtures)
from tests.fakes.secret_service import SecretService

pytestmark = pytest.mark.usefixtures("configured")
COMMANDS = (("set", "far"), ("list", "far"), ("test", "far"), ("remove", "far"))
OURS = 4.0
"""What the keyring may take; the rest of the five seconds is the command's own."""


@pytest.mark.parametrize("backend", ["null", "fail"])
def test_a_backend_that_drops_everything_is_not_used(
    keys: Keys,  # noqa: F811
    backend: str,
) -> None:
    stored = keys(
        "set", "far", stdin=KEY, PYTHON_KEYRING_BACKEND=f"keyring.backends.{backend}.Keyring"
    )
    assert stored.code == 4
    assert "the system's keyring cannot be used" in stored.error[0]
    assert "PYTHON_KEYRING_BACKEND is not followed" in stored.err


def test_a_backend_that_the_user_never_chose_is_not_imported(
    keys: Keys,  # noqa: F811
    tmp_path: Path,
) -> None:
    """By the variable, by a configuration and by an entry point of a package."""
    (tmp_path / "hostile.py").write_text(
        f"import pathlib\npathlib.Path({str(tmp_path)!r}, 'loaded').touch()\n"
    )
    package = tmp_path / "hostile-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[keyring.backends]\nhostile = hostile\n")
    settings = tmp_path / "config" / "python_keyring"
    settings.mkdir(parents=True)
    ring = f"[backend]\ndefault-keyring=hostile.Keyring\nkeyring-path={tmp_path}\n"
    (settings / "keyringrc.cfg").write_text(ring)
    environ = {
        "PYTHON_KEYRING_BACKEND": "hostile.Keyring",
        "PYTHONPATH": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    for command in COMMANDS:
        keys(*command, stdin=KEY, **environ)
    assert not (tmp_path / "loaded").exists()


@pytest.mark.parametrize("mood", ["forgetful", "changing", "failing"])
def test_a_keyring_that_does_not_keep_what_it_is_given_never_gets_the_key(
    keys: Keys,  # noqa: F811
    mood: str,
) -> None:
    with SecretService(mood) as service:
        stored = keys("set", "far", stdin=KEY, DBUS_SESSION_BUS_ADDRESS=service.address)
    assert stored.code == 4
    why = {"failing": "it failed with DBusErrorResponse; it may be locked"}
    assert why.get(mood, "it does not give back what was put into it") in stored.error[1]
    assert "--insecure-file" in stored.error[2]
    assert KEY not in service.given


def test_a_keyring_that_does_not_answer_is_given_up_within_five_seconds(
    keys: Keys,  # noqa: F811
) -> None:
    own, _ = _all_at_once(keys, [(command, "") for command in (*COMMANDS, COMMANDS[0])])
    with SecretService("mute") as mute, SecretService("locked") as locked:
        asked = [*((command, mute.address) for command in COMMANDS), (COMMANDS[0], locked.address)]
        waited, found = _all_at_once(keys, asked)
    for one in found:
        assert one.code == 4
        assert "it did not answer within 4 seconds" in one.err
    # What the commands take themselves is for a busy machine to say.
    assert waited < OURS + max(1.0, 4 * own)
    assert KEY not in mute.given + locked.given


def _all_at_once(
    keys: Keys,  # noqa: F811
    asked: Sequence[tuple[tuple[str, ...], str]],
) -> tuple[float, list[Result]]:
    """How long commands take together, each with a bus, and what came of them."""
    start = time.monotonic()
    with ThreadPoolExecutor(len(asked)) as pool:
        jobs = [
            pool.submit(keys, *command, stdin=KEY, DBUS_SESSION_BUS_ADDRESS=bus)
            for command, bus in asked
        ]
        found = [job.result() for job in jobs]
    return time.monotonic() - start, found


def test_a_silent_keyring_keeps_nobody_from_the_other_ways(
    keys: Keys,  # noqa: F811
    home: Home,
) -> None:
    with SecretService("mute") as service:
        bus = {"DBUS_SESSION_BUS_ADDRESS": service.address}
        start = time.monotonic()
        assert keys("set", "far", "--insecure-file", stdin=KEY, **bus).code == 0
        assert keys("set", "work", "--command", "echo some-key", **bus).code == 0
        assert keys("list", "far", FAR_KEY=KEY, **bus).code == 0
        assert time.monotonic() - start < 3 * OURS
    assert (home.root / "keys.yaml").exists()
