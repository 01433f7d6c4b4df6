"""The typed settings: what may be configured, frozen once read."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Alias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
# USD per million tokens; a price is stored in nano-dollars per token, so 3 decimals are exact.
Price = Annotated[Decimal, Field(ge=0, le=100_000, decimal_places=3)]
Tier = Annotated[int, Field(ge=1, le=5)]


class Frozen(BaseModel):
    """A section of the settings: unknown keys are errors, values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LongPrompt(Frozen):
    """What a call costs whose prompt has more than so many tokens: all of it, at these prices.

    Where they are not known, a call that might be one is not sent.
    """

    above: int = Field(ge=256, description="tokens of input, cached ones too")
    price_in: Price | None = Field(None, description="USD per million input tokens")
    price_out: Price | None = Field(None, description="USD per million output tokens")
    price_cache_read: Price | None = Field(None, description="read from a cache")
    price_cache_write: Price | None = Field(None, description="written to a cache")


def _check_long(
    long: LongPrompt | None, price_in: Decimal | None, price_out: Decimal | None
) -> None:
    """Raises ValueError where a long prompt costs less than a short one."""
    pairs = ((long.price_in, price_in), (long.price_out, price_out)) if long else ()
    if any(theirs is not None and ours is not None and theirs < ours for theirs, ours in pairs):
        raise ValueError("a price of long_prompt is below the one of a short prompt")


class ModelEntry(Frozen):
    """One alias of the catalogue: where it is served, what it costs, what it can take."""

    provider: Literal["engine", "openai", "ollama", "litellm"] = Field(
        description="the embedded engine, a server that speaks OpenAI, the Ollama that `ollama.url`"
        " names, or any other provider through the translator"
    )
    model: str = Field(
        min_length=1,
        description="the identifier that the upstream knows; litellm's own where it translates",
    )
    api_base: str | None = Field(
        None,
        description="the server's URL; with /v1 where it speaks OpenAI, not needed for ollama",
    )
    key_env: str | None = Field(None, description="environment variable that holds the key")
    billing: Literal["local", "free", "payg"] = Field(
        "payg", description="payg costs money, also where the price is unknown"
    )
    price_in: Price | None = Field(None, description="USD per million input tokens")
    price_out: Price | None = Field(None, description="USD per million output tokens")
    price_cache_read: Price | None = Field(
        None, description="USD per million input tokens read from a cache; default: price_in"
    )
    price_cache_write: Price | None = Field(
        None, description="USD per million input tokens written to a cache; default: 1.25 price_in"
    )
    long_prompt: LongPrompt | None = Field(
        None, description="`above` so many tokens of input other prices hold, for the whole call"
    )
    price_source: str | None = Field(None, description="where the prices are from")
    price_date: str | None = Field(None, description="the day the prices were looked up")
    tier: Tier = Field(1, description="1 is free, 5 the dearest")
    context: int | None = Field(None, ge=256, description="context window, tokens")
    max_output: int | None = Field(None, ge=16, description="longest answer, tokens")
    label: str | None = Field(None, description="shown beside the alias wherever it is named")
    fallbacks: list[Alias] = Field(
        default_factory=list,
        description="answer in this order where it fails; each is checked against the budget",
    )
    note: str | None = Field(None, description="what a user of the alias should know")
    aider: dict[str, Any] = Field(default_factory=dict, description="Aider's model settings")

    @model_validator(mode="after")
    def _complete(self) -> ModelEntry:
        addressed = self.provider == "openai" or self.api_base is not None
        if self.provider == "engine":
            if self.billing != "local":
                raise ValueError("provider engine is local: set billing: local")
        elif addressed and not (self.api_base or "").startswith(("http://", "https://")):
            raise ValueError("api_base must be an http:// or https:// URL")
        if self.provider == "litellm" and "/" not in self.model:
            raise ValueError("provider litellm needs a model such as anthropic/claude-sonnet-4-5")
        _check_long(self.long_prompt, self.price_in, self.price_out)
        return self

    @property
    def paid(self) -> bool:
        """Whether a call can cost money (an unknown price counts as paid)."""
        return self.billing == "payg"


class OwnPrice(Frozen):
    """Your prices of a built-in alias, all of them, as long as it stands for this model."""

    model: str = Field(min_length=1, description="the model that they are of")
    price_in: Price = Field(gt=0, description="USD per million input tokens")
    price_out: Price = Field(gt=0, description="USD per million output tokens")
    price_cache_read: Price | None = Field(None, description="read from a cache")
    price_cache_write: Price | None = Field(None, description="written to a cache")
    long_prompt: LongPrompt | None = Field(
        None, description="`above` so many tokens of input other prices hold, for the whole call"
    )
    price_source: str | None = Field(None, description="where they are from; none: you set them")
    price_date: str | None = Field(None, description="the day they were looked up")

    @model_validator(mode="after")
    def _complete(self) -> OwnPrice:
        _check_long(self.long_prompt, self.price_in, self.price_out)
        return self


Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=9)]
Tokens = Annotated[int, Field(ge=0, le=10**15)]


class Limits(Frozen):
    """What a session may take: time, money and paid tokens. None is no limit.

    The limits of `lodestar budget` hold besides these; the tightest one decides.
    """

    session_minutes: int | None = Field(None, ge=1, description="a session ends after this long")
    count_suspend: bool = Field(True, description="time in which the machine sleeps counts")
    idle_minutes: int | None = Field(
        None, ge=1, description="a session ends after this long without a request"
    )
    free_only: bool = Field(False, description="paid models are closed, their keys never read")
    call_usd: Dollars | None = Field(None, description="most that one call may cost, USD")
    session_usd: Dollars | None = Field(None, description="most that a session may cost, USD")
    daily_usd: Dollars | None = Field(None, description="most per day, USD")
    weekly_usd: Dollars | None = Field(None, description="most per ISO week, USD")
    monthly_usd: Dollars | None = Field(None, description="most per month, USD")
    session_tokens: Tokens | None = Field(None, description="most paid tokens of a session")
    daily_tokens: Tokens | None = Field(None, description="most paid tokens per day")
    weekly_tokens: Tokens | None = Field(None, description="most paid tokens per ISO week")
    monthly_tokens: Tokens | None = Field(None, description="most paid tokens per month")
    on_limit: Literal["downgrade", "ask", "stop"] = Field(
        "downgrade", description="at a limit: answer for free, refuse and ask, or end the session"
    )
    wait_s: int = Field(
        30, ge=0, le=300, description="seconds to wait for other calls that hold the money"
    )


class AiderSettings(Frozen):
    """How Aider is run."""

    python: str | None = Field(None, description="interpreter that has Aider; default: ours")
    args: list[str] = Field(default_factory=list, description="put before the user's arguments")


class RatingSettings(Frozen):
    """The question at the end of a session."""

    enabled: bool = Field(True, description="ask at the end of a session")
    timeout_s: int = Field(10, ge=2, le=120, description="seconds until it counts as skipped")


class TrainingSettings(Frozen):
    """What answers may be used for."""

    opt_in: bool = Field(False, description="answers of this project may become training data")


class LogSettings(Frozen):
    """What the log keeps."""

    text: Literal["full", "redacted", "none"] = Field(
        "redacted", description="what the log keeps of prompts and answers"
    )


class RetentionSettings(Frozen):
    """How long the log and its backups are kept. Roll-ups and budgets are kept for ever."""

    rows_days: int = Field(90, ge=1, le=36_500, description="exchanges and what belongs to them")
    text_days: int = Field(30, ge=1, le=36_500, description="prompts, answers and comments")
    backups: int = Field(7, ge=1, le=365, description="daily backups that are kept")


class EngineSettings(Frozen):
    """The embedded model server."""

    threads: int | None = Field(None, ge=1, le=256, description="default: the engine's choice")
    idle_unload_s: int = Field(600, ge=1, description="an unused model leaves memory")
    idle_exit_s: int = Field(60, ge=1, description="the engine exits when nobody uses it")


class OllamaSettings(Frozen):
    """The Ollama that models of provider `ollama` are served by."""

    url: str | None = Field(
        None,
        pattern=r"^\S+$",
        description="its address, or `none`; default: OLLAMA_HOST, then http://127.0.0.1:11434",
    )

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        # As Ollama reads OLLAMA_HOST, a host alone will do.
        parts = urlsplit(url if "://" in (url or "") else f"//{url or ''}")
        whole = parts.scheme in ("", "http", "https") and (parts.hostname or not parts.scheme)
        if not whole or parts.port == 0 or parts.username or parts.query or parts.fragment:
            raise ValueError("it must be a URL like http://192.168.0.10:11434, or `none`")
        return url


class RoutingSettings(Frozen):
    """Where a request goes when its model does not answer, and what `auto` may choose."""

    auto: list[Alias] = Field(
        default_factory=list,
        description="the order of `auto`; default: main, its fallbacks, local-coder",
    )
    escalate: Literal["never", "ask", "auto"] = Field(
        "never", description="whether `auto` may go to a tier above: never, when asked, by itself"
    )
    escalate_after: int = Field(
        2, ge=1, le=10, description="failed local edits in a row that count as a reason to go up"
    )
    retries: int = Field(2, ge=0, le=5, description="further tries at one upstream")
    breaker_failures: int = Field(
        3, ge=1, le=100, description="failures in a row after which an upstream is left out"
    )
    breaker_s: int = Field(
        30, ge=1, le=3600, description="seconds until an upstream that was left out is tried again"
    )


class Settings(Frozen):
    """All settings of one run, merged from every source."""

    profile: str = Field("default", description="how to work, by the name of a profile")
    timezone: str | None = Field(None, description="IANA name; default: the system's")
    tag: str | None = Field(None, description="what sessions count for, such as client=acme")
    main: Alias = Field("local-coder", description="the model that edits")
    weak: Alias = Field("local-coder", description="commit messages and summaries")
    editor: Alias | None = Field(None, description="Aider's editor model in architect mode")
    tier_ceiling: Tier = Field(1, description="routes above this tier are never chosen for you")
    limits: Limits = Limits()
    aider: AiderSettings = AiderSettings()
    rating: RatingSettings = RatingSettings()
    training: TrainingSettings = TrainingSettings()
    log: LogSettings = LogSettings()
    retention: RetentionSettings = RetentionSettings()
    engine: EngineSettings = EngineSettings()
    ollama: OllamaSettings = OllamaSettings()
    routing: RoutingSettings = RoutingSettings()
    models: dict[Alias, ModelEntry] = Field(
        default_factory=dict, description="your own aliases, over the built-in ones"
    )
    prices: dict[Alias, OwnPrice] = Field(
        default_factory=dict,
        description="your prices of built-in aliases; `lodestar prices set` writes them",
    )
    modules: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="by module: `enabled`, and settings of its own"
    )
    allow_unmetered: bool = Field(False, description="paid routes may run without a ledger")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None and name not in available_timezones():
            raise ValueError("it is not an IANA time zone, such as Europe/Berlin")
        return name

    @field_validator("tag")
    @classmethod
    def _is_word(cls, tag: str | None) -> str | None:
        # One word, and nothing that a table, a shell or a spreadsheet would read otherwise.
        if tag is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._=:/@+-]{0,63}", tag):
            raise ValueError("it is a word of at most 64 letters, digits or ._=:/@+-: client=acme")
        return tag
