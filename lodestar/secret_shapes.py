"""The shapes of secrets: prefixes of vendors, tokens, URLs, and values that are assigned to names.

What is found where, and what is taken for a secret and is none, is measured by
`tests/bench/redaction_rates.py` on `tests/core/secret_corpus.py`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True)
class _Rule:
    """A shape of secret. Group 1, where there is one, is what must go."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None


# Each pattern starts at a token's beginning and has no nested repetition: linear time.
_START = r"(?<![A-Za-z0-9_-])"
PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]*(?:-(?!----)[^-]*)*-----END [A-Z0-9 ]{1,40}-----|\s*(?:[A-Za-z0-9+/=]{20,}\s*)+)"
)
_ASSIGNED = re.compile(
    r"[:=][ \t]{0,4}\\?([\"'`]?)((?=[A-Za-z+/_.~!@#$%^&*-]{0,64}\d)"
    r"[A-Za-z0-9+/_.~!@#$%^&*-]{8,256}={0,2})"
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_NAMED = re.compile(
    r"(?:key|token|secret|passw(?:or)?d|passphrase|pwd|credentials?)[a-z0-9_-]{0,16}"
    r"[\\\"'\]]{0,3}[ \t:]{0,4}\Z",
    re.IGNORECASE,
)


def without_shapes(text: str) -> str:
    """The text without what is shaped like a secret; linear in its length."""
    for rule in _RULES:
        if any(hint in text for hint in rule.hints):
            text = rule.pattern.sub(partial(_replace, rule), text)
    return _ASSIGNED.sub(_replace_assigned, text)


def _replace(rule: _Rule, match: re.Match[str]) -> str:
    whole, group = match[0], 1 if match.re.groups else 0
    if rule.check and not rule.check(match[group]):
        return whole
    start, end = match.start(group) - match.start(), match.end(group) - match.start()
    return f"{whole[:start]}[REDACTED:{rule.kind}]{whole[end:]}"


def _replace_assigned(match: re.Match[str]) -> str:
    text, start, value = match.string, match.start(), match[2]
    follows = text[match.end() : match.end() + 1]
    bare_name = not match[1] and (len(value) < 16 or _DOTTED.fullmatch(value))
    if bare_name or follows in {"(", "[", "{"} or value[0] in "./$%" or not _random(value):
        return match[0]
    if not _NAMED.search(text, max(0, start - 64), start):
        return match[0]
    return f"{match[0][: match.start(2) - start]}[REDACTED:assigned]"


def _mixed(value: str) -> bool:
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def _random(value: str) -> bool:
    """Whether a value looks drawn rather than written: mixed, and few characters repeat."""
    if not _mixed(value) or re.fullmatch(r"[A-Za-z_.-]+\d{0,4}", value):
        return False
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return entropy >= min(3.0, 0.85 * math.log2(len(value)))


# Prefixes that nobody but the vendor uses; what follows must hold letters and digits.
_VENDORS = (
    *("xai-", "gsk_", "hf_", "glpat-", "npm_", "pypi-", "r8_", "SG.", "pplx-", "fw_", "csk-"),
    *("dop_v1_", "doo_v1_", "dckr_pat_", "lin_api_", "ntn_", "sq0atp-", "sq0csp-", "hvs."),
    *("sntrys_", "figd_", "NRAK-", "glsa_", "PMAK-", "pscale_tkn_", "sbp_", "tvly-", "nvapi-"),
)
_RULES = (
    _Rule("anthropic_key", ("sk-ant-",), re.compile(_START + r"sk-ant-[A-Za-z0-9_-]{16,}")),
    _Rule("openai_key", ("sk-",), re.compile(_START + r"sk-[A-Za-z0-9_-]{20,}"), _mixed),
    _Rule(
        "github_token",
        ("gh", "github_pat_"),
        re.compile(_START + r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{30,})"),
    ),
    _Rule(
        "aws_key",
        ("AKIA", "ASIA"),
        re.compile(r"(?<![A-Za-z0-9])A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ),
    _Rule(
        "google_key",
        ("AIza", "GOCSPX-", "ya29."),
        re.compile(_START + r"(?:AIza[\w-]{35}|GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,})"),
    ),
    _Rule(
        "slack_token",
        ("xox", "xapp-", "hooks.slack.com"),
        re.compile(
            r"(?:(?<![A-Za-z0-9])(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}"
            r"|(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,})"
        ),
    ),
    _Rule(
        "stripe_key",
        ("_live_", "_test_", "whsec_"),
        re.compile(_START + r"(?:[rsp]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,})"),
    ),
    _Rule(
        "vendor_token",
        _VENDORS,
        re.compile(_START + rf"(?:{'|'.join(map(re.escape, _VENDORS))})[\w.-]{{20,}}"),
        _mixed,
    ),
    _Rule(
        "hex_token",
        ("dapi", "key-", "SK", "shp"),
        re.compile(
            r"(?<![A-Za-z0-9_])(?:dapi|key-|SK|shp(?:at|ca|pa|ss)_)[0-9a-f]{32}(?![0-9A-Za-z])"
        ),
    ),
    _Rule(
        "bot_token",
        (":AA", "."),
        re.compile(
            r"(?<![A-Za-z0-9_])(?:\d{8,10}:AA[\w-]{33}"
            r"|[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,38})(?![\w-])"
        ),
        _mixed,
    ),
    _Rule(
        "age_key",
        ("AGE-SECRET-KEY-",),
        re.compile(r"AGE-SECRET-KEY-1[A-Z0-9]{50,60}"),
    ),
    _Rule(
        "jwt",
        ("eyJ",),
        re.compile(_START + r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ),
    _Rule(
        "url_password",
        ("://",),
        re.compile(r"://[^\s/:@'\"<>]{0,100}:(?![{<$%*\[])([^\s/@'\"<>]{1,200})@"),
    ),
    _Rule(
        "bearer",
        ("earer", "EARER", "asic", "BASIC"),
        re.compile(r"\b(?i:bearer|basic)[ \t]{1,4}([A-Za-z0-9._~+/=-]{16,})"),
        _mixed,
    ),
    _Rule(
        "flag_value",
        ("--",),
        re.compile(
            r"(?<![\w-])--(?!-)[a-z-]{0,24}(?:key|token|secret|password)[ \t=]{1,4}"
            r"[\"']?([^\s\"'$\[][^\s\"']{7,})"
        ),
        _mixed,
    ),
)
