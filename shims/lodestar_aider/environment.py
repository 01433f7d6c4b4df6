"""The environment of Aider's process: the session's addresses, nobody's keys, no proxies."""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping

from lodestar_aider.spec import Spec

FOREIGN = re.compile(
    r"^(AIDER|LITELLM|OPENAI|ANTHROPIC|OPENROUTER|USE_LITELLM)_"
    r"|(_API_KEY|_API_BASE|_BASE_URL|_API_TOKEN|_AUTH_TOKEN|_PROXY)$"
    r"|^GITHUB_COPILOT_TOKEN$|^SSL_VERIFY$",
    re.IGNORECASE,
)


def clean_environment(environ: MutableMapping[str, str], spec: Spec) -> None:
    """Drop what could redirect or pay for a request, then point every client at the shim."""
    for name in [name for name in environ if FOREIGN.search(name) or name in spec.drop_env]:
        del environ[name]
    environ.update(session_environment(spec))
    if spec.programs:
        # Last: what the user has under the same name goes first.
        environ["PATH"] = os.pathsep.join([environ.get("PATH", os.defpath), spec.programs])


def session_environment(spec: Spec) -> dict[str, str]:
    """The variables that make Aider and litellm talk to the shim only."""
    return {
        # `!lodestar ...` in Aider finds its session by it.
        "LODESTAR_SESSION": spec.session,
        "USE_LITELLM_PROXY": "True",
        "LITELLM_PROXY_API_BASE": spec.api_base,
        "LITELLM_PROXY_API_KEY": spec.token,
        "OPENAI_API_BASE": spec.api_base,
        "OPENAI_BASE_URL": spec.api_base,
        "OPENAI_API_KEY": spec.token,
        # Without it Aider offers a browser login for names that start with openrouter/.
        "OPENROUTER_API_KEY": spec.token,
        # litellm's price list comes from its own package instead of the network, and
        # litellm does not look for a .env file of its own.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
