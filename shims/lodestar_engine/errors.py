"""Refusals and failures in OpenAI's error envelope."""

from __future__ import annotations


class ApiError(Exception):
    """A request that cannot be served, as an HTTP status and OpenAI's `error` object."""

    def __init__(
        self,
        message: str,
        code: str | None = None,
        status: int = 400,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.kind = kind

    def envelope(self) -> dict[str, object]:
        """The JSON body: `{"error": {"message", "type", "code"}}`."""
        return {"error": {"message": self.message, "type": self.kind, "code": self.code}}


class NativeError(Exception):
    """llama.cpp refused or failed; the message is fit for the user."""
