"""The control channel to the shim: events go out, notices come in."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from lodestar_aider.spec import Spec

POLL_TIMEOUT_S = 2.0
# The shim answers once the events are stored, which may have to wait for other writers.
SEND_TIMEOUT_S = 10.0
# A command may look through a long log; Ctrl-C leaves it.
COMMAND_TIMEOUT_S = 30.0
READ_LIMIT = 1 << 20


@dataclass(frozen=True)
class Notice:
    """A line for the user; `level` is info or warn, `title` for the terminal's title or empty."""

    id: int
    level: str
    text: str
    title: str = ""


@dataclass(frozen=True)
class End:
    """Why the session is over; `minutes` is the length of one that the user may extend."""

    reason: str
    kind: str = ""
    minutes: int | None = None


@dataclass(frozen=True)
class News:
    """One answer of the shim: new notices, the end (None: go on), the status line's parts.

    `waits` is why a request waits just now, empty where none does.
    """

    notices: list[Notice] = field(default_factory=list)
    end: End | None = None
    status: list[str] = field(default_factory=list)
    waits: str = ""


@dataclass(frozen=True)
class Command:
    """A slash command that the shim serves; `words` are for completion."""

    name: str
    help: str
    argument: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What a command answered; with a `question` nothing is done yet."""

    lines: list[str] = field(default_factory=list)
    question: str | None = None
    argument: str | None = None
    """What a yes is to, where that is not what was typed."""
    effect: dict[str, str] = field(default_factory=dict)
    failed: bool = False
    """Whether the lines say what went wrong."""


class Channel:
    """Small JSON requests to the shim; a shim that is restarting is not an error."""

    def __init__(self, spec: Spec) -> None:
        self._address = spec.address
        self._headers = {"Authorization": f"Bearer {spec.token}"}

    def send(self, events: list[dict[str, Any]]) -> bool:
        """Whether the shim has dealt with the events; False means try again later.

        A refusal (4xx) counts as dealt with: the same body would be refused for ever.
        """
        body = json.dumps({"events": events}).encode("ascii")
        answer = self._request("POST", "/lodestar/v1/events", body)
        return answer is not None and answer[0] < 500

    def poll(self, after: int, model: str | None = None) -> News | None:
        """What is new since notice `after`, and the status of what Aider uses.

        None when the shim cannot be asked now.
        """
        query = urlencode({"after": after, **({"model": model} if model else {})})
        answer = self._request("GET", f"/lodestar/v1/poll?{query}", None)
        if answer is None or answer[0] != 200:
            return None
        try:
            return _news(json.loads(answer[1]))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def extend(self, minutes: int) -> int | None:
        """The session's new length in minutes; None where it could not be extended."""
        body = json.dumps({"minutes": minutes}).encode("ascii")
        answer = self._request("POST", "/lodestar/v1/extend", body)
        if answer is None or answer[0] != 200:
            return None
        try:
            return int(json.loads(answer[1])["minutes"])
        except (ValueError, TypeError, KeyError):
            return None

    def commands(self) -> list[Command] | None:
        """The slash commands that are served; None when the shim cannot be asked now."""
        answer = self._request("GET", "/lodestar/v1/commands", None, SEND_TIMEOUT_S)
        if answer is None or answer[0] != 200:
            return None
        try:
            return [_command(item) for item in json.loads(answer[1])["commands"]]
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def command(self, name: str, asked: dict[str, Any]) -> Reply | None:
        """Run a slash command; None when the shim does not answer, or not as agreed."""
        body = json.dumps(asked).encode("ascii")
        path = f"/lodestar/v1/commands/{name}"
        answer = self._request("POST", path, body, COMMAND_TIMEOUT_S)
        try:
            return None if answer is None else _reply(answer[0], json.loads(answer[1]))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    def _request(
        self, method: str, path: str, body: bytes | None, timeout: float | None = None
    ) -> tuple[int, bytes] | None:
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if timeout is None:
            timeout = POLL_TIMEOUT_S if body is None else SEND_TIMEOUT_S
        connection = http.client.HTTPConnection(*self._address, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(READ_LIMIT)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def _news(data: dict[str, Any]) -> News:
    notices = [
        Notice(
            int(item["id"]),
            str(item.get("level", "info")),
            str(item["text"]),
            str(item.get("title") or ""),
        )
        for item in data.get("notices") or []
    ]
    status = [str(part) for part in data.get("status") or []]
    return News(notices, _end(data.get("end")), status, str(data.get("waits") or ""))


def _end(data: dict[str, Any] | None) -> End | None:
    if data is None:
        return None
    minutes = data.get("minutes")
    reason = str(data.get("reason") or "this session is over")
    return End(reason, str(data.get("kind") or ""), None if minutes is None else int(minutes))


def _command(data: dict[str, Any]) -> Command:
    return Command(
        str(data["name"]),
        str(data.get("help") or ""),
        str(data.get("argument") or ""),
        tuple(str(word) for word in data.get("words") or ()),
    )


def _reply(status: int, data: dict[str, Any]) -> Reply:
    if status != 200:
        said = str(data["error"]["message"]).splitlines()
        return Reply([line.strip() for line in said if line.strip()], failed=True)
    question, argument = data.get("question"), data.get("argument")
    return Reply(
        [str(line) for line in data.get("lines") or ()],
        None if question is None else str(question),
        None if argument is None else str(argument),
        {str(name): str(value) for name, value in (data.get("effect") or {}).items()},
    )
