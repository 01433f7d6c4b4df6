"""What every test gets: a home of its own and none of the caller's keys."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

_INHERITED = re.compile(
    r"LODESTAR_|AIDER_|OLLAMA_|OPENAI_|ANTHROPIC_|GEMINI_|GOOGLE_|XAI_|LITELLM_|XDG_|PYTHON_KEYRING"
    r"|CI\Z|.*(?:_KEY|_TOKEN|_SECRET|_PASSWORD)\Z|(?:ALL|HTTPS?)_PROXY\Z",
    re.IGNORECASE,
)


def pytest_configure() -> None:
    """A shell in the background ignores two keys, and nohup a hang-up: all children inherit it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def isolated_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Point HOME and LODESTAR_HOME at a fresh folder; returns Lodestar's home."""
    for name in [name for name in os.environ if _INHERITED.match(name)]:
        monkeypatch.delenv(name)
    user = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("LODESTAR_HOME", str(user / ".lodestar"))
    monkeypatch.setenv("LODESTAR_NO_INPUT", "1")
    # One may run on the machine that the tests run on.
    monkeypatch.setenv("OLLAMA_HOST", "none")
    return user / ".lodestar"
