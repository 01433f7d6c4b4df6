"""The system's keyring: only backends that we know, each checked before it gets a key."""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from lodestar.errors import CredentialsError
from lodestar.secrets.patience import within

SERVICE = "lodestar"
CANARY = "lodestar-canary"
SECONDS = 4.0
"""Five at most, with what else a command does."""
# Loaded by name, one after the other: the keyring package itself would import whatever
# PYTHON_KEYRING_BACKEND or a keyringrc.cfg names, and hand it the keys.
BACKENDS = (
    ("keyring.backends.SecretService", "Keyring"),
    ("keyring.backends.kwallet", "DBusKeyring"),
    ("keyring.backends.libsecret", "Keyring"),
    ("keyring.backends.macOS", "Keyring"),
    ("keyring.backends.Windows", "WinVaultKeyring"),
)
NONE = "there is none that Lodestar knows: Secret Service, KWallet, macOS, Windows"
Result = TypeVar("Result")


class KeyringError(CredentialsError):
    """The system's keyring cannot be used."""

    def __init__(self, why: str, locked: bool = False) -> None:
        """`locked` where it may only have to be unlocked."""
        super().__init__("the system's keyring cannot be used", why)
        self.locked = locked


class Keyring(Protocol):
    """What we use of a keyring backend."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


def password(name: str) -> str | None:
    """The password stored under a name; None also where there is no keyring.

    Raises KeyringError where the keyring fails or does not answer.
    """
    return stored([name]).get(name)


def stored(names: Iterable[str]) -> dict[str, str]:
    """The passwords of those names that have one, all asked for in one go."""

    def look(keyring: Keyring | None) -> dict[str, str]:
        if keyring is None:
            return {}
        found = {name: keyring.get_password(SERVICE, name) for name in names}
        return {name: password for name, password in found.items() if password}

    return _in_time(look)


def check() -> None:
    """Raises KeyringError where a key could not be put into the keyring."""
    _in_time(lambda keyring: _sing(_existing(keyring)))


def store(name: str, key: str) -> None:
    """Put a key into the keyring. Raises KeyringError where it is not kept."""

    def put(keyring: Keyring | None) -> str | None:
        usable = _existing(keyring)
        _sing(usable)
        usable.set_password(SERVICE, name, key)
        return usable.get_password(SERVICE, name)

    if _in_time(put) != key:
        raise KeyringError("it does not give back what was put into it")


def remove(name: str) -> bool:
    """Take a key out of the keyring; False where there was none. Raises KeyringError."""

    def take(keyring: Keyring | None) -> bool:
        if keyring is None or keyring.get_password(SERVICE, name) is None:
            return False
        keyring.delete_password(SERVICE, name)
        return True

    return _in_time(take)


def _sing(keyring: Keyring) -> None:
    """A word of no worth goes first: there are keyrings that take everything and keep nothing."""
    word = secrets.token_urlsafe(16)
    keyring.set_password(SERVICE, CANARY, word)
    if keyring.get_password(SERVICE, CANARY) != word:
        raise KeyringError("it does not give back what was put into it")
    keyring.delete_password(SERVICE, CANARY)


def _in_time(action: Callable[[Keyring | None], Result]) -> Result:
    try:
        return within(SECONDS, lambda: action(_backend()))
    except KeyringError:
        raise
    except TimeoutError:
        raise KeyringError(f"it did not answer within {SECONDS:.0f} seconds", True) from None
    except Exception as error:
        # Without its words, which may quote the key.
        why = f"it failed with {type(error).__name__}; it may be locked"
        raise KeyringError(why, True) from None


def _existing(keyring: Keyring | None) -> Keyring:
    if keyring is None:
        raise KeyringError(NONE)
    return keyring


def _backend() -> Keyring | None:
    """The usable backend of the highest priority among those we trust."""
    usable: list[tuple[float, Keyring]] = []
    for module, name in BACKENDS:
        try:
            kind = getattr(importlib.import_module(module), name)
            usable.append((float(kind.priority), kind()))
        except (ImportError, AttributeError, RuntimeError, OSError):
            continue  # this system does not have it
    return max(usable, key=lambda pair: pair[0])[1] if usable else None
