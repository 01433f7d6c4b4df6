"""The archive for those who help says what is wrong, and holds no key and nobody's words."""

from __future__ import annotations

import errno
import json
import logging
import zipfile
from pathlib import Path

import pytest

from lodestar.cli.main import run
from lodestar.doctor import log_shape
from lodestar.exchange import Exchange, Outcome
from lodestar.ids import new_id
from lodestar.modules.health_monitor.plugin import register_migrations
from lodestar.paths import Home
from lodestar.store import exchanges
from lodestar.store.schema import CORE
from lodestar.store.store import Store
from tests.fakes.values import a_request, a_route

KEY = "sk-canary-4f9d2b7c1e8a6035"
WORDS = "CANARYPROMPT refactor the secret payroll"
SECRETS = (KEY, "canary-password", "CANARYPROMPT", "payroll", "canary-project", "canary-branch")
LAYOUT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


@pytest.fixture
def planted(isolated_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a project with secrets and words wherever they may be; the project."""
    monkeypatch.setattr("lodestar.doctor.keys.proof", lambda context: [])
    home = Home(isolated_home)
    home.folder("logs")
    monkeypatch.setenv("CANARY_API_KEY", KEY)
    project = tmp_path / "canary-project"
    project.mkdir()
    (project / ".env").write_text(f"OTHER_KEY={KEY}\n")
    monkeypatch.chdir(project)
    _configure(home)
    _fill(home, project)
    _log(home)
    folder = home.folder("aider") / "canary-project-1"
    folder.mkdir()
    (folder / "chat.history.md").write_text(WORDS)
    return project


def _configure(home: Home) -> None:
    url = "http://user:canary-password@127.0.0.1:9/v1?token=canary-password"
    entry = {"provider": "openai", "model": "m", "billing": "free", "note": WORDS, "api_base": url}
    home.config_file.write_text(
        json.dumps(
            {
                "models": {"mine": entry},
                "aider": {"args": ["--api-key", f"openai={KEY}", "--message", WORDS]},
                "modules": {"usage_tracker": {"alerts": {"command": ["curl", "-u", KEY]}}},
            }
        )
    )


def _fill(home: Home, project: Path) -> None:
    down = Outcome("error", 500, error=f"HTTP 500: you said '{WORDS}' with {KEY}")
    with Store.open(home.database, [CORE, register_migrations()]) as store:
        with store.write() as connection:
            connection.execute(
                "INSERT INTO projects VALUES ('P', ?, 'canary-project', 1)", (str(project),)
            )
            connection.execute(
                "INSERT INTO sessions(id, machine_id, project_id, profile, branch, started_ms)"
                " VALUES ('S1', 'M', 'P', 'p', 'canary-branch', 1)"
            )
        for _ in range(3):
            request, attempt = a_request(WORDS), new_id()
            exchanges.open_exchange(store, request, [("user", WORDS, len(WORDS))])
            exchanges.open_attempt(store, attempt, request, a_route("mine", model="m"), 1)
            exchanges.close_attempt(store, attempt, down)
            exchanges.close_exchange(store, Exchange(request, a_route("mine"), down, 1), [])


def _log(home: Home) -> None:
    handler = logging.FileHandler(home.root / "logs" / "shim.log")
    handler.setFormatter(logging.Formatter(LAYOUT))
    log = logging.getLogger("lodestar.shim")
    other = logging.getLogger("somebody.else")
    for one in (log, other):
        one.addHandler(handler)
    try:
        log.warning("the engine could not be warmed: %s", WORDS)
        other.error("%s", WORDS)
        try:
            raise ValueError(WORDS)
        except ValueError:
            log.exception("a request failed inside the shim")
    finally:
        for one in (log, other):
            one.removeHandler(handler)
        handler.close()


def test_no_key_and_no_word_of_anybody_is_in_it(
    planted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["doctor", "--bundle"])
    said = capsys.readouterr()
    path = Path(said.out.splitlines()[-1])
    assert path.parent == planted
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    for name, text in texts.items():
        assert not [word for word in SECRETS if word in text], f"{name}:\n{text}"
    assert set(texts) == {"README.txt", "doctor.json", "status.json", "versions.json",
                          "settings.json", "database.json", "logs/shim.log"}  # fmt: skip
    # It is worth something all the same.
    upstreams = json.loads(texts["status.json"])["upstreams"]["data"]
    assert [(one["alias"], one["windows"]["5m"]["failed"]) for one in upstreams] == [("mine", 3)]
    settings = json.loads(texts["settings.json"])
    assert settings["models"]["mine"]["api_base"] == "http://127.0.0.1:9"
    assert json.loads(texts["database.json"])["rows"]["exchanges"] == 3
    assert "ValueError: [...]" in texts["logs/shim.log"]
    assert "a request failed inside the shim\n" in texts["logs/shim.log"]
    assert "the engine could not be warmed[...]" in texts["logs/shim.log"]


def test_what_is_in_it_is_listed_before_it_is_written(
    planted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lodestar.doctor.bundle.write", _full_disk)
    assert run(["doctor", "--bundle"]) == 1
    said = capsys.readouterr()
    listed, _, error = said.err.partition("error: ")
    assert "cannot be written" in error
    assert ".zip" not in said.out
    for name in ("doctor.json", "settings.json", "logs/shim.log", "Left out: keys and tokens"):
        assert name in listed


def _full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("2026-11-24 15:57:05,123 77 ERROR lodestar.shim: it said 'x'",
         "2026-11-24 15:57:05,123 77 ERROR lodestar.shim: it said [...]"),
        ("2026-11-24 15:57:05,123 INFO lodestar_engine.pool: loading",
         "2026-11-24 15:57:05,123 INFO lodestar_engine.pool: loading"),
        ("2026-11-24 15:57:05,123 INFO LiteLLM: my prompt",
         "2026-11-24 15:57:05,123 INFO LiteLLM: [...]"),
        ('  File "/home/ann/venv/lib/site-packages/aiohttp/web.py", line 3, in run',
         '  File "site-packages/aiohttp/web.py", line 3, in run'),
        ('  File "/home/ann/x.py", line 3, in run', '  File "x.py", line 3, in run'),
        ("    raise ValueError('my prompt')", "[1 lines left out]"),
        ("builtins.KeyError: 'my prompt'", "builtins.KeyError: [...]"),
        ("my prompt", "[1 lines left out]"),
    ],
)  # fmt: skip
def test_of_a_log_only_our_own_words_are_kept(line: str, kept: str) -> None:
    assert list(log_shape.shape([line])) == [kept]
