"""LiteLLM's proxy, one worker: a master key and one model, without its database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.gateways.measure import Address
from tests.bench.gateways.native import ENVIRONMENTS
from tests.bench.gateways.targets import Running, clean_environment, free_port, server
from tests.environments import python_environment

VERSION = "1.106.2"
KEY = "sk-bench"


class LiteLLM:
    """Budgets need its database (PostgreSQL), so nothing is budgeted or recorded."""

    name = "litellm"
    label = "LiteLLM proxy"
    slow = True

    def version(self) -> str:
        """The package's, installed on first use."""
        self._python()
        return f"litellm[proxy] {VERSION}"

    def _python(self) -> Path:
        folder = ENVIRONMENTS / f"litellm-{VERSION}"
        return python_environment(folder, [f"litellm[proxy]=={VERSION}"])

    @contextmanager
    def running(self, upstream: int, folder: Path) -> Iterator[Running]:
        """As `litellm --config` runs it."""
        (folder / "config.yaml").write_text(json.dumps(_config(upstream)), "utf-8")
        port = free_port()
        program = str(self._python().with_name("litellm"))
        command = [program, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
        # It would fetch its price file at the start, and wait for the network that is not there.
        environment = clean_environment(folder, LITELLM_LOCAL_MODEL_COST_MAP="True")
        address = Address(port, headers={"Authorization": f"Bearer {KEY}"})
        with server([*command, "--telemetry", "False"], folder, lambda: address, environment) as up:
            yield up


def _config(upstream: int) -> dict[str, object]:
    url = f"http://127.0.0.1:{upstream}/v1"
    model = {"model": "openai/gpt-4o-mini", "api_base": url, "api_key": "none"}
    return {
        "model_list": [{"model_name": "bench", "litellm_params": model}],
        "general_settings": {"master_key": KEY},
    }
