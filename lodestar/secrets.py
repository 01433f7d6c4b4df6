"""Finding the key of a model: the environment first, then the system's keyring."""

from __future__ import annotations

import importlib
import ipaddress
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from lodestar.errors import CredentialsError
from lodestar.settings import ModelEntry

SERVICE = "lodestar"
KEYRING_SECONDS = 5.0
# Loaded by name, one after the other: the keyring package itself would import whatever
# PYTHON_KEYRING_BACKEND or a keyringrc.cfg names, and hand it the keys.
BACKENDS = (
    ("keyring.backends.SecretService", "Keyring"),
    ("keyring.backends.kwallet", "DBusKeyring"),
    ("keyring.backends.libsecret", "Keyring"),
    ("keyring.backends.macOS", "Keyring"),
    ("keyring.backends.Windows", "WinVaultKeyring"),
)
Lookup = Callable[[str, str], "str | None"]
"""(service, user name) -> the stored secret or None"""


def find_key(
    entry: ModelEntry, alias: str, environ: Mapping[str, str], lookup: Lookup | None = None
) -> str | None:
    """The key to send to `entry`'s server, or None where it needs none.

    May take up to five seconds where a keyring does not answer: call it in a worker thread.
    Raises CredentialsError where a key is needed and there is none, or it may not be sent.
    """
    if entry.provider == "engine":
        return None
    host = (urlsplit(entry.api_base or "").hostname or "").lower()
    variable = entry.key_env or ("OPENAI_API_KEY" if host == "api.openai.com" else None)
    key = environ.get(variable, "").strip() if variable else ""
    if not key and (variable or (entry.paid and not _loopback(host))):
        key = ((lookup or keyring_password)(SERVICE, f"{alias}@{host}") or "").strip()
    if not key:
        if variable:
            raise _missing(alias, host, variable)
        return None
    _check(key, entry, alias, host)
    return key


def keyring_password(service: str, user: str) -> str | None:
    """The stored password from the first usable system keyring, or None.

    Raises CredentialsError where the keyring fails or does not answer.
    """
    answer: queue.Queue[str | Exception | None] = queue.Queue()
    thread = threading.Thread(target=_ask, args=(service, user, answer), daemon=True)
    thread.start()
    try:
        found = answer.get(timeout=KEYRING_SECONDS)
    except queue.Empty:
        raise _unusable(f"it did not answer within {KEYRING_SECONDS:.0f} seconds") from None
    if isinstance(found, Exception):
        raise _unusable(type(found).__name__) from found
    return found


def _ask(service: str, user: str, answer: queue.Queue[str | Exception | None]) -> None:
    try:
        backend = _backend()
        answer.put(backend.get_password(service, user) if backend else None)
    except Exception as error:
        answer.put(error)


def _backend() -> _Keyring | None:
    """The usable backend of the highest priority among those we trust."""
    usable: list[tuple[float, _Keyring]] = []
    for module, name in BACKENDS:
        try:
            kind = getattr(importlib.import_module(module), name)
            usable.append((float(kind.priority), kind()))
        except (ImportError, AttributeError, RuntimeError, OSError):
            continue  # this system does not have it
    return max(usable, key=lambda pair: pair[0])[1] if usable else None


class _Keyring(Protocol):
    """What we use of a keyring backend."""

    def get_password(self, service: str, username: str) -> str | None: ...


def _check(key: str, entry: ModelEntry, alias: str, host: str) -> None:
    if not key.isascii() or not key.isprintable() or " " in key:
        raise CredentialsError(
            f"the key of `{alias}` cannot be sent",
            "it contains blanks or characters that no key has",
            "copy it again, without line breaks",
        )
    if not (entry.api_base or "").lower().startswith("https://") and not _loopback(host):
        raise CredentialsError(
            f"the key of `{alias}` is not sent to {host}",
            "its api_base is http://, which anybody on the way can read",
            "use https://, or remove key_env if that server needs no key",
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _missing(alias: str, host: str, variable: str) -> CredentialsError:
    return CredentialsError(
        f"there is no key for `{alias}`",
        f"${variable} is not set, and the keyring holds none for {alias}@{host}",
        f"export {variable}=..., or: keyring set {SERVICE} {alias}@{host}",
    )


def _unusable(why: str) -> CredentialsError:
    return CredentialsError(
        "the system's keyring cannot be used",
        why,
        "unlock it, or give the key in the environment variable that key_env names",
    )
