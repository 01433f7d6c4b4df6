"""Secrets of every kind, drawn so that no real one is in this file, and where they stand."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Iterator, Mapping
from functools import partial

ALNUM = string.ascii_letters + string.digits
BASE64 = ALNUM + "+/"
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"
TOOL = (
    '{{"tool_calls": [{{"function": {{"name": "run", "arguments": "{{\\"cmd\\": \\"{}\\"}}"}}}}]}}'
)

CONTEXTS = {
    "prose": "my key is {}, please use it",
    "env file": "SOME_API_KEY={}\n",
    "export": "export API_TOKEN='{}'",
    "json": '{{"api_key": "{}", "n": 1}}',
    "python": 'client = Client(token="{}")',
    "header": "Authorization: Bearer {}\r\nAccept: */*",
    "yaml": "password: {}\nuser: me",
    "log line": "12:00:01 GET /v1?key={}&x=1 200",
    "escaped json": '"{{\\"secret\\": \\"{}\\"}}"',
    "tool arguments": TOOL,
    "diff": "-OLD=1\n+TOKEN = {}\n",
    "markdown": "Set `{}` in the **settings**.",
}
NAMED = frozenset(CONTEXTS) - {"prose", "tool arguments", "markdown"}
"""Where a name beside the secret says what it is."""


def drawn(rng: random.Random, alphabet: str, length: int) -> str:
    """Random characters. A digit and a letter are forced in: a key has both."""
    text = [rng.choice(alphabet) for _ in range(length)]
    text[length // 2], text[length // 3] = rng.choice("23456789"), "A" if "A" in alphabet else "a"
    return "".join(text)


def shaped(rng: random.Random) -> dict[str, str]:
    """One secret of each kind that is told by its shape."""
    a, h = partial(drawn, rng, ALNUM), partial(drawn, rng, HEX)
    return {
        "openai": "sk-" + a(48),
        "openai project": "sk-" + "proj-" + a(70) + "_" + a(40),
        "openrouter": "sk-" + "or-v1-" + h(64),
        "anthropic": "sk-" + "ant-api03-" + a(90) + "-AA",
        "github": "ghp" + "_" + a(36),
        "github fine": "github" + "_pat_" + a(22) + "_" + a(59),
        "aws": "AK" + "IA" + drawn(rng, UPPER, 16),
        "google": "AI" + "za" + a(35),
        "google secret": "GOCSPX" + "-" + a(28),
        "slack": "xo" + "xb-" + "123456789012-1234567890123-" + a(24),
        "slack app": "xa" + "pp-1-A02-" + a(40),
        "stripe": "sk" + "_live_" + a(24),
        "stripe hook": "wh" + "sec_" + a(32),
        "xai": "xa" + "i-" + a(80),
        "groq": "gs" + "k_" + a(52),
        "hugging face": "h" + "f_" + a(34),
        "gitlab": "gl" + "pat-" + a(20),
        "npm": "np" + "m_" + a(36),
        "pypi": "py" + "pi-" + a(80),
        "sendgrid": "S" + "G." + a(22) + "." + a(43),
        "jwt": "ey" + "J" + a(30) + ".ey" + "J" + a(60) + "." + a(43),
        "docker": "dckr" + "_pat_" + a(27),
        "digitalocean": "dop" + "_v1_" + h(64),
        "databricks": "da" + "pi" + h(32),
        "twilio": "S" + "K" + h(32),
        "shopify": "shp" + "at_" + h(32),
        "telegram": "123456789" + ":AA" + a(33),
        "discord": "M" + a(23) + "." + a(6) + "." + a(27),
        "vault": "hv" + "s." + a(90),
        "grafana": "gl" + "sa_" + a(32) + "_" + h(8),
        "age": "AGE-SECRET" + "-KEY-1" + drawn(rng, UPPER, 58),
        "database url": "postgres://app:" + a(16) + "@db.example.org:5432/x",
        "private key": private_key(rng),
    }


def private_key(rng: random.Random) -> str:
    """A key file of two lines, with its line ends written out as JSON and `.env` files do."""
    body = "\\n".join(drawn(rng, BASE64, 64) for _ in range(2))
    return f"-----BEGIN PRIVATE KEY-----\\n{body}\\n-----END PRIVATE KEY-----"


def shapeless(rng: random.Random) -> dict[str, str]:
    """One secret of each kind that only a name beside it gives away."""
    return {
        "password": drawn(rng, ALNUM + "!#%&*", 16),
        "hex token": drawn(rng, HEX, 32),
        "aws secret": drawn(rng, BASE64, 40),
        "azure key": drawn(rng, BASE64, 86) + "==",
        "base64 token": base64.b64encode(rng.randbytes(24)).decode(),
    }


def heart(secret: str) -> str:
    """What of a secret must not be left: its middle, without what its prefix tells anyway."""
    text = secret.partition("app:")[2].partition("@")[0] or secret
    text = text.rpartition("KEY-----\\n")[0].partition("KEY-----\\n")[2] or text
    third = len(text) // 3
    return text[third : 2 * third]


def cases(seed: int) -> Iterator[tuple[str, str, str, str]]:
    """(kind, context, secret, text) for every kind in every context that can give it away."""
    kinds: Mapping[str, str]
    for kinds, contexts in (
        (shaped(random.Random(seed)), sorted(CONTEXTS)),
        (shapeless(random.Random(seed)), sorted(NAMED)),
    ):
        for kind, secret in kinds.items():
            for context in contexts:
                yield kind, context, secret, CONTEXTS[context].format(secret)
