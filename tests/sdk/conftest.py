"""`lodestar shim serve` as a user starts it, in front of a fake provider."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.bench.gateways.targets import free_port
from tests.environments import BUILD, NotHereError, node_environment, python_environment
from tests.fakes.shim_client import config
from tests.sdk.provider import ToolProvider

HERE = Path(__file__).parent
LODESTAR = Path(sys.executable).with_name("lodestar")
LLM, OPENAI_NODE = "0.36", "7.57.0"
KEPT = ("PATH", "LANG", "TZ")


@dataclass(frozen=True)
class Served:
    """A shim that serves, and what an OpenAI client has to have in its environment."""

    home: Path
    environment: Mapping[str, str]
    provider: ToolProvider

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of its database."""
        import sqlite3

        with closing(sqlite3.connect(f"file:{self.home / 'usage.db'}?mode=ro", uri=True)) as opened:
            return opened.execute(sql).fetchall()

    def asked(self, alias: str) -> int:
        """How often this alias has been asked for."""
        sql = f"SELECT count(*) FROM exchanges WHERE requested_alias = '{alias}'"
        return int(self.rows(sql)[0][0])

    def run(self, command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """A client, from its start to its end."""
        return subprocess.run(
            list(command), cwd=folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip


def _models(url: str) -> str:
    entry = {"provider": "openai", "model": "fake-model", "api_base": url}
    paid = {"billing": "payg", "price_in": "3", "price_out": "15", "tier": 3}
    models = {"free": {**entry, "billing": "free"}, "paid": {**entry, **paid}}
    limits = {"daily_usd": 0, "on_limit": "ask"}
    return json.dumps({"main": "free", "weak": "free", "models": models, "limits": limits})


@pytest.fixture(scope="session")
def provider() -> Iterator[ToolProvider]:
    """The only provider there is."""
    with ToolProvider() as running:
        yield running


@pytest.fixture(scope="session")
def served(provider: ToolProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`lodestar shim serve`, with a free model and a paid one for which there is no money."""
    user = tmp_path_factory.mktemp("user")
    home = user / ".lodestar"
    config(home, _models(provider.url))
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment = {**kept, "HOME": str(user), "LODESTAR_HOME": str(home)}
    command = [str(LODESTAR), "shim", "serve", "--port", str(free_port())]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        ready = json.loads(process.stdout.readline())
        url = f"http://127.0.0.1:{ready['port']}/v1"
        names = {"OPENAI_BASE_URL": url, "OPENAI_API_BASE": url, "OPENAI_API_KEY": ready["token"]}
        yield Served(home, {**environment, **names}, provider)
        process.send_signal(signal.SIGINT)
        process.wait(20)


@pytest.fixture(scope="session")
def llm() -> Path:
    """The `llm` command, in an environment of its own."""
    try:
        return python_environment(BUILD / "sdk" / f"llm-{LLM}", [f"llm=={LLM}"]).with_name("llm")
    except NotHereError as error:
        pytest.skip(f"llm cannot be installed here: {error}")


@pytest.fixture(scope="session")
def openai_node() -> Path:
    """A folder in which Node finds the openai package."""
    try:
        return node_environment(BUILD / "sdk" / f"openai-{OPENAI_NODE}", f"openai@{OPENAI_NODE}")
    except NotHereError as error:
        pytest.skip(f"the openai package of npm cannot be installed here: {error}")
