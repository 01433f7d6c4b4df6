"""Reading a price file of litellm's from a path or a URL; nobody vouches for what it holds."""

from __future__ import annotations

import stat
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timezone
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from lodestar.errors import LodestarError, UsageError
from lodestar.prices.listing import PriceFile, parsed
from lodestar.secrets.accounts import is_loopback
from lodestar.terminal import one_line

LITELLM = (
    "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json"
)
MOST_BYTES = 32 << 20
"""The file has 1.3 MB."""
SILENCE_S = 20.0
PATIENCE_S = 120.0
_CHUNK = 1 << 16
_NAME_LENGTH = 60


def read(source: str, today: date, patience_s: float = PATIENCE_S) -> PriceFile:
    """The file at a path or an https:// URL; nothing but that address is asked.

    Its prices are taken to be of today, or of the day that a file on the disk was last changed.
    Raises UsageError or LodestarError where it cannot be had, or is no price file.
    """
    if "://" in source:
        data, day = _fetched(source, patience_s), today
        name = urlsplit(source).hostname or source
    else:
        path = Path(source).expanduser()
        data, day = _on_disk(path, today)
        # Its name may be private, and every charge would have it; the hash says which file it is.
        name = "file"
    try:
        found = parsed(data, f"litellm {one_line(name, _NAME_LENGTH)}", day.isoformat())
    except (ValueError, RecursionError) as error:
        raise _no_price_file(source, data, error) from error
    if not any(isinstance(model, dict) and "litellm_provider" in model for model in _all(found)):
        raise _no_price_file(source, data, ValueError("it has no model with a litellm_provider"))
    return found


def _all(file: PriceFile) -> Iterator[Any]:
    yield from file.models.values()


def _on_disk(path: Path, today: date) -> tuple[bytes, date]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is no file", "", _what_to_give())
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"cannot read {path}", str(error.strerror or error), _what_to_give()
        ) from error
    except ValueError as error:
        # A name with a NUL in it.
        raise UsageError("that is no name of a file", str(error), _what_to_give()) from error
    if len(data) > MOST_BYTES:
        raise _too_large(str(path))
    changed = datetime.fromtimestamp(status.st_mtime, tz=timezone.utc).date()
    return data, min(changed, today)


def _fetched(url: str, patience_s: float) -> bytes:
    parts = _checked(url)
    opener = urllib.request.build_opener(_Stay)
    request = urllib.request.Request(url, headers={"User-Agent": "lodestar"})  # noqa: S310
    try:
        with closing(opener.open(request, timeout=min(SILENCE_S, patience_s))) as answer:
            return _received(answer, parts.netloc, patience_s)
    except urllib.error.HTTPError as error:
        with error:
            where = error.headers.get("Location") if 300 <= error.code < 400 else None
        if where:
            why = f"it sends on to {one_line(where, 200)}, which is not followed"
            raise LodestarError(
                f"{parts.netloc} has no price file there", why, "give that URL, if you trust it"
            ) from error
        raise _unreachable(parts.netloc, f"it answers HTTP {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise _unreachable(parts.netloc, one_line(str(reason), 200)) from error


class _Stay(urllib.request.HTTPRedirectHandler):
    """Asks the address that was given, and no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _checked(url: str) -> Any:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError("that is no URL", str(error), _what_to_give()) from error
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or " " in url:
        raise UsageError("that is no URL of a price file", "", _what_to_give())
    if parts.username is not None or parts.password is not None:
        raise UsageError("that URL has a password in it", "it would be sent", "leave it out")
    if parts.scheme == "http" and not is_loopback(parts.netloc):
        why = "anybody on the way could change the prices, and your limits with them"
        raise UsageError(f"prices are not read from {host} by http://", why, "use https://")
    return parts


def _received(answer: IO[bytes], host: str, patience_s: float) -> bytes:
    # A server that sends a byte now and then never falls silent.
    until = time.monotonic() + patience_s
    data = bytearray()
    read = getattr(answer, "read1", answer.read)
    while chunk := read(_CHUNK):
        data += chunk
        if len(data) > MOST_BYTES:
            raise _too_large(host)
        if time.monotonic() > until:
            raise _unreachable(host, f"the file was not there after {patience_s:g} s")
    # What is asked for in pieces is not checked for its length by the library.
    length = getattr(answer, "length", None)
    if length:
        raise _unreachable(host, f"it broke off {length} bytes before the end")
    return bytes(data)


def _unreachable(host: str, why: str) -> LodestarError:
    do = "download the file yourself and name its path: lodestar prices update FILE"
    return LodestarError(f"no prices could be had from {host}", why, do)


def _too_large(name: str) -> LodestarError:
    why = f"it has more than {MOST_BYTES >> 20} MB; litellm's has less than two"
    return LodestarError(f"{name} is no price file", why, "nothing was changed")


def _no_price_file(source: str, data: bytes, error: Exception) -> LodestarError:
    page = data[:1000].lstrip().lower().startswith((b"<!doctype", b"<html", b"<head"))
    why = "it is a web page" if page else one_line(str(error), 200)
    if isinstance(error, RecursionError):
        why = "it is nested too deeply"
    do = f"give the address of the file itself, such as {LITELLM}" if page else _what_to_give()
    return LodestarError(f"{one_line(source, 200)} is no price file of litellm's", why, do)


def _what_to_give() -> str:
    return f"give the path of litellm's price file, or its URL: {LITELLM}"
