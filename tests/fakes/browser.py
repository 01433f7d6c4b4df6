"""A real headless Chromium, driven by its own protocol."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Coroutine
from typing import Any

import aiohttp
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")


class Browser:
    """One tab. Methods block until the browser has answered."""

    def __enter__(self) -> Browser:
        self._folder = tempfile.TemporaryDirectory(prefix="chromium")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        quiet = ["--no-first-run", "--disable-background-networking", "--disable-sync"]
        home = f"--user-data-dir={self._folder.name}"
        self._process = subprocess.Popen(
            [str(CHROMIUM), *options, *quiet, home, "about:blank"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.requests: list[str] = []
        """The addresses that pages asked for."""
        self.problems: list[str] = []
        """What its console said: errors, and what a policy forbade."""
        self._run(self._connect(self._port()))
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._process.terminate()
        self._process.wait(20)
        assert self._process.stderr
        self._process.stderr.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._folder.cleanup()

    def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        self._loaded.clear()
        self.call("Page.navigate", url=url)
        self._run(asyncio.wait_for(self._loaded.wait(), 30))

    def js(self, code: str) -> Any:
        """The value of an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def key(self, key: str, code: int, text: str = "") -> None:
        """Press a key."""
        named = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the protocol."""
        found: dict[str, Any] = self._run(self._call(method, parameters))
        return found

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _port(self) -> int:
        assert self._process.stderr
        for line in self._process.stderr:
            found = re.search(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/", line)
            if found:
                threading.Thread(target=self._process.stderr.read, daemon=True).start()
                return int(found[1])
        raise RuntimeError("chromium did not start")

    async def _connect(self, port: int) -> None:
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            pages = await answer.json()
        url = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        self._socket = await self._session.ws_connect(url, max_msg_size=0)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._loaded = asyncio.Event()
        self._reader = asyncio.create_task(self._read())
        for domain in ("Page", "Runtime", "Network", "Log", "DOM", "Accessibility"):
            await self._call(f"{domain}.enable", {})

    async def _call(self, method: str, parameters: dict[str, Any]) -> Any:
        number = len(self._waiting) + 1
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(self._waiting[number], 30)
        assert "error" not in answer, answer
        return answer["result"]

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._waiting[data["id"]].set_result(data)
                continue
            name, given = data["method"], data["params"]
            if name == "Page.loadEventFired":
                self._loaded.set()
            elif name == "Network.requestWillBeSent":
                self.requests.append(given["request"]["url"])
            elif name == "Log.entryAdded":
                self.problems.append(given["entry"]["text"])
            elif name == "Runtime.exceptionThrown":
                self.problems.append(str(given["exceptionDetails"]))

    async def _close(self) -> None:
        await self._socket.close()
        await self._reader
        await self._session.close()
