"""The header of a GGUF file, read with every count and length checked against the file."""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_PAIRS = 4096
MAX_TENSORS = 65_536
MAX_NAME = 65_535
MAX_DIMENSIONS = 4
MAX_TYPE = 255
KEPT_TEXT = 256
STRING, ARRAY = 8, 9
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?"} | {
    10: "<Q",
    11: "<q",
    12: "<d",
}
Value = int | float | bool | str | None


class HeaderError(ValueError):
    """The file is not a GGUF file that makes sense; the message says where it fails."""


@dataclass(frozen=True)
class Header:
    """What the engine needs to know about a file before llama.cpp touches it."""

    architecture: str
    kind: str
    name: str
    context_length: int
    has_chat_template: bool
    tensors: int

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class _Reader:
    """Reads little-endian values and never past the end of the file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size
        self._size = size

    @property
    def position(self) -> int:
        return self._size - self._left

    @property
    def left(self) -> int:
        return self._left

    def take(self, count: int) -> bytes:
        if count > self._left:
            raise HeaderError("it ends in the middle of its header")
        self._left -= count
        return self._file.read(count)

    def skip(self, count: int) -> None:
        if count > self._left:
            raise HeaderError("a length in its header is larger than the file")
        self._left -= count
        self._file.seek(count, os.SEEK_CUR)

    def number(self, layout: str) -> int:
        return int(struct.unpack(layout, self.take(struct.calcsize(layout)))[0])

    def count(self, limit: int, what: str) -> int:
        value = self.number("<Q")
        if value > limit:
            raise HeaderError(f"it claims {value} {what}")
        return value

    def text(self, limit: int) -> str:
        length = self.count(self._left, "bytes of text")
        kept = self.take(min(length, limit))
        self.skip(length - len(kept))
        return kept.decode("utf-8", "replace")


def read_header(path: Path) -> Header:
    """Parse the header of a GGUF file. Raises HeaderError, or OSError where it cannot be read."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise HeaderError("it is not a regular file")
    with path.open("rb", buffering=1 << 20) as file:
        reader = _Reader(file, status.st_size)
        if reader.left < 24 or reader.take(4) != MAGIC:
            raise HeaderError("it is not a GGUF file")
        version = reader.number("<I")
        if version not in VERSIONS:
            raise HeaderError(f"it has GGUF version {version}, which is not supported")
        tensors = reader.count(MAX_TENSORS, "tensors")
        pairs = reader.count(MAX_PAIRS, "metadata entries")
        values = dict(_pair(reader) for _ in range(pairs))
        _check_tensors(reader, tensors, values)
    return _summary(values, tensors)


def _pair(reader: _Reader) -> tuple[str, Value]:
    key = reader.text(MAX_NAME)
    return key, _value(reader, reader.number("<I"))


def _value(reader: _Reader, kind: int) -> Value:
    if kind == STRING:
        return reader.text(KEPT_TEXT)
    if kind == ARRAY:
        _skip_array(reader)
        return None
    return _scalar(reader, kind)


def _scalar(reader: _Reader, kind: int) -> Value:
    layout = SCALARS.get(kind)
    if layout is None:
        raise HeaderError(f"it holds a value of unknown type {kind}")
    value: int | float | bool = struct.unpack(layout, reader.take(struct.calcsize(layout)))[0]
    return value


def _skip_array(reader: _Reader) -> None:
    kind = reader.number("<I")
    count = reader.count(reader.left, "array elements")
    if kind == STRING:
        for _ in range(count):
            reader.skip(reader.count(reader.left, "bytes of text"))
    elif kind in SCALARS:
        reader.skip(count * struct.calcsize(SCALARS[kind]))
    else:
        raise HeaderError(f"it holds an array of unknown type {kind}")


def _check_tensors(reader: _Reader, tensors: int, values: dict[str, Value]) -> None:
    """Every tensor must lie inside the file, whatever its type (the smallest is 1 bit a value)."""
    ends = [_tensor_end(reader) for _ in range(tensors)]
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20:
        raise HeaderError(f"its alignment of {alignment} makes no sense")
    padding = -reader.position % alignment
    if ends and max(ends) > reader.left - padding:
        raise HeaderError("its tensors reach past the end of the file; it may be cut off")


def _tensor_end(reader: _Reader) -> int:
    reader.text(MAX_NAME)
    dimensions = reader.number("<I")
    if dimensions > MAX_DIMENSIONS:
        raise HeaderError(f"it holds a tensor with {dimensions} dimensions")
    elements = 1
    for _ in range(dimensions):
        elements *= reader.number("<Q")
    if reader.number("<I") > MAX_TYPE:
        raise HeaderError("it holds a tensor of unknown type")
    return reader.number("<Q") + elements // 8


def _summary(values: dict[str, Value], tensors: int) -> Header:
    architecture = str(values.get("general.architecture") or "")
    if not architecture:
        raise HeaderError("it names no model architecture")
    context = values.get(f"{architecture}.context_length")
    return Header(
        architecture=architecture,
        kind=str(values.get("general.type") or "model"),
        name=str(values.get("general.name") or ""),
        context_length=context if isinstance(context, int) else 0,
        has_chat_template="tokenizer.chat_template" in values,
        tensors=tensors,
    )
