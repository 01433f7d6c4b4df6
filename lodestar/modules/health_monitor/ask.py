"""Asking a server a small question: no key, no redirect, no proxy, and an end to its patience."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

LONGEST = 1 << 20


class AskError(Exception):
    """There was no answer; the text says why."""


def ask(url: str, timeout_s: float, body: Any = None) -> tuple[int, bytes]:
    """GET, or POST where there is a body: (status, the beginning of the answer).

    Raises AskError.
    """
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    except (ValueError, http.client.HTTPException) as error:
        raise AskError(f"{url} is no address") from error
    try:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"} if data else {}
        connection.request("POST" if data else "GET", parts.path or "/", data, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(LONGEST)
    except TimeoutError as error:
        raise AskError("it does not answer in time") from error
    except http.client.HTTPException as error:
        raise AskError("its answer is not valid HTTP") from error
    except (OSError, ValueError) as error:
        raise AskError(str(getattr(error, "strerror", None) or error)) from error
    finally:
        connection.close()


def ask_json(url: str, timeout_s: float, body: Any = None) -> dict[str, Any]:
    """The same for an answer that is a JSON object. Raises AskError."""
    status, text = ask(url, timeout_s, body)
    if status != 200:
        raise AskError(f"it answers with HTTP {status}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AskError("its answer is not JSON") from error
    if not isinstance(found, dict):
        raise AskError("its answer is not a JSON object")
    return found
