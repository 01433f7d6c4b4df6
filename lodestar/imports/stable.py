"""Ids that follow from what a file says: what is read again has the id it had."""

from __future__ import annotations

import hashlib

from ulid import ULID

MOST_MS = 2**48 - 1


def stable_id(at_ms: int, *parts: object) -> str:
    """A ULID of that moment, its random part taken from a hash of the parts."""
    said = "\0".join(f"{len(str(part))}:{part}" for part in parts)
    digest = hashlib.sha256(said.encode("utf-8", "replace")).digest()
    moment = min(max(at_ms, 0), MOST_MS)
    return str(ULID.from_bytes(moment.to_bytes(6, "big") + digest[:10]))
