"""`lodestar models pull`: what it fetches, and how it becomes a model."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys

import pexpect
import pytest
import yaml

from lodestar.paths import Home
from tests.cli.conftest import Cli
from tests.cli.pulled import (
    CHUNK,
    CONTENT,
    LISTED,
    LISTED_FILE,
    LISTED_REPO,
    NAMED,
    SHA256,
)
from tests.fakes.hub import COMMIT, FILE, REPO, Hub


def names(home: Home) -> list[str]:
    """All that is in HOME/models."""
    return sorted(path.name for path in (home.root / "models").iterdir())


def manifest(home: Home, name: str) -> dict[str, object]:
    facts: dict[str, object] = json.loads((home.root / "models" / f"{name}.json").read_text())
    return facts


def test_without_a_name_the_list_is_shown_by_the_memory_it_needs(cli: Cli) -> None:
    result = cli("models", "pull")
    assert result.code == 0
    assert [row[2] for row in result.rows] == ["4 GB", "8 GB", "16 GB", "16 GB", "24 GB", "24 GB"]
    assert result.rows[0][:4] == [LISTED, "~1.1 GB", "4 GB", "apache-2.0"]
    assert "sizes are approximate" in result.err


def test_the_list_is_json_too_and_pins_nothing_that_nobody_checked(cli: Cli) -> None:
    envelope = json.loads(cli("models", "pull", "--json").out)
    assert envelope["schema"] == "lodestar.models-to-pull/1"
    for offer in envelope["data"]:
        assert offer["file"].endswith(".gguf")
        assert offer["about_bytes"] < offer["memory_gb"] * 1e9
        assert offer["sha256"] is None or len(offer["sha256"]) == 64


def test_a_model_of_the_list_is_pulled_checked_and_listed(
    cli: Cli, home: Home, listed: Hub
) -> None:
    result = cli("models", "pull", LISTED)
    assert result.code == 0, result.err
    assert result.out == ""
    file = home.root / "models" / f"{LISTED}.gguf"
    assert file.read_bytes() == CONTENT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert names(home) == [f"{LISTED}.gguf", f"{LISTED}.json"]
    facts = manifest(home, LISTED)
    assert (facts["sha256"], facts["size"]) == (SHA256, len(CONTENT))
    assert facts["source"] == f"hub:{LISTED_REPO}@{COMMIT}/{LISTED_FILE}"
    assert facts["license"] == "apache-2.0"
    row = next(row for row in cli("models").rows if row[1] == LISTED)
    assert row[2:6] == ["1", LISTED, "embedded engine", "local"]


def test_licence_size_checksum_and_place_are_shown_first(cli: Cli, home: Home, listed: Hub) -> None:
    lines = dict(line.split(None, 1) for line in cli("models", "pull", LISTED).err.splitlines())
    assert lines["from"] == f"{LISTED_REPO}, {LISTED_FILE}, revision {COMMIT[:12]}"
    assert lines["licence"] == "apache-2.0"
    assert lines["size"] == f"{len(CONTENT) / 1e6:.1f} MB, for a machine with 4 GB"
    assert lines["sha256"].startswith("verified: ")
    assert lines["to"] == str(home.root / "models" / f"{LISTED}.gguf")


def test_any_file_can_be_pulled_by_its_repository(cli: Cli, home: Home, hub: Hub) -> None:
    hub.card = {"license": "other", "license_name": "tester-terms"}
    result = cli(
        *("models", "pull", NAMED, "--name", "mine", "--default", "--yes", "--json"),
        *("--sha256", SHA256.upper(), "--revision", COMMIT),
    )
    assert result.code == 0, result.err
    assert "licence  other (tester-terms)" in result.err
    assert f"{SHA256} (pinned)" in result.err
    data = json.loads(result.out)["data"]
    assert (data["alias"], data["sha256"], data["pinned"]) == ("mine", SHA256, True)
    models = yaml.safe_load(home.config_file.read_text())["models"]
    assert models["local-coder"] == models["mine"]


def test_without_a_name_of_its_own_a_file_is_called_as_it_is(
    cli: Cli, home: Home, hub: Hub
) -> None:
    hub.file = "q4/Tiny Coder.gguf"
    assert cli("models", "pull", f"{REPO}:{hub.file}", "--yes").code == 0
    assert names(home) == ["Tiny-Coder.gguf", "Tiny-Coder.json"]


def test_the_checksum_of_the_hub_is_said_to_be_no_pin(cli: Cli, listed: Hub) -> None:
    assert f"{SHA256} (as the hub states it; there is no pin)" in cli("models", "pull", LISTED).err


def test_a_cut_download_goes_on_where_it_stopped(cli: Cli, home: Home, hub: Hub) -> None:
    hub.cut_at = 1_000_000
    cut = cli("models", "pull", NAMED, "--yes")
    assert cut.code == 1
    assert cut.error[0] == f"error: the download of {FILE} broke off"
    assert cut.error[2] == "do:    run the same command again: it goes on where this one stopped"
    assert names(home) == [".pull"]
    result = cli("models", "pull", NAMED, "--yes")
    assert result.code == 0, result.err
    first, second = hub.downloads
    assert first.range is None
    assert second.range == f"bytes={1_000_000 // CHUNK * CHUNK}-"
    assert manifest(home, "tiny-coder-q4_k_m")["sha256"] == SHA256
    assert names(home) == ["tiny-coder-q4_k_m.gguf", "tiny-coder-q4_k_m.json"]


def test_an_interrupt_says_that_the_next_run_goes_on(home: Home, hub: Hub) -> None:
    hub.hold_at = len(CONTENT) // 2
    with subprocess.Popen(
        [sys.executable, "-m", "lodestar", "models", "pull", NAMED, "--yes"],
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert hub.holding.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-3:] == [
        "error: interrupted",
        "why:   the part that is here is kept",
        "do:    run the same command again: it goes on where this one stopped",
    ]


def test_on_a_terminal_it_asks_and_shows_how_far_it_is(
    home: Home, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LODESTAR_NO_INPUT")

    def start() -> pexpect.spawn[str]:
        child = pexpect.spawn(
            sys.executable,
            ["-m", "lodestar", "models", "pull", NAMED],
            env={**os.environ, "TERM": "xterm"},
            encoding="utf-8",
            timeout=30,
            dimensions=(30, 160),
        )
        child.expect("licence  apache-2.0")
        child.expect("under this licence")
        return child

    child = start()
    child.send("n")
    child.expect("nothing was downloaded")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert not hub.downloads
    hub.hold_at = len(CONTENT) // 2
    child = start()
    child.send("y")
    child.expect("downloading")
    hub.release()
    child.expect("sha256 verified")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert manifest(home, "tiny-coder-q4_k_m")["sha256"] == SHA256
