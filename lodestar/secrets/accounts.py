"""Which key a model takes: the name of a variable, bound to one host."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from lodestar.errors import CredentialsError
from lodestar.settings import ModelEntry


@dataclass(frozen=True)
class Provider:
    """A provider's usual address, and the variable that its key is usually in."""

    base: str
    variable: str

    @property
    def host(self) -> str:
        """The host that its key is for."""
        return _address(self.base)


PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Provider("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "deepseek": Provider("https://api.deepseek.com", "DEEPSEEK_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY"),
    "groq": Provider("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "mistral": Provider("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "xai": Provider("https://api.x.ai/v1", "XAI_API_KEY"),
}
"""By the name that litellm has for it: there requests go where an entry gives no address."""


@dataclass(frozen=True)
class Account:
    """What a key is kept under: models of one variable and one host share it."""

    variable: str | None
    host: str

    @property
    def name(self) -> str:
        """As it is called in a keyring and in keys.yaml."""
        return f"{self.variable}@{self.host}" if self.variable else self.host


def account(entry: ModelEntry) -> Account:
    """Whose key `entry` takes; the host is empty where it has none of its own."""
    return Account(key_variable(entry), host_of(entry))


def host_of(entry: ModelEntry) -> str:
    """The host that a key is sent to, with its port where that is not the usual one."""
    if entry.api_base:
        return _address(entry.api_base)
    if entry.provider != "litellm":
        return ""
    name = entry.model.partition("/")[0]
    # Of the others litellm alone knows the host: the key is bound to the provider.
    return PROVIDERS[name].host if name in PROVIDERS else f"litellm:{name}"


def key_variable(entry: ModelEntry) -> str | None:
    """The environment variable that is asked for the key of `entry`."""
    if entry.provider == "engine":
        return None
    host = host_of(entry)
    usual = (provider.variable for provider in PROVIDERS.values() if provider.host == host)
    return entry.key_env or next(usual, None)


def takes_key(entry: ModelEntry) -> bool:
    """Whether a key is sent to `entry`'s server where there is one."""
    host = host_of(entry)
    if not host:
        # The engine, and an Ollama whose address is found at the start: they know no keys.
        return False
    return key_variable(entry) is not None or (entry.paid and not is_loopback(host))


def without_paid_keys(environ: Mapping[str, str], entries: Iterable[ModelEntry]) -> dict[str, str]:
    """The environment without the variables that only paid models take their key from."""
    entries = list(entries)
    paid = {key_variable(entry) for entry in entries if entry.paid}
    # Free work is never closed: what a free model needs, too, stays.
    free = {key_variable(entry) for entry in entries if not entry.paid}
    return {name: value for name, value in environ.items() if name not in paid - free}


def check_key(key: str, entry: ModelEntry, alias: str) -> None:
    """Raises CredentialsError where the key cannot be sent, or must not be."""
    if not key.isascii() or not key.isprintable() or " " in key:
        raise CredentialsError(
            f"the key of `{alias}` cannot be sent",
            "it contains blanks or characters that no key has",
            "copy it again, without line breaks",
        )
    host, base = host_of(entry), entry.api_base
    if base and not base.lower().startswith("https://") and not is_loopback(host):
        raise CredentialsError(
            f"the key of `{alias}` is not sent to {host}",
            "its api_base is http://, which anybody on the way can read",
            "use https://, or remove key_env if that server needs no key",
        )


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


@lru_cache(maxsize=256)
def _address(url: str) -> str:
    """The host of a URL as `Account` has it; empty where it cannot be read."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{host}:{port}" if host and port not in (None, usual) else host
