"""Where the elements of a sharded set are, and the words and replies of its commands."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Union

from .clients import Argument

__all__ = ["Found", "Layout", "LayoutChanged", "Vector", "hits_of", "is_refusal", "place", "text", "vector_arguments"]

Vector = Union[bytes, Sequence[float]]

# An element that was found: its name, score and attributes.
Found = tuple[Any, float, Any]


def place(element: str | bytes, shards: int) -> int:
    """The shard of an element. CRC-32, so that programs in every language agree."""
    return zlib.crc32(element if isinstance(element, bytes) else element.encode()) % shards


def text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def hits_of(reply: Any, with_attributes: bool) -> Iterator[Found]:
    """The hits in the reply of a VSIM with scores."""
    if not isinstance(reply, dict):
        width = 3 if with_attributes else 2
        rows = (reply[i : i + width] for i in range(0, len(reply), width))
    else:
        rows = ([name, *value] if with_attributes else [name, value] for name, value in reply.items())
    for name, score, *rest in rows:
        yield name, float(score), rest[0] if rest else None


def is_refusal(error: Exception) -> bool:
    """Whether a server answered with an error: the connection is good. Each client has its own exception classes."""
    return any(kind.__name__ == "ResponseError" for kind in type(error).__mro__) or type(error).__name__ == "RequestError"


class LayoutChanged(Exception):
    """A shard has another layout than the client counted on."""


class Layout:
    """`5`: five shards; `5>8`: five that become eight."""

    def __init__(self, value: str) -> None:
        self.value = value
        parts = [int(part) for part in value.split(">")]
        self.old, self.new = parts[0], parts[-1]

    @property
    def moving(self) -> bool:
        return ">" in self.value

    @property
    def keys(self) -> int:
        return max(self.old, self.new)


def vector_arguments(vector: Vector) -> list[Argument]:
    """Bytes are FP32 little-endian; anything else is a sequence of numbers."""
    if isinstance(vector, (bytes, bytearray)):
        return ["FP32", bytes(vector)]
    values = [float(x) for x in vector]
    return ["VALUES", len(values), *values]
