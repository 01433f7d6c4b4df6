"""Failures in OpenAI's error envelope, with what the shim needs to judge them."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

SENT = "X-Lodestar-Sent"
STATUS = "X-Lodestar-Status"
TEXT_LIMIT = 4000


@dataclass(eq=False)
class ApiError(Exception):
    """A request without an answer.

    `status` is the provider's, None where it gave none; `sent` is False where no byte went to it.
    """

    message: str
    kind: str = "api_error"
    code: str | None = None
    status: int | None = None
    sent: bool = False
    retry_after: str | None = None

    def __str__(self) -> str:
        return self.message

    def envelope(self) -> dict[str, object]:
        """The JSON body: `{"error": {"message", "type", "code"}}`."""
        message = self.message[:TEXT_LIMIT]
        return {"error": {"message": message, "type": self.kind, "code": self.code}}

    def response(self) -> web.Response:
        """The answer to the shim; its status is the provider's wherever there is one."""
        headers = {SENT: "yes" if self.sent else "no"}
        if self.status:
            headers[STATUS] = str(self.status)
        if self.retry_after:
            headers["Retry-After"] = self.retry_after
        status = self.status if self.status and 400 <= self.status <= 599 else 502
        return web.json_response(self.envelope(), status=status, headers=headers)


def unusable(message: str) -> ApiError:
    """The request itself cannot be translated; nothing was sent."""
    return ApiError(message, "invalid_request_error", "invalid_request", 400)
