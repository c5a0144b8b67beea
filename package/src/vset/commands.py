"""The commands of vector sets as values: what to send, and how to read the reply.

Each function makes an `Ask` for a key. `vset.vectorset` has them as methods; here they are for batches of your own.
Vectors are sequences of numbers, FP32 blobs, or a `Blob` of another format; an element's name stands for its vector.
"""

from __future__ import annotations

import array
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeVar, Union

from .clients import Argument, Command
from .filters import Filter, Value, parameter

__all__ = ["Ask", "Blob", "Hit", "Query", "Vector"]

T = TypeVar("T")


class Blob(NamedTuple):
    """A vector as bytes of a format: FP32, FP64, FP16, BF16, INT8 or UINT8, little-endian."""

    format: str
    data: bytes


class Hit(NamedTuple):
    """An element found: higher scores are nearer. `attributes` only where they were asked for."""

    element: str
    score: float
    attributes: Any = None


class KeyHit(NamedTuple):
    """An element found in one of several sets."""

    key: str
    element: str
    score: float
    attributes: Any = None


Vector = Union[Sequence[float], bytes, Blob]
Query = Union[Vector, str]  #: a vector, or the name of an element
Quantization = Literal["Q8", "NOQUANT", "F16", "BIN"]
Metric = Literal["COSINE", "L2", "IP"]
Condition = Literal["NX", "XX", "GT", "LT"]
Where = Union[str, Filter]


class Ask(Generic[T]):
    """Commands, and the function that makes a result of their replies."""

    def __init__(self, commands: Sequence[Command], read: Callable[[list[Any]], T]) -> None:
        self.commands, self.read = commands, read

    @classmethod
    def one(cls, command: Command, read: Callable[[Any], T]) -> Ask[T]:
        """With a single command."""
        return cls([command], lambda replies: read(replies[0]))


def text(value: Any) -> str:
    """A name as text; bytes that are none survive the way back."""
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)


def name_bytes(name: str) -> bytes:
    """A name as the server has it."""
    return name.encode(errors="surrogateescape")


def pairs(reply: Any) -> list[tuple[Any, Any]]:
    """A map, or the flat list that stands for it."""
    return list(reply.items()) if isinstance(reply, dict) else list(zip(reply[::2], reply[1::2]))


def parsed(attributes: Any) -> Any:
    """Attributes from JSON; None without. redis-py may have parsed them."""
    return json.loads(attributes) if isinstance(attributes, (str, bytes)) and attributes else attributes or None


def attribute_text(attributes: Any) -> str:
    """Attributes as JSON; text is taken to be JSON already."""
    return attributes if isinstance(attributes, str) else json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))


def blob(vector: Vector) -> Blob:
    """A vector as bytes."""
    if isinstance(vector, Blob):
        return vector
    if isinstance(vector, (bytes, bytearray, memoryview)):
        return Blob("FP32", bytes(vector))
    numbers = array.array("f", [float(x) for x in vector])
    if sys.byteorder == "big":
        numbers.byteswap()
    return Blob("FP32", numbers.tobytes())


def query_words(query: Query) -> list[Argument]:
    """The query of a VSIM as arguments."""
    return ["ELE", name_bytes(query)] if isinstance(query, str) else list(blob(query))


def wheres(filter: Where | None, params: Mapping[str, Value] | None) -> list[list[Argument]]:
    """The words after FILTER, once for each expression that is needed; [[]] without a filter."""
    if filter is None:
        return [[]]
    found = filter.alternatives() if isinstance(filter, Filter) else [(filter, {n: parameter(v).value for n, v in (params or {}).items()})]
    made: list[list[Argument]] = []
    for expression, values in found:
        words: list[Argument] = [expression]
        if values:
            words += ["PARAMS", 2 * len(values), *(word for pair in values.items() for word in pair)]
        made.append(words)
    return made


def one_where(filter: Where, params: Mapping[str, Value] | None) -> list[Argument]:
    """The same for commands whose answers cannot be joined."""
    found = wheres(filter, params)
    if len(found) > 1:
        raise ValueError("this command takes no filter whose alternatives are over different fields")
    return found[0]


def lifetime(ttl: float | None, expires_at: float | None, keep_ttl: bool) -> list[Argument]:
    """The words of VADD that say how long an element lives."""
    if (ttl is not None) + (expires_at is not None) + keep_ttl > 1:
        raise ValueError("at most one of ttl, expires_at and keep_ttl")
    if ttl is not None:
        return ["PX", round(1000 * ttl)]
    if expires_at is not None:
        return ["PXAT", round(1000 * expires_at)]
    return ["KEEPTTL"] if keep_ttl else []


def options(**values: Argument | None) -> list[Argument]:
    """NAME value for each that is given."""
    return [word for name, value in values.items() if value is not None for word in (name.upper().replace("_", "-"), value)]


def flags(**values: bool) -> list[Argument]:
    """NAME for each that is set."""
    return [name.upper() for name, value in values.items() if value]


def add(
    key: str,
    element: str,
    vector: Vector,
    attributes: Any = None,
    *,
    quantization: Quantization | None = None,
    m: int | None = None,
    ef: int | None = None,
    metric: Metric | None = None,
    reduce: int | None = None,
    condition: Literal["NX", "XX"] | None = None,
    ttl: float | None = None,
    expires_at: float | None = None,
    keep_ttl: bool = False,
) -> Ask[bool]:
    """VADD: adds an element, or gives it another vector; whether it is new.

    `attributes`: anything JSON; without them those that are there stay. `ttl`: seconds to live; `expires_at`: seconds since 1970.
    """
    words = ["VADD", key, *options(reduce=reduce), *blob(vector), name_bytes(element), *([quantization] if quantization else [])]
    words += options(ef=ef, setattr=None if attributes is None else attribute_text(attributes), m=m, metric=metric)
    words += [*([condition] if condition else []), *lifetime(ttl, expires_at, keep_ttl)]
    return Ask.one(words, lambda reply: bool(int(reply)))


def add_many(
    key: str,
    elements: Mapping[str, Vector],
    attributes: Mapping[str, Any] | None = None,
    *,
    quantization: Quantization | None = None,
    m: int | None = None,
    ef: int | None = None,
    metric: Metric | None = None,
    reduce: int | None = None,
    condition: Literal["NX", "XX"] | None = None,
    ttl: float | None = None,
    expires_at: float | None = None,
    keep_ttl: bool = False,
) -> Ask[int]:
    """VMADD: adds elements by name; how many are new. All vectors have one format.

    With `attributes`, those of elements that it does not name are removed.
    """
    if not elements:
        return Ask([], lambda _: 0)
    blobs = {name: blob(vector) for name, vector in elements.items()}
    (form, *others) = {vector.format for vector in blobs.values()}
    if others:
        raise ValueError("the vectors of one VMADD have one format")
    words = ["VMADD", key, *options(reduce=reduce), *([quantization] if quantization else []), *options(metric=metric, ef=ef, m=m)]
    words += [*([condition] if condition else []), *lifetime(ttl, expires_at, keep_ttl), *flags(withattribs=attributes is not None), form]
    for name, vector in blobs.items():
        words += [name_bytes(name), vector.data]
        if attributes is not None:
            words.append(attribute_text(attributes[name]) if attributes.get(name) is not None else "")
    return Ask.one(words, int)


def search_words(
    query: Query,
    also: Sequence[tuple[Query, float]],
    count: int,
    attributes: bool,
    epsilon: float | None,
    min_score: float | None,
    exclude: bool,
    ef: int | None,
    filter_ef: int | None,
    truth: bool,
    no_thread: bool,
) -> list[Argument]:
    """What VSIM, VMSIM and VEXPLAIN have in common, but the filter."""
    words = query_words(query)
    for other, weight in also:
        words += ["AND", "WEIGHT", weight, *query_words(other)]
    words += ["WITHSCORES", *flags(withattribs=attributes), *options(count=count, epsilon=epsilon, minscore=min_score)]
    return words + [*flags(exclude=exclude), *options(ef=ef, filter_ef=filter_ef), *flags(truth=truth, nothread=no_thread)]


def search(
    key: str,
    query: Query,
    count: int = 10,
    *,
    also: Sequence[tuple[Query, float]] = (),
    filter: Where | None = None,
    params: Mapping[str, Value] | None = None,
    attributes: bool = False,
    epsilon: float | None = None,
    min_score: float | None = None,
    exclude: bool = False,
    ef: int | None = None,
    filter_ef: int | None = None,
    truth: bool = False,
    no_thread: bool = False,
) -> Ask[list[Hit]]:
    """VSIM: the nearest elements, best first. `also`: further vectors or elements with weights, negative ones push away.

    `filter`: an expression with `params` for its $names, or a `vset.filters.Filter`.
    """
    words = search_words(query, also, count, attributes, epsilon, min_score, exclude, ef, filter_ef, truth, no_thread)
    asked = [["VSIM", key, *words, *(["FILTER", *where] if where else [])] for where in wheres(filter, params)]

    def read(replies: list[Any]) -> list[Hit]:
        best = {hit.element: hit for reply in replies for hit in hits(reply, attributes)}
        return sorted(best.values(), key=lambda hit: -hit.score)[:count]

    return Ask(asked, read)


def hits(reply: Any, attributes: bool) -> list[Hit]:
    """The reply to a VSIM with scores."""
    if not attributes:
        return [Hit(text(name), float(score)) for name, score in pairs(reply)]
    if isinstance(reply, dict):
        return [Hit(text(name), float(score), parsed(own)) for name, (score, own) in reply.items()]
    return [Hit(text(name), float(score), parsed(own)) for name, score, own in zip(reply[::3], reply[1::3], reply[2::3])]


def search_sets(
    keys: str | Sequence[str],
    query: Query,
    count: int = 10,
    *,
    others: Sequence[str] = (),
    also: Sequence[tuple[Query, float]] = (),
    filter: Where | None = None,
    params: Mapping[str, Value] | None = None,
    attributes: bool = False,
    epsilon: float | None = None,
    min_score: float | None = None,
    exclude: bool = False,
    ef: int | None = None,
    filter_ef: int | None = None,
    truth: bool = False,
    no_thread: bool = False,
) -> Ask[list[KeyHit]]:
    """VMSIM: the best of several sets, this one and `others`. Elements are looked up in the first."""
    sets = [*([keys] if isinstance(keys, str) else keys), *others]
    words = search_words(query, also, count, attributes, epsilon, min_score, exclude, ef, filter_ef, truth, no_thread)
    asked = [["VMSIM", len(sets), *sets, *words, *(["FILTER", *where] if where else [])] for where in wheres(filter, params)]

    def read(replies: list[Any]) -> list[KeyHit]:
        rows = [(text(row[0]), text(row[1]), float(row[2]), parsed(row[3]) if attributes else None) for reply in replies for row in reply]
        best = {row[:2]: KeyHit(*row) for row in rows}
        return sorted(best.values(), key=lambda hit: -hit.score)[:count]

    return Ask(asked, read)


def explain(key: str, query: Query, count: int = 10, *, filter: Where | None = None, params: Mapping[str, Value] | None = None, ef: int | None = None) -> Ask[dict[str, Any] | None]:
    """VEXPLAIN: how a search is done; None without the key."""
    where = ["FILTER", *one_where(filter, params)] if filter is not None else []
    return Ask.one(["VEXPLAIN", key, *query_words(query), *options(count=count, ef=ef), *where], fields)


def fields(reply: Any) -> dict[str, Any] | None:
    """A map from names of fields; None without."""
    return {text(k): text(v) if isinstance(v, bytes) else v for k, v in pairs(reply)} if reply else None


def remove(key: str, element: str) -> Ask[bool]:
    """VREM: whether it was there."""
    return Ask.one(["VREM", key, name_bytes(element)], lambda reply: bool(int(reply)))


def remove_many(key: str, elements: Iterable[str]) -> Ask[int]:
    """A VREM for each: how many there were."""
    return Ask([["VREM", key, name_bytes(name)] for name in elements], lambda replies: sum(int(reply) for reply in replies))


def remove_by_filter(key: str, filter: Where, params: Mapping[str, Value] | None = None) -> Ask[int]:
    """VREMBYFILTER: how many there were."""
    return Ask([["VREMBYFILTER", key, *where] for where in wheres(filter, params)], lambda replies: sum(map(int, replies)))


def count(key: str, filter: Where | None = None, params: Mapping[str, Value] | None = None) -> Ask[int]:
    """VCARD, or with a filter VCOUNT: how many elements."""
    return Ask.one(["VCARD", key] if filter is None else ["VCOUNT", key, *one_where(filter, params)], int)


def vector(key: str, element: str) -> Ask[list[float] | None]:
    """VEMB: an element's vector; None if there is none."""
    return Ask.one(["VEMB", key, name_bytes(element)], lambda reply: [float(x) for x in reply] if reply else None)


def vectors(key: str, elements: Iterable[str]) -> Ask[list[list[float] | None]]:
    """A VEMB for each."""
    return Ask([["VEMB", key, name_bytes(name)] for name in elements], lambda replies: [[float(x) for x in reply] if reply else None for reply in replies])


def attributes(key: str, element: str) -> Ask[Any]:
    """VGETATTR: an element's attributes, from JSON; None if there are none."""
    return Ask.one(["VGETATTR", key, name_bytes(element)], parsed)


def attributes_of(key: str, elements: Iterable[str]) -> Ask[list[Any]]:
    """A VGETATTR for each."""
    return Ask([["VGETATTR", key, name_bytes(name)] for name in elements], lambda replies: [parsed(reply) for reply in replies])


def set_attributes(key: str, element: str, attributes: Any) -> Ask[bool]:
    """VSETATTR: whether the element is there. None removes its attributes."""
    return Ask.one(["VSETATTR", key, name_bytes(element), "" if attributes is None else attribute_text(attributes)], lambda reply: bool(int(reply)))


def contains(key: str, element: str) -> Ask[bool]:
    """VISMEMBER: whether the element is there."""
    return Ask.one(["VISMEMBER", key, name_bytes(element)], lambda reply: bool(int(reply)))


def dimension(key: str) -> Ask[int]:
    """VDIM: the dimension of the stored vectors. An error without the key."""
    return Ask.one(["VDIM", key], int)


def info(key: str) -> Ask[dict[str, Any] | None]:
    """VINFO: the set's parameters; None without the key."""
    return Ask.one(["VINFO", key], fields)


def check(key: str) -> Ask[bool]:
    """VCHECK: True for a sound set, False without the key; the client's error if it is damaged."""
    return Ask.one(["VCHECK", key], lambda reply: reply is not None)


def names(key: str, start: str = "-", end: str = "+", count: int | None = None) -> Ask[list[str]]:
    """VRANGE: elements in the order of their names. `start` and `end`: `-`, `+`, `[name` or `(name`."""
    words: list[Argument] = ["VRANGE", key, name_bytes(start), name_bytes(end), *([] if count is None else [count])]
    return Ask.one(words, lambda reply: [text(name) for name in reply or []])


def random(key: str, count: int) -> Ask[list[str]]:
    """VRANDMEMBER: distinct random elements, or with a negative count any."""
    return Ask.one(["VRANDMEMBER", key, count], lambda reply: [text(name) for name in reply or []])


def links(key: str, element: str) -> Ask[list[list[Hit]] | None]:
    """VLINKS: neighbours in the graph with their scores, the highest level first; None without the element."""

    def read(reply: Any) -> list[list[Hit]] | None:
        return [[Hit(text(name), float(score)) for name, score in pairs(level)] for level in reply] if reply is not None else None

    return Ask.one(["VLINKS", key, name_bytes(element), "WITHSCORES"], read)


def element_words(elements: Sequence[str]) -> list[Argument]:
    """ELEMENTS n …"""
    return ["ELEMENTS", len(elements), *map(name_bytes, elements)]


def expire(key: str, elements: Sequence[str], seconds: float, condition: Condition | None = None) -> Ask[list[int]]:
    """VPEXPIRE: for each -2 no such element, 0 condition not met, 1 set, 2 removed at once."""
    return Ask.one(["VPEXPIRE", key, round(1000 * seconds), *([condition] if condition else []), *element_words(elements)], numbers)


def expire_at(key: str, elements: Sequence[str], moment: float, condition: Condition | None = None) -> Ask[list[int]]:
    """VPEXPIREAT: the same for a moment in seconds since 1970."""
    return Ask.one(["VPEXPIREAT", key, round(1000 * moment), *([condition] if condition else []), *element_words(elements)], numbers)


def persist(key: str, elements: Sequence[str]) -> Ask[list[int]]:
    """VPERSIST: for each -2 no such element, -1 it had no time, 1 it has none any more."""
    return Ask.one(["VPERSIST", key, *element_words(elements)], numbers)


def ttl(key: str, elements: Sequence[str]) -> Ask[list[float | None]]:
    """VPTTL: for each the seconds that it has left; infinite without a time, None without the element."""
    return Ask.one(["VPTTL", key, *element_words(elements)], times)


def expire_time(key: str, elements: Sequence[str]) -> Ask[list[float | None]]:
    """VPEXPIRETIME: for each its moment in seconds since 1970; infinite without a time, None without the element."""
    return Ask.one(["VPEXPIRETIME", key, *element_words(elements)], times)


def numbers(reply: Any) -> list[int]:
    """Codes, one for each element."""
    return [int(code) for code in reply]


def times(reply: Any) -> list[float | None]:
    """Milliseconds as seconds."""
    return [None if int(time) == -2 else math.inf if int(time) == -1 else int(time) / 1000 for time in reply]
