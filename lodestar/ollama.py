"""Asking an Ollama what it has: its address, its models, and the context each one really gets."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lodestar.errors import UsageError

DEFAULT_URL = "http://127.0.0.1:11434"
SMALLEST_DEFAULT = 4096
"""What Ollama gives a model of its own accord at least; more where there is memory for it."""
LONGEST = 4 << 20
NONE = "what answers there is not an Ollama"
_NUM_CTX = re.compile(r"^\s*num_ctx\s+(\d+)\s*$", re.MULTILINE)
_PORTS = {"http": 80, "https": 443}


class OllamaError(Exception):
    """It gave no usable answer; the text says why."""


@dataclass(frozen=True)
class Address:
    """Where an Ollama is looked for; `origin` says who says so."""

    url: str
    origin: str
    configured: bool


def address(url: str | None, environ: Mapping[str, str]) -> Address | None:
    """The address that holds for a run; None where it is switched off.

    Raises UsageError where it is none.
    """
    if url is not None:
        found = _normal(url, "ollama.url")
        return Address(found, "ollama.url", True) if found else None
    host = environ.get("OLLAMA_HOST", "").strip().strip("\"'")
    if not host:
        return Address(DEFAULT_URL, "Ollama's own default", False)
    found = _normal(host, "OLLAMA_HOST")
    return Address(found, "$OLLAMA_HOST", True) if found else None


def full_name(model: str) -> str:
    """A model's name as Ollama lists it."""
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


class Ollama:
    """One server; every call opens a connection and ends within `timeout_s` of silence."""

    def __init__(self, url: str, timeout_s: float = 0.5) -> None:
        self.url = url
        self._timeout_s = timeout_s

    def tags(self) -> dict[str, str]:
        """The models it has, by full name, each with its digest. Raises OllamaError."""
        return {name: str(model.get("digest", "")) for name, model in self._models("/api/tags")}

    def loaded(self) -> dict[str, int]:
        """The context of each model in memory; 0 where it does not say. Raises OllamaError."""
        return {
            name: _count(model.get("context_length")) for name, model in self._models("/api/ps")
        }

    def load(self, model: str) -> None:
        """Have the model in memory with the context that its requests get. Raises OllamaError."""
        self._ask("POST", "/api/generate", {"model": model, "stream": False})

    def settled_context(self, model: str) -> tuple[int, int]:
        """(num_ctx of the model's own settings, context it was trained for); 0 where unsaid.

        Raises OllamaError.
        """
        said = self._ask("POST", "/api/show", {"model": model})
        own = _NUM_CTX.search(str(said.get("parameters") or ""))
        info = said.get("model_info")
        facts = info.items() if isinstance(info, Mapping) else ()
        trained = (_count(value) for key, value in facts if str(key).endswith(".context_length"))
        return _count(own and int(own[1])), max(trained, default=0)

    def _models(self, path: str) -> list[tuple[str, Mapping[str, Any]]]:
        found = self._ask("GET", path).get("models")
        listed = found if isinstance(found, list) else []
        models = [model for model in listed if isinstance(model, Mapping)]
        return [(full_name(str(m.get("model") or m.get("name") or "")), m) for m in models]

    def _ask(self, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        parts = urlsplit(self.url)
        try:
            # Alone, and first: where nobody listens nothing more is imported.
            place = parts.hostname or "", parts.port or _PORTS[parts.scheme]
            connected = socket.create_connection(place, self._timeout_s)
        except OSError as error:
            raise OllamaError(_why(error)) from error
        with connected:
            return self._asked(connected, method, path, body)

    def _asked(self, connected: socket.socket, method: str, path: str, body: Any) -> dict[str, Any]:
        import http.client
        import ssl

        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=self._timeout_s)
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"} if data else {}
        try:
            if parts.scheme == "https":
                secure = ssl.create_default_context()
                connected = secure.wrap_socket(connected, server_hostname=parts.hostname)
            connection.sock = connected
            connection.request(method, f"{parts.path.rstrip('/')}{path}", data, headers)
            answer = connection.getresponse()
            text = answer.read(LONGEST)
            found = json.loads(text) if answer.status == 200 else None
        except http.client.HTTPException as error:
            raise OllamaError(NONE) from error
        except OSError as error:
            raise OllamaError(_why(error)) from error
        except (ValueError, RecursionError) as error:
            raise OllamaError(NONE) from error
        finally:
            connection.close()
        if not isinstance(found, dict):
            raise OllamaError(f"it answers {path} with HTTP {answer.status}")
        return found


def _normal(text: str, name: str) -> str | None:
    """The URL that Ollama itself would make of the text; None for `none`."""
    if text.lower() in ("none", "off"):
        return None
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, port = parts.hostname or "127.0.0.1", parts.port
    except ValueError as error:
        raise _bad(name, text) from error
    if parts.scheme not in ("", *_PORTS) or parts.username or parts.query or parts.fragment:
        raise _bad(name, text)
    # A server listens on every address; a client has to name one.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    port = port or _PORTS.get(parts.scheme, 11434)
    return f"{parts.scheme or 'http'}://{shown}:{port}{parts.path.rstrip('/').removesuffix('/v1')}"


def _bad(name: str, text: str) -> UsageError:
    return UsageError(
        f"{name} is not the address of an Ollama",
        f"`{text}` cannot be read as one",
        "write it like http://192.168.0.10:11434, or `none`",
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 < value < 1 << 31 else 0


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    return str(error.strerror or error)
