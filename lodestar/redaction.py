"""Taking secrets out of text before it is written anywhere."""

from __future__ import annotations

import base64
import logging
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

log = logging.getLogger("lodestar.redaction")

MAX_CHARS = 8 * 1024 * 1024
MAX_SECONDS = 2.0
SHORTEST = 8
_PIECE = 64 * 1024
_BREAK = re.compile(r"\n|[,;}\s](?=[^\n]{4096})")
_SECRET_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)S?(?:_|\Z)")
_PATH_NAME = re.compile(r"_(?:FILE|PATH|DIR)\Z")


@dataclass(frozen=True)
class _Rule:
    """A shape of secret. Group 1, where there is one, is what must go."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None


# Each pattern starts at a token's beginning and has no nested repetition: linear time.
_START = r"(?<![A-Za-z0-9_-])"
_PEM = re.compile(
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


def environment_secrets(environ: Mapping[str, str]) -> set[str]:
    """Values of variables that are named like a key, token, secret or password."""
    return {
        value.strip()
        for name, value in environ.items()
        if _SECRET_NAME.search(name.upper())
        and not _PATH_NAME.search(name.upper())
        and len(value.strip()) >= SHORTEST
    }


class Redactor:
    """Replaces secrets by `[REDACTED:kind]`.

    `known` are secrets that this process holds; they are found wherever they stand, also
    base64- or URL-encoded. Values shorter than 8 characters are left alone.
    """

    def __init__(
        self, known: Iterable[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._known: list[str] = []
        self._clock = clock
        self.add(*known)

    def add(self, *secrets: str) -> None:
        """Learn secrets that were loaded later."""
        forms = {form for value in secrets if len(value) >= SHORTEST for form in _forms(value)}
        self._known = sorted(forms.union(self._known), key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text without secrets. Never raises: what cannot be searched in time is dropped."""
        if len(text) > MAX_CHARS:
            return "[REDACTED:too_large]"
        deadline = self._clock() + MAX_SECONDS
        try:
            done = []
            for piece in _pieces(_PEM.sub("[REDACTED:private_key]", self._without_known(text))):
                done.append(_without_shapes(piece))
                if self._clock() > deadline:
                    return "[REDACTED:too_slow]"
        except Exception:
            log.exception("redaction failed; the text is dropped")
            return "[REDACTED:failed]"
        return "".join(done)

    def _without_known(self, text: str) -> str:
        # One search a form: far quicker than one pattern with many alternatives.
        for form in self._known:
            text = text.replace(form, "[REDACTED:known]")
        return text


def _forms(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="")
    raw = value.encode("utf-8", "surrogatepass")
    # Inside a longer text the encoding depends on the offset; the outer characters vary.
    for offset, first in ((0, 0), (1, 2), (2, 3)):
        last = (offset + len(raw)) * 8 // 6
        core = base64.b64encode(bytes(offset) + raw).decode()[first:last]
        yield core
        yield core.translate(str.maketrans("+/", "-_"))


def _pieces(text: str) -> Iterator[str]:
    """Runs of whole lines (of whole words where a line is long), to look at the clock between."""
    start = 0
    while start < len(text):
        cut = _BREAK.search(text, start + _PIECE, start + 2 * _PIECE)
        end = cut.end() if cut else start + 2 * _PIECE
        yield text[start:end]
        start = end


def _without_shapes(text: str) -> str:
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
        ("xai-", "gsk_", "hf_", "glpat-", "npm_", "pypi-", "r8_", "SG.", "dop_v1_", "pplx-"),
        re.compile(
            _START + r"(?:xai-|gsk_|hf_|glpat-|npm_|pypi-|r8_|SG\.|dop_v1_|pplx-)[\w.-]{20,}"
        ),
        _mixed,
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
