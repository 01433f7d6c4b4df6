"""Names of models and adapters: `NAME` or `NAME@ADAPTER`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lodestar_engine.errors import ApiError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class ModelName:
    """A checked name: both parts are safe as file names."""

    base: str
    adapter: str | None = None

    def __str__(self) -> str:
        return self.base if self.adapter is None else f"{self.base}@{self.adapter}"


def parse_name(value: object) -> ModelName:
    """Raises ApiError (400) for anything that is not `NAME` or `NAME@ADAPTER`."""
    if not isinstance(value, str):
        raise ApiError("The field model must be a string.", "invalid_model_name")
    base, at, adapter = value.partition("@")
    if not NAME.fullmatch(base) or (at and not NAME.fullmatch(adapter)):
        raise ApiError(
            "The model's name must be NAME or NAME@ADAPTER, each of up to 64 letters, digits,"
            " dots, dashes and underscores, starting with a letter or digit.",
            "invalid_model_name",
        )
    return ModelName(base, adapter if at else None)
