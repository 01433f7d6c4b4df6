"""TensorZero's gateway (Rust), embedded in a Python process as its package offers it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.gateways.measure import Address
from tests.bench.gateways.native import ENVIRONMENTS
from tests.bench.gateways.targets import Running, clean_environment, server
from tests.environments import python_environment

VERSION = "2026.6.0"
# The gateway binds a port of its own choice: it goes to a file, the address is read from there.
SERVE = """
import os, sys, types, warnings
warnings.simplefilter("ignore")
import tensorzero
client = types.SimpleNamespace()
tensorzero.patch_openai_client(client, config_file="tensorzero.toml", async_setup=False)
with open("url.new", "w") as file:
    file.write(str(client.base_url))
os.rename("url.new", "url")
sys.stdin.read()
"""
CONFIG = """
[gateway]
observability.enabled = false

[models.bench]
routing = ["fake"]

[models.bench.providers.fake]
type = "openai"
model_name = "bench"
api_base = "http://127.0.0.1:{port}/v1/"
api_key_location = "env::FAKE_KEY"
"""


class TensorZero:
    """Without its database: nothing is recorded, nothing is budgeted."""

    name = "tensorzero"
    label = "TensorZero (embedded)"
    slow = False

    def version(self) -> str:
        """The package's, installed on first use."""
        self._python()
        return f"tensorzero {VERSION}"

    def _python(self) -> Path:
        packages = [f"tensorzero=={VERSION}", "openai==2.20.0"]
        return python_environment(ENVIRONMENTS / f"tensorzero-{VERSION}", packages)

    @contextmanager
    def running(self, upstream: int, folder: Path) -> Iterator[Running]:
        """A Python process that does nothing but hold the gateway."""
        (folder / "tensorzero.toml").write_text(CONFIG.format(port=upstream), "utf-8")
        command = [str(self._python()), "-c", SERVE]
        environment = clean_environment(folder, FAKE_KEY="none")
        with server(command, folder, lambda: _address(folder / "url"), environment) as running:
            yield running


def _address(file: Path) -> Address | None:
    if not file.exists():
        return None
    url = file.read_text("ascii")
    host, _, path = url.removeprefix("http://").partition("/")
    port = int(host.rpartition(":")[2])
    model = "tensorzero::model_name::bench"
    return Address(port, model, f"/{path.rstrip('/')}/chat/completions")
