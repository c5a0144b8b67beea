"""Sends commands through any client: redis-py, valkey-py and Valkey GLIDE, synchronous or asyncio."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Sequence
from typing import Any, Union

__all__ = ["Clients", "Command", "ask", "ask_async"]

Argument = Union[str, bytes, int, float]
Command = Sequence[Argument]


def encoded(command: Command) -> list[str | bytes]:
    """GLIDE takes text and bytes only."""
    return [part if isinstance(part, (str, bytes)) else repr(part) for part in command]


def hints(command: Command) -> dict[str, bool]:
    """Options for redis-py: to return vectors unchanged. Otherwise it rounds those of RESP3 to whole numbers."""
    return {"RESP3": True} if command[0] == "VEMB" else {}


def ask(client: Any, commands: Sequence[Command]) -> list[Any]:
    """The replies to commands, sent at once where the client can. Raises the client's own errors."""
    if hasattr(client, "custom_command"):
        return [client.custom_command(encoded(command)) for command in commands]
    if len(commands) == 1:
        return [client.execute_command(*commands[0], **hints(commands[0]))]
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command, **hints(command))
    return list(pipe.execute()) if commands else []


async def ask_async(client: Any, commands: Sequence[Command]) -> list[Any]:
    """The same for asyncio clients."""
    if hasattr(client, "custom_command"):
        return list(await asyncio.gather(*(client.custom_command(encoded(command)) for command in commands)))
    if len(commands) == 1:
        return [await client.execute_command(*commands[0], **hints(commands[0]))]
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command, **hints(command))
    return list(await pipe.execute()) if commands else []


class Clients:
    """A client that waits and an asyncio client of one server, each made when it is needed first.

    An asyncio client that is made here belongs to the event loop that runs; each loop has its own.
    """

    def __init__(self, url: str | None = None, client: Any = None, async_client: Any = None) -> None:
        if url is None and client is None and async_client is None:
            raise ValueError("a URL or a client is needed")
        self.url, self._client, self._async_client = url, client, async_client
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = weakref.WeakKeyDictionary()

    @property
    def waiting(self) -> Any:
        """The client that waits."""
        if self._client is None:
            if self.url is None:
                raise ValueError("only an asyncio client was given: use the asyncio methods, or give a client or a URL")
            import redis

            self._client = redis.Redis.from_url(self.url)
        return self._client

    @property
    def has_asyncio(self) -> bool:
        """Whether there is an asyncio client, or a URL for one."""
        return self._async_client is not None or self.url is not None

    @property
    def asyncio(self) -> Any:
        """The asyncio client, for the event loop that runs."""
        if self._async_client is not None:
            return self._async_client
        if self.url is None:
            raise ValueError("only a client that waits was given: give an asyncio client, too, or a URL")
        import redis.asyncio

        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            self._by_loop[loop] = redis.asyncio.Redis.from_url(self.url)
        return self._by_loop[loop]
