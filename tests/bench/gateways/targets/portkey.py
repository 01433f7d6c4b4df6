"""Portkey's gateway from npm, on Node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.gateways.measure import Address
from tests.bench.gateways.native import ENVIRONMENTS
from tests.bench.gateways.targets import Running, clean_environment, free_port, server
from tests.environments import need, node_environment

VERSION = "1.15.2"
START = "node_modules/@portkey-ai/gateway/build/start-server.js"
# The published package answers every stream with an error: it hands the server a response that
# is of another class than the server's own. Made anew, the response is of the right one.
REPAIR = """
const real = globalThis.fetch;
globalThis.fetch = async (...asked) => {
  const answer = await real(...asked);
  return new Response(answer.body, {
    status: answer.status, statusText: answer.statusText, headers: answer.headers,
  });
};
"""


class Portkey:
    """Its open gateway has neither budgets nor a log."""

    name = "portkey"
    label = "Portkey"
    slow = True

    def version(self) -> str:
        """The package's, installed on first use."""
        self._folder()
        return f"@portkey-ai/gateway {VERSION}"

    def _folder(self) -> Path:
        folder = ENVIRONMENTS / f"portkey-{VERSION}"
        return node_environment(folder, f"@portkey-ai/gateway@{VERSION}")

    @contextmanager
    def running(self, upstream: int, folder: Path) -> Iterator[Running]:
        """As its own start command runs it, headless, with streams repaired."""
        (folder / "repair.cjs").write_text(REPAIR, "utf-8")
        port = free_port()
        command = [need("node"), "--require", str(folder / "repair.cjs")]
        command += [str(self._folder() / START), f"--port={port}", "--headless"]
        headers = {
            "Authorization": "Bearer none",
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
        }
        address = Address(port, headers=headers)
        environment = clean_environment(folder, NODE_ENV="production")
        with server(command, folder, lambda: address, environment) as up:
            yield up
