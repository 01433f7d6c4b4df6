"""The proof that a session which is free only loads no key of a paid model.

A real shim is started, free only, in a home of its own. The keys of all paid models are planted
in its environment and its key file, and each paid model is asked for. Their addresses lead to a
trap that nobody may touch; those of the free models to one that sees which key comes along.
"""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lodestar.catalog import Catalog
from lodestar.doctor.check import Problem
from lodestar.loading import Context
from lodestar.paths import Home, write_private
from lodestar.private import bare_environment, hand_over
from lodestar.secrets.accounts import account, key_variable
from lodestar.secrets.key_file import Kept, KeyFile
from lodestar.secrets.patience import within
from lodestar.settings import ModelEntry

SECONDS = 30.0
PAID_SECONDS = 2.0
LONGEST = 1 << 16
FREE, FREE_VARIABLE, UNNAMED = "probe-free", "PROBE_FREE_KEY", "PROBE_PAID_KEY"
REPORT = "use no paid key until this is mended, and report it as a defect of Lodestar"
ANSWER = {"object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop",
          "message": {"role": "assistant", "content": "free"}}],
          "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}  # fmt: skip


@dataclass
class Planted:
    """What the shim is given: keys that are worth nothing, each known again where it turns up."""

    paid: dict[str, str] = field(default_factory=dict)
    """By variable."""
    free: str = field(default_factory=lambda: f"probe-free-{secrets.token_hex(8)}")

    @property
    def environment(self) -> dict[str, str]:
        """The variables with the keys."""
        return {**self.paid, FREE_VARIABLE: self.free}


def proof(context: Context, free_only: bool = True) -> list[Problem]:
    """What speaks against it; nothing where it holds."""
    with tempfile.TemporaryDirectory(prefix="lodestar-proof-") as folder, _Trap() as trap:
        home = Home(Path(folder) / "home")
        planted = _plant(home, context.catalog, trap, free_only)
        with _shim(home, planted.environment) as (port, token):
            for alias, entry in context.catalog:
                if entry.paid:
                    _ask(port, token, alias)
            answered = _ask(port, token, FREE)
        return list(_judged(trap, planted, answered))


class _Trap:
    """Two servers on loopback: the paid models' hangs up on all callers, the free one answers."""

    def __enter__(self) -> _Trap:
        self.calls = 0
        """How often somebody has connected to the paid one."""
        self.seen: list[str] = []
        """What they were sent."""
        self._paid = socket.create_server(("127.0.0.1", 0))
        self._free = ThreadingHTTPServer(("127.0.0.1", 0), _noting(self.seen))
        jobs = (self._hang_up, self._free.serve_forever)
        self._threads = [threading.Thread(target=job, daemon=True) for job in jobs]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._free.shutdown()
        self._free.server_close()
        with suppress(OSError):
            self._paid.shutdown(socket.SHUT_RDWR)
        self._paid.close()
        for thread in self._threads:
            thread.join(SECONDS)

    def url(self, entry: ModelEntry) -> str:
        """Where a model of that kind is served."""
        address = self._paid.getsockname() if entry.paid else self._free.server_address
        return f"http://127.0.0.1:{address[1]}/v1"

    def _hang_up(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._paid.accept()
                self.calls += 1
                with caller, suppress(OSError):
                    caller.settimeout(PAID_SECONDS)
                    self.seen.append(caller.recv(LONGEST).decode("utf-8", "replace"))


def _noting(seen: list[str]) -> type[BaseHTTPRequestHandler]:
    class Free(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            seen.append(f"{self.path}\n{self.headers}\n{body.decode('utf-8', 'replace')}")
            data = json.dumps(ANSWER).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    return Free


def _plant(home: Home, catalog: Catalog, trap: _Trap, free_only: bool) -> Planted:
    """Every alias of the user's, with the key that it names, at an address of ours."""
    home.root.mkdir(mode=0o700)
    planted, file = Planted(), KeyFile(home)
    free = ModelEntry(provider="openai", model="probe", api_base="http://127.0.0.1", billing="free")
    models: dict[str, Any] = {}
    for alias, entry in [(FREE, free), *catalog]:
        variable = (key_variable(entry) or UNNAMED) if entry.paid else FREE_VARIABLE
        models[alias] = _moved(entry, trap.url(entry), variable)
        if entry.paid:
            key = planted.paid.setdefault(variable, f"probe-paid-{secrets.token_hex(8)}")
            file.set(account(ModelEntry.model_validate(models[alias])).name, Kept(key=key))
    limits = {"free_only": free_only}
    config = {"main": FREE, "weak": FREE, "models": models, "limits": limits, "tier_ceiling": 5}
    write_private(home.config_file, json.dumps(config))  # which is YAML, too
    return planted


def _moved(entry: ModelEntry, url: str, variable: str) -> dict[str, Any]:
    moved = {"provider": "openai", "model": "probe", "api_base": url, "key_env": variable}
    prices = {"price_in": 1, "price_out": 1} if entry.paid else {}
    billing = "payg" if entry.paid else "free"
    return {**moved, **prices, "billing": billing, "tier": entry.tier, "context": 8192}


@contextmanager
def _shim(home: Home, planted: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """A shim that is handed the planted keys as a session hands over the user's."""
    command = [sys.executable, "-I", "-m", "lodestar_shim", "--home", str(home.root)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--environment", "0"],
        cwd=home.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=bare_environment(planted),
        start_new_session=True,
    )
    with process:
        try:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("the shim has no pipes")
            hand_over({**planted, "HOME": str(home.root)}, process.stdin.fileno())
            line = within(SECONDS, process.stdout.readline)
            ready = json.loads(line or b"{}")
            if not ready.get("ready"):
                raise RuntimeError("the shim that was to prove it did not start")
            yield ready["port"], ready["token"]
            process.stdin.close()
            process.wait(SECONDS)
        finally:
            process.kill()


def _ask(port: int, token: str, alias: str) -> bool:
    """Whether a model answers, or the one in its place."""
    body = {"model": alias, "messages": [{"role": "user", "content": "probe"}]}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as shim:
        shim.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        answer = shim.getresponse()
        answer.read()
        return answer.status == 200


def _judged(trap: _Trap, planted: Planted, answered: bool) -> Iterator[Problem]:
    if trap.calls:
        yield Problem("a shim that is free only has called a paid model's server", REPORT)
    seen = "\n".join(trap.seen)
    names = [name for name, key in planted.paid.items() if key in seen]
    if names:
        loaded = ", ".join(f"${name}" for name in names)
        yield Problem(f"a shim that is free only has loaded the keys in {loaded}", REPORT)
    if not answered or planted.free not in seen:
        # Otherwise a shim that does nothing at all would prove it, too.
        yield Problem("the free model of the proof did not answer with its own key", REPORT)
