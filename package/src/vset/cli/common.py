"""Shared code of the tools: connections, numbers, progress bars, and errors in one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import redis

T = TypeVar("T")
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

#: The server that tools ask if none is named.
DEFAULT_URL = "redis://127.0.0.1:6379"


class Failure(Exception):
    """An error that is shown to the user in one line. `usage`: an argument was wrong."""

    def __init__(self, message: str, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


def explain(error: BaseException) -> str | None:
    """The line for an error from outside: the server, the network, a file; None for one of the tools themselves."""
    if isinstance(error, ImportError) and error.name:
        return f"needs the Python package {error.name}: pip install {error.name}"
    redis = sys.modules.get("redis")
    if isinstance(error, (Failure, OSError)) or redis and isinstance(error, redis.RedisError):
        return " ".join(str(error).split()) or type(error).__name__
    return None


def add_command(
    commands: Subparsers, name: str, run: Callable[..., int], summary: str, text: str, takes_more: bool = False
) -> argparse.ArgumentParser:
    """The parser of a subcommand, for its arguments. With `takes_more` it is also given those it does not know."""
    made = commands.add_parser(
        name, help=summary, description=text, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.set_defaults(run=run, takes_more=takes_more, parser=made)
    return made


def number(least: int, most: int = 1 << 31) -> Callable[[str], int]:
    """An argument's type: a whole number between two bounds."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return value

    return read


port_number = number(1, 65535)


def numbers(least: int, most: int) -> Callable[[str], list[int]]:
    """An argument's type: whole numbers, separated by commas."""
    one = number(least, most)
    return lambda text: [one(part) for part in text.split(",")]


def address(url: str) -> tuple[str, str]:
    """The URL for redis-py, and the same without user and password, for messages.

    `host:port`, `valkey://…` and `valkeys://…` are understood, too.
    """
    full = url if "://" in url else f"redis://{url}"
    for theirs, ours in (("valkey://", "redis://"), ("valkeys://", "rediss://")):
        if full.startswith(theirs):
            full = ours + full.removeprefix(theirs)
    try:
        parts = urlsplit(full)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise Failure(f"{url!r} is no address of a server: {error}", usage=True) from None
    if parts.scheme == "unix":
        return full, f"unix://{parts.path}"
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise Failure(f"{url!r} is no address of a server, such as {DEFAULT_URL}", usage=True)
    database = parts.path.strip("/") or "0"
    if not database.isdecimal():
        raise Failure(f"{database!r} is no number of a database", usage=True)
    return full, f"{parts.hostname}:{port or 6379}/{database}"


def client_of(url: str, **options: Any) -> tuple[redis.Redis, str]:
    """A client that has not connected yet, and the server's address for messages."""
    import redis

    full, shown = address(url)
    try:
        client: redis.Redis = redis.Redis.from_url(full, protocol=2, **options)
        client.connection_pool.make_connection()  # which looks at what stands behind a question mark
    except (TypeError, ValueError) as error:
        raise Failure(f"{url!r} is no address of a server: {error}", usage=True) from None
    return client, shown


def connect(url: str, **options: Any) -> redis.Redis:
    """A client of a server that answers."""
    import redis

    client, shown = client_of(url, **options)
    try:
        client.ping()
    except redis.AuthenticationError as error:
        raise Failure(f"{shown}: {error}") from None
    except (redis.RedisError, OSError) as error:
        cause = error.__cause__ or error.__context__ or error
        raise Failure(f"no server answers at {shown}: {getattr(cause, 'strerror', None) or error}") from None
    return client


def fetch(client: redis.Redis, commands: Iterable[Iterable[Any]]) -> list[Any]:
    """The replies to commands that are sent as one batch."""
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return pipe.execute()


def pairs(reply: Any) -> dict[str, Any]:
    """A map reply, or the flat array that stands for it, with text for bytes."""
    items = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2])
    return {text(key): text(value) for key, value in items}


def text(value: Any) -> Any:
    """Bytes as text, anything else as it is."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value


def progress(total: int, what: str, unit: str) -> Any:
    """A bar on stderr with `update(n)`, for `with`; silent where stderr is no terminal."""
    from tqdm import tqdm

    return tqdm(total=total, desc=what, unit=f" {unit}", disable=None, leave=False, dynamic_ncols=True)


def shown(items: list[T], what: str, unit: str) -> Iterator[T]:
    """The items, with a bar on stderr as they are taken."""
    with progress(len(items), what, unit) as bar:
        for item in items:
            yield item
            bar.update(1)


def quantile(values: list[float], share: float) -> float:
    """What this share of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
