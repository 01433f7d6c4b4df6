"""The keys of models: found in the environment first, then in the system's keyring."""

from __future__ import annotations

import importlib
import ipaddress
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from lodestar.errors import CredentialsError
from lodestar.settings import ModelEntry

SERVICE = "lodestar"
KEYRING_SECONDS = 4.0
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

    May take some seconds where a keyring does not answer: call it in a worker thread.
    Raises CredentialsError where a key is needed and there is none, or it may not be sent.
    """
    host, variable = _host(entry), key_variable(entry)
    key = environ.get(variable, "").strip() if variable else ""
    if not key and takes_key(entry):
        key = ((lookup or keyring_password)(SERVICE, f"{alias}@{host}") or "").strip()
    if not key:
        if variable:
            raise _missing(alias, host, variable)
        return None
    _check(key, entry, alias, host)
    return key


def key_variable(entry: ModelEntry) -> str | None:
    """The environment variable that is asked for the key of `entry`."""
    if entry.provider == "engine":
        return None
    return entry.key_env or ("OPENAI_API_KEY" if _host(entry) == "api.openai.com" else None)


def takes_key(entry: ModelEntry) -> bool:
    """Whether a key is sent to `entry`'s server where there is one."""
    paid_elsewhere = entry.paid and not _loopback(_host(entry))
    return entry.provider != "engine" and (key_variable(entry) is not None or paid_elsewhere)


def without_paid_keys(environ: Mapping[str, str], entries: Iterable[ModelEntry]) -> dict[str, str]:
    """The environment without the variables that only paid models take their key from."""
    entries = list(entries)
    paid = {key_variable(entry) for entry in entries if entry.paid}
    # Free work is never closed: what a free model needs, too, stays.
    free = {key_variable(entry) for entry in entries if not entry.paid}
    return {name: value for name, value in environ.items() if name not in paid - free}


def keyring_password(service: str, user: str) -> str | None:
    """The stored password from the first usable system keyring, or None.

    Raises CredentialsError where the keyring fails or does not answer.
    """
    return _in_time(
        lambda keyring: keyring.get_password(service, user) if keyring else None,
        "unlock it, or give the key in the environment variable that key_env names",
    )


def check_keyring(entry: ModelEntry, alias: str) -> None:
    """Raises CredentialsError where a key of this entry could not be put into the keyring."""
    do, user = _instead(entry), f"{alias}@{_host(entry)}"
    _in_time(
        lambda keyring: _existing(keyring, do).get_password(SERVICE, user), f"unlock it, or {do}"
    )


def store_key(entry: ModelEntry, alias: str, key: str) -> None:
    """Put a key into the keyring, for this alias on this host only.

    Raises CredentialsError where it cannot be used or the keyring does not keep it.
    """
    host = _host(entry)
    do, user = _instead(entry), f"{alias}@{host}"
    _check(key, entry, alias, host)

    def store(keyring: _Keyring | None) -> str | None:
        usable = _existing(keyring, do)
        usable.set_password(SERVICE, user, key)
        return usable.get_password(SERVICE, user)

    # Read back: there are keyrings that take everything and keep nothing.
    if _in_time(store, f"unlock it, or {do}") != key:
        raise _unusable("it does not give back what was put into it", do)


def remove_key(entry: ModelEntry, alias: str) -> bool:
    """Take a key out of the keyring; False where there was none. Raises CredentialsError."""
    user, variable = f"{alias}@{_host(entry)}", key_variable(entry)
    elsewhere = f"there is no key in it; one in the environment goes with: unset {variable}"
    nothing = elsewhere if variable else "there is no key in it, and nothing to do"

    def remove(keyring: _Keyring | None) -> str | None:
        usable = _existing(keyring, nothing)
        found = usable.get_password(SERVICE, user)
        if found is not None:
            usable.delete_password(SERVICE, user)
        return found

    return _in_time(remove, "unlock it, then remove the key again") is not None


def _in_time(action: Callable[[_Keyring | None], str | None], remedy: str) -> str | None:
    """Do it with the usable keyring, in a thread that is given up where it hangs.

    `remedy` is what the user is told to do where the keyring hangs or fails.
    """
    answer: queue.Queue[str | Exception | None] = queue.Queue()

    def work() -> None:
        try:
            answer.put(action(_backend()))
        except Exception as error:
            answer.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        found = answer.get(timeout=KEYRING_SECONDS)
    except queue.Empty:
        why = f"it did not answer within {KEYRING_SECONDS:.0f} seconds"
        raise _unusable(why, remedy) from None
    if isinstance(found, CredentialsError):
        raise found
    if isinstance(found, Exception):
        # Without its words, which may quote the key.
        raise _unusable(type(found).__name__, remedy) from None
    return found


def _existing(keyring: _Keyring | None, remedy: str) -> _Keyring:
    if keyring is None:
        raise _unusable("there is none that Lodestar knows: Secret Service, KWallet, macOS", remedy)
    return keyring


def _instead(entry: ModelEntry) -> str:
    variable = key_variable(entry)
    return f"give the key in the environment variable {variable or 'that key_env names'}"


def _host(entry: ModelEntry) -> str:
    return (urlsplit(entry.api_base or "").hostname or "").lower()


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

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


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
        f"${variable} is not set, and no keyring holds one for {alias}@{host}",
        f"lodestar keys set {alias}, or: export {variable}=...",
    )


def _unusable(why: str, do: str) -> CredentialsError:
    return CredentialsError("the system's keyring cannot be used", why, do)
