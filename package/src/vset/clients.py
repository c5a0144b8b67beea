"""Commands through whichever client there is: redis-py, valkey-py and Valkey GLIDE, waiting or asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Union

__all__ = ["Command", "ask", "ask_async"]

Argument = Union[str, bytes, int, float]
Command = Sequence[Argument]


def encoded(command: Command) -> list[str | bytes]:
    """GLIDE takes text and bytes only."""
    return [part if isinstance(part, (str, bytes)) else repr(part) for part in command]


def hints(command: Command) -> dict[str, bool]:
    """What redis-py is told with a command: to leave vectors as they came. Else it rounds those of RESP3 to whole numbers."""
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
