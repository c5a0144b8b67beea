"""A vector set as an object, with typed options for every command.

    import redis
    from vset.vectorset import VectorSet

    words = VectorSet(redis.Redis(), "words")
    words.add("king", [0.1, 0.9], {"rank": 17})
    for hit in words.search("king", count=5, filter=".rank < $most", params={"most": 100}):
        print(hit.element, hit.score)

`VectorSet` takes clients that wait: redis-py's, valkey-py's, GLIDE's from `glide_sync`; `AsyncVectorSet` their asyncio
twins. Methods are those of `vset.commands`, without the key; what they raise is the client's own.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from . import commands
from .clients import ask, ask_async
from .commands import Ask, Blob, Hit

__all__ = ["AsyncVectorSet", "Blob", "Hit", "VectorSet"]

P = ParamSpec("P")
T = TypeVar("T")


class _Set:
    """A client and a key."""

    def __init__(self, client: Any, key: str) -> None:
        self.client, self.key = client, key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key!r})"


def _waits(make: Callable[Concatenate[str, P], Ask[T]]) -> Callable[Concatenate[_Set, P], T]:
    """The method that asks and waits."""

    @functools.wraps(make)
    def method(self: _Set, /, *args: P.args, **kwargs: P.kwargs) -> T:
        asked = make(self.key, *args, **kwargs)
        return asked.read(ask(self.client, asked.commands))

    return method


def _awaits(make: Callable[Concatenate[str, P], Ask[T]]) -> Callable[Concatenate[_Set, P], Awaitable[T]]:
    """The coroutine that asks."""

    @functools.wraps(make)
    async def method(self: _Set, /, *args: P.args, **kwargs: P.kwargs) -> T:
        asked = make(self.key, *args, **kwargs)
        return asked.read(await ask_async(self.client, asked.commands))

    return method


class VectorSet(_Set):
    """For clients that wait."""

    add = _waits(commands.add)
    add_many = _waits(commands.add_many)
    search = _waits(commands.search)
    search_sets = _waits(commands.search_sets)
    explain = _waits(commands.explain)
    remove = _waits(commands.remove)
    remove_many = _waits(commands.remove_many)
    remove_by_filter = _waits(commands.remove_by_filter)
    count = _waits(commands.count)
    vector = _waits(commands.vector)
    vectors = _waits(commands.vectors)
    attributes = _waits(commands.attributes)
    attributes_of = _waits(commands.attributes_of)
    set_attributes = _waits(commands.set_attributes)
    contains = _waits(commands.contains)
    dimension = _waits(commands.dimension)
    info = _waits(commands.info)
    check = _waits(commands.check)
    names = _waits(commands.names)
    random = _waits(commands.random)
    links = _waits(commands.links)
    expire = _waits(commands.expire)
    expire_at = _waits(commands.expire_at)
    persist = _waits(commands.persist)
    ttl = _waits(commands.ttl)
    expire_time = _waits(commands.expire_time)


class AsyncVectorSet(_Set):
    """For asyncio clients: the same methods, to be awaited."""

    add = _awaits(commands.add)
    add_many = _awaits(commands.add_many)
    search = _awaits(commands.search)
    search_sets = _awaits(commands.search_sets)
    explain = _awaits(commands.explain)
    remove = _awaits(commands.remove)
    remove_many = _awaits(commands.remove_many)
    remove_by_filter = _awaits(commands.remove_by_filter)
    count = _awaits(commands.count)
    vector = _awaits(commands.vector)
    vectors = _awaits(commands.vectors)
    attributes = _awaits(commands.attributes)
    attributes_of = _awaits(commands.attributes_of)
    set_attributes = _awaits(commands.set_attributes)
    contains = _awaits(commands.contains)
    dimension = _awaits(commands.dimension)
    info = _awaits(commands.info)
    check = _awaits(commands.check)
    names = _awaits(commands.names)
    random = _awaits(commands.random)
    links = _awaits(commands.links)
    expire = _awaits(commands.expire)
    expire_at = _awaits(commands.expire_at)
    persist = _awaits(commands.persist)
    ttl = _awaits(commands.ttl)
    expire_time = _awaits(commands.expire_time)
