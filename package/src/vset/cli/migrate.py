"""`vset migrate`: copies the vector sets of one live server to another."""

from __future__ import annotations

import argparse
import array
import struct
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .common import Failure, Subparsers, add_command, connect, fetch, number, pairs, progress, text

if TYPE_CHECKING:
    import redis

TEXT = """Copies the vector sets of one live server to another, of Redis 6.2 to 8 and Valkey, in both directions.

A key is copied by DUMP and RESTORE, which keeps its graph. If that is refused, or if the target has the key
in part, its elements are read and added one by one. Keys that the target already has with as many elements are
skipped, so an interrupted run can be repeated until it has nothing left to do. At the end, counts and a sample of
vectors and attributes are compared. Writes to the source while it runs are not copied.

    vset migrate redis://old:6379/0 redis://new:6379/0
"""

BATCH = 500
# A version that every server from 6.2 on restores. The module's value is the same in all; only the footer differs.
RDB_VERSION = 9
FORMATS = {"int8": "Q8", "f32": "NOQUANT", "f16": "F16", "bin": "BIN"}


class Refused(Exception):
    """A key that cannot be migrated, and why."""


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x95AC9329AC4BC9B5 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = _crc_table()


def restamped(dump: bytes) -> bytes:
    """A payload with a version that any server takes.

    The checksum is linear: two payloads that differ in their last two bytes have checksums that differ by that of
    the difference, so the rest need not be read again, and damage on the way is still found.
    """
    version, crc = struct.unpack("<HQ", dump[-10:])
    change = 0
    for byte in struct.pack("<H", version ^ RDB_VERSION):
        change = CRC_TABLE[(change ^ byte) & 255] ^ change >> 8
    return dump[:-10] + struct.pack("<HQ", RDB_VERSION, crc ^ change)


def by_dump(source: redis.Redis, target: redis.Redis, key: bytes, replace: bool) -> None:
    """Moves a key with its graph and its time to live."""
    dump, ttl = source.pipeline(transaction=False).execute_command("DUMP", key).pttl(key).execute()
    if dump is None:
        raise Refused("is gone")
    options = ["REPLACE"] if replace else []
    target.execute_command("RESTORE", key, max(ttl, 0), restamped(dump), *options)


def names(source: redis.Redis, key: bytes, card: int) -> Iterator[list[bytes]]:
    """All names of a set, in lists."""
    import redis

    start: Any = "-"
    try:
        while page := source.execute_command("VRANGE", key, start, "+", BATCH):
            yield page
            start = b"(" + page[-1]
    except redis.ResponseError as error:
        if "unknown command" not in str(error):
            raise
        # Redis before 8.4: as many distinct members as there are, in one reply.
        members = source.execute_command("VRANDMEMBER", key, card)
        for at in range(0, len(members), BATCH):
            yield members[at : at + BATCH]


def decoded(raw: list[Any], unit: bool) -> array.array[float]:
    """The vector of a reply to VEMB RAW, as 32-bit floats. `unit`: the set keeps unit vectors and their lengths."""
    kind, blob, length = text(raw[0]), raw[1], float(raw[2]) if unit else 1.0
    if kind == "f32":
        numbers = array.array("f", blob)
        if sys.byteorder == "big":
            numbers.byteswap()
        return array.array("f", (x * length for x in numbers))
    if kind == "int8":
        step = float(raw[3]) / 127 * length
        return array.array("f", (x * step for x in array.array("b", blob)))
    if kind == "f16":
        return array.array("f", (x * length for (x,) in struct.iter_unpack("<e", blob)))
    return array.array("f", (1 if byte >> bit & 1 else -1 for byte in blob for bit in range(8)))


def blob_of(raw: list[Any], dim: int, unit: bool) -> bytes:
    """The vector of a reply to VEMB RAW, for FP32."""
    vector = decoded(raw, unit)[:dim]  # bits are padded
    if sys.byteorder == "big":
        vector.byteswap()
    return vector.tobytes()


def has_units(info: dict[str, Any]) -> bool:
    """Whether a set keeps unit vectors: those of Redis 8 do, and those of vset without another METRIC."""
    return str(info.get("distance-metric", "cosine")) == "cosine"


def by_elements(source: redis.Redis, target: redis.Redis, key: bytes, bar: Any) -> None:
    """Adds the elements that the target lacks."""
    info = pairs(source.execute_command("VINFO", key) or {})
    if not info:
        raise Refused("is gone")
    if info.get("projection-input-dim"):
        raise Refused("is reduced by a matrix that only DUMP carries")
    options = [FORMATS[info["quant-type"]], "M", info["hnsw-m"]]
    if not has_units(info):
        options += ["METRIC", info["distance-metric"].upper()]
    for page in names(source, key, info["size"]):
        # VEMB, as Redis 8.0 has no VISMEMBER.
        there = fetch(target, [("VEMB", key, name, "RAW") for name in page])
        page = [name for name, known in zip(page, there) if known is None]
        if page:
            fetch(target, list(additions(source, key, page, info, options)))
        bar.update(len(page))
    ttl = source.pttl(key)
    if ttl > 0:
        target.pexpire(key, ttl)


def additions(
    source: redis.Redis, key: bytes, page: list[bytes], info: dict[str, Any], options: list[Any]
) -> Iterator[tuple[Any, ...]]:
    """A VADD for each of these elements of the source."""
    replies = fetch(source, [c for name in page for c in (("VEMB", key, name, "RAW"), ("VGETATTR", key, name))])
    ends = [-1] * len(page)
    if info.get("expiring"):
        ends = source.execute_command("VPEXPIRETIME", key, "ELEMENTS", len(page), *page)
    for name, raw, attributes, end in zip(page, replies[::2], replies[1::2], ends):
        if raw is not None:  # removed since
            extra = ["SETATTR", attributes] if attributes else []
            extra += ["PXAT", end] if end > 0 else []
            yield ("VADD", key, "FP32", blob_of(raw, info["vector-dim"], has_units(info)), name, *options, *extra)


def migrate(source: redis.Redis, target: redis.Redis, key: bytes, card: int, options: argparse.Namespace, bar: Any) -> str:
    """Says how the key was migrated."""
    import redis

    there = target.execute_command("VCARD", key)
    if there == card and not options.replace:
        bar.update(card)
        return "was there"
    if there > card and not options.replace:
        raise Refused(f"has {there} elements in the target and {card} here; --replace overwrites it")
    why = None
    if options.by != "elements" and (not there or options.replace):
        try:
            by_dump(source, target, key, options.replace)
            bar.update(card)
            return "by dump"
        # A server hangs up on an argument above its proto-max-bulk-len.
        except (redis.ResponseError, redis.ConnectionError) as error:
            if options.by == "dump":
                raise
            why = error
    if options.replace and there:
        target.delete(key)
        there = 0
    bar.update(there)
    try:
        by_elements(source, target, key, bar)
    except Refused as refused:
        raise Refused(f"{refused}, and RESTORE says: {why}" if why else str(refused)) from None
    return "by elements"


def close(a: array.array[float], b: array.array[float]) -> bool:
    """Whether two vectors are the same but for a second quantisation."""
    limit = 0.01 * max(map(abs, a), default=0) + 1e-6
    return len(a) == len(b) and all(abs(x - y) <= limit for x, y in zip(a, b))


def differences(source: redis.Redis, target: redis.Redis, key: bytes, samples: int) -> str | None:
    """What differs in the target, in words; None if nothing does."""
    counts = [server.execute_command("VCARD", key) for server in (source, target)]
    if counts[0] != counts[1]:
        return f"has {counts[0]} elements here and {counts[1]} in the target"
    info = pairs(source.execute_command("VINFO", key) or {})
    sample = source.execute_command("VRANDMEMBER", key, -samples) or [] if samples else []
    for name in set(sample):
        commands = [("VEMB", key, name, "RAW"), ("VGETATTR", key, name)]
        (mine, attributes), (theirs, their_attributes) = fetch(source, commands), fetch(target, commands)
        if mine is None or theirs is None or not close(*(decoded(raw, has_units(info)) for raw in (mine, theirs))):
            return f"has another vector for {name!r}"
        if (attributes or b"") != (their_attributes or b""):
            return f"has other attributes for {name!r}"
    return None


def register(commands: Subparsers) -> None:
    """Adds the command."""
    made = add_command(commands, "migrate", run, "move vector sets from one server to another", TEXT)
    made.add_argument("source", help="redis://[user:password@]host:port/db")
    made.add_argument("target")
    made.add_argument("--match", default="*", help="pattern of the keys to migrate")
    made.add_argument("--by", choices=["auto", "dump", "elements"], default="auto", help="auto: DUMP, else elements")
    made.add_argument("--replace", action="store_true", help="overwrite keys of the target")
    made.add_argument("--samples", type=number(0, 1_000_000), default=20, help="vectors of each key to compare at the end")


def identity(client: redis.Redis) -> tuple[str, int]:
    """What two addresses of one database have in common."""
    database = client.connection_pool.connection_kwargs.get("db") or 0
    return client.info("server")["run_id"], int(database)


def run(options: argparse.Namespace) -> int:
    """Migrates all keys that match; 1 if any could not be."""
    import redis

    source, target = connect(options.source), connect(options.target)
    if identity(source) == identity(target):
        raise Failure("source and target are the same database", usage=True)
    keys = sorted(set(source.scan_iter(match=options.match, count=1000, _type="vectorset")))
    cards = fetch(source, [("VCARD", key) for key in keys])
    outcomes, failed = {}, 0
    with progress(sum(cards), "migrating", "elements") as bar:
        for key, card in zip(keys, cards):
            try:
                outcomes[key] = migrate(source, target, key, card, options, bar)
                if wrong := differences(source, target, key, options.samples):
                    raise Refused(wrong)
            except (Refused, redis.ResponseError, redis.ConnectionError) as error:
                failed += 1
                outcomes[key] = f"FAILED: {error}"
    for key, card in zip(keys, cards):
        print(f"{key.decode(errors='backslashreplace')}: {card:,} elements {outcomes[key]}")
    print(f"{len(keys) - failed} of {len(keys)} vector sets are in the target, verified.")
    return 1 if failed else 0
