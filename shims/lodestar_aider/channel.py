"""The control channel to the shim: events go out, notices come in."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import Any

from lodestar_aider.spec import Spec

POLL_TIMEOUT_S = 2.0
# The shim answers once the events are stored, which may have to wait for other writers.
SEND_TIMEOUT_S = 10.0
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

    def poll(self, after: int) -> News | None:
        """What is new since notice `after`; None when the shim cannot be asked now."""
        answer = self._request("GET", f"/lodestar/v1/poll?after={after}", None)
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

    def _request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes] | None:
        headers, timeout = dict(self._headers), POLL_TIMEOUT_S
        if body is not None:
            headers["Content-Type"], timeout = "application/json", SEND_TIMEOUT_S
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
