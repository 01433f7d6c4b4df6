"""The page on keys runs as written."""

from __future__ import annotations

import json

from tests.docs.test_pages import _blocks, _run
from tests.e2e.conftest import Machine, machine  # noqa: F401 (a fixture)
from tests.fakes.key_server import KeyServer

KEY = "canary-key-4711"


def test_the_page_on_keys_runs_as_written(machine: Machine) -> None:  # noqa: F811
    safe = machine.home.parent / "safe"
    safe.mkdir()
    (safe / "openai").write_text(f"{KEY}\n")
    with KeyServer(KEY) as server:
        entry = {"provider": "openai", "model": "m", "api_base": server.url, "key_env": "FAST_KEY"}
        machine.config(json.dumps({"models": {"fast": entry}}))
        (machine.home / "config.yaml").chmod(0o600)
        bare = {"SAFE": str(safe), "DBUS_SESSION_BUS_ADDRESS": ""}
        done = _run(machine, _blocks("docs/how-to/keys.md", "keys"), **bare)
        assert done.returncode == 0, done.stdout + done.stderr
        assert server.asked[0] == ("/v1/models", f"Bearer {KEY}")
    assert "keys.yaml, not encrypted" in done.stdout
    assert "no paid key in a free-only shim" in done.stdout
    assert "removed the key for FAST_KEY@" in done.stderr
    assert KEY not in done.stdout + done.stderr
    assert not (machine.home / "keys.yaml").exists()
