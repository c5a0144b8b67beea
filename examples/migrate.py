#!/usr/bin/env python3
"""Migrates the vector sets of one live server to another, of Redis 6.2 to 8 and Valkey, both ways.

A key travels as DUMP and RESTORE, which keeps its graph. Where that is refused, and for keys that are in the target
in part, its elements are read and added one by one. Keys that are there already, with as many elements, are left
alone, so an interrupted run is repeated until it has nothing to do. At the end, counts are compared, and a sample of
vectors and attributes. Writes to the source meanwhile are not followed.

    migrate.py redis://old:6379/0 redis://new:6379/0
"""

import argparse
import array
import struct
import sys
import time

import redis

BATCH = 500
# What every server from 6.2 on restores. The module's value is the same in all versions; only the stamp tells them.
RDB_VERSION = 9
FORMATS = {"int8": "Q8", "f32": "NOQUANT", "bin": "BIN"}


class Refused(Exception):
    """A key that cannot be migrated, and why."""


class Progress:
    """A bar on stderr: elements done of all."""

    def __init__(self, total):
        self.total, self.done, self.start = total, 0, time.monotonic()

    def add(self, elements, key=b""):
        self.done += elements
        filled = 30 * self.done // max(self.total, 1)
        rate = self.done / max(time.monotonic() - self.start, 1e-3)
        name = key.decode(errors="replace")[:24]
        line = f"[{'#' * filled}{'.' * (30 - filled)}] {self.done:,}/{self.total:,} elements, {rate:,.0f}/s {name:<24}"
        print(f"\r{line}", end="", file=sys.stderr, flush=True)

    def end(self):
        print(file=sys.stderr)


def pairs(reply):
    """A map reply, or the flat array that stands for it."""
    reply = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2]))
    text = lambda x: x.decode() if isinstance(x, bytes) else x
    return {text(k): text(v) for k, v in reply.items()}


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x95AC9329AC4BC9B5 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = _crc_table()


def restamped(dump):
    """A payload with a version that any server takes.

    The checksum is linear: two payloads that differ in their last two bytes have checksums that differ by that of
    the difference, so the rest need not be read again, and damage on the way is still found.
    """
    version, crc = struct.unpack("<HQ", dump[-10:])
    change = 0
    for byte in struct.pack("<H", version ^ RDB_VERSION):
        change = CRC_TABLE[(change ^ byte) & 255] ^ change >> 8
    return dump[:-10] + struct.pack("<HQ", RDB_VERSION, crc ^ change)


def by_dump(source, target, key, replace):
    dump, ttl = source.pipeline(transaction=False).execute_command("DUMP", key).pttl(key).execute()
    if dump is None:
        raise Refused("is gone")
    options = ["REPLACE"] if replace else []
    target.execute_command("RESTORE", key, max(ttl, 0), restamped(dump), *options)


def names(source, key, card):
    """All names of a set, in lists."""
    start = "-"
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


def decoded(raw):
    """The vector of a reply to VEMB RAW, as 32-bit floats."""
    kind, blob, norm = raw[0], raw[1], float(raw[2])
    kind = kind.decode() if isinstance(kind, bytes) else kind
    if kind == "f32":
        numbers = array.array("f", blob)
        if sys.byteorder == "big":
            numbers.byteswap()
        return array.array("f", (x * norm for x in numbers))
    if kind == "int8":
        step = float(raw[3]) / 127 * norm
        return array.array("f", (x * step for x in array.array("b", blob)))
    return array.array("f", (1 if byte >> bit & 1 else -1 for byte in blob for bit in range(8)))


def blob_of(raw, dim):
    vector = decoded(raw)[:dim]  # bits are padded
    if sys.byteorder == "big":
        vector.byteswap()
    return vector.tobytes()


def by_elements(source, target, key, progress):
    """Adds the elements that the target lacks."""
    info = pairs(source.execute_command("VINFO", key) or {})
    if not info:
        raise Refused("is gone")
    if info.get("projection-input-dim"):
        raise Refused("is reduced by a matrix that only DUMP carries")
    options = [FORMATS[info["quant-type"]], "M", info["hnsw-m"]]
    for page in names(source, key, info["size"]):
        # VEMB, as Redis 8.0 has no VISMEMBER.
        there = fetch(target, [("VEMB", key, name, "RAW") for name in page])
        page = [name for name, known in zip(page, there) if known is None]
        replies = fetch(source, [c for name in page for c in (("VEMB", key, name, "RAW"), ("VGETATTR", key, name))])
        commands = []
        for name, raw, attributes in zip(page, replies[::2], replies[1::2]):
            if raw is not None:  # removed meanwhile
                extra = ["SETATTR", attributes] if attributes else []
                commands.append(("VADD", key, "FP32", blob_of(raw, info["vector-dim"]), name, *options, *extra))
        fetch(target, commands)
        progress.add(len(page), key)
    ttl = source.pttl(key)
    if ttl > 0:
        target.pexpire(key, ttl)


def fetch(server, commands):
    pipe = server.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return pipe.execute()


def migrate(source, target, key, card, options, progress):
    """Says how the key was migrated."""
    there = target.execute_command("VCARD", key)
    if there == card and not options.replace:
        progress.add(card, key)
        return "was there"
    if there > card and not options.replace:
        raise Refused(f"has {there} elements in the target and {card} here; --replace overwrites it")
    why = None
    if options.by != "elements" and (not there or options.replace):
        try:
            by_dump(source, target, key, options.replace)
            progress.add(card, key)
            return "by dump"
        # A server hangs up on an argument above its proto-max-bulk-len.
        except (redis.ResponseError, redis.ConnectionError) as error:
            if options.by == "dump":
                raise
            why = error
    if options.replace and there:
        target.delete(key)
        there = 0
    progress.add(there, key)
    try:
        by_elements(source, target, key, progress)
    except Refused as refused:
        raise Refused(f"{refused}, and RESTORE says: {why}" if why else str(refused)) from None
    return "by elements"


def close(a, b):
    """Whether two vectors are the same but for a second quantisation."""
    limit = 0.01 * max(map(abs, a), default=0) + 1e-6
    return len(a) == len(b) and all(abs(x - y) <= limit for x, y in zip(a, b))


def differences(source, target, key, samples):
    """What differs in the target, in words; None if nothing does."""
    counts = [server.execute_command("VCARD", key) for server in (source, target)]
    if counts[0] != counts[1]:
        return f"has {counts[0]} elements here and {counts[1]} in the target"
    sample = source.execute_command("VRANDMEMBER", key, -samples) or []
    for name in set(sample):
        commands = [("VEMB", key, name, "RAW"), ("VGETATTR", key, name)]
        (mine, attributes), (theirs, their_attributes) = fetch(source, commands), fetch(target, commands)
        if mine is None or theirs is None or not close(decoded(mine), decoded(theirs)):
            return f"has another vector for {name!r}"
        if (attributes or b"") != (their_attributes or b""):
            return f"has other attributes for {name!r}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="redis://[user:password@]host:port/db")
    parser.add_argument("target")
    parser.add_argument("--match", default="*", help="pattern of the keys to migrate")
    parser.add_argument("--by", choices=["auto", "dump", "elements"], default="auto", help="auto: DUMP, else elements")
    parser.add_argument("--replace", action="store_true", help="overwrite keys of the target")
    parser.add_argument("--samples", type=int, default=20, help="vectors of each key to compare at the end")
    options = parser.parse_args()

    source, target = (redis.Redis.from_url(url, protocol=2) for url in (options.source, options.target))
    keys = sorted(set(source.scan_iter(match=options.match, count=1000, _type="vectorset")))
    cards = fetch(source, [("VCARD", key) for key in keys])
    progress, failed = Progress(sum(cards)), 0
    outcomes = {}
    for key, card in zip(keys, cards):
        try:
            outcomes[key] = migrate(source, target, key, card, options, progress)
            if wrong := differences(source, target, key, options.samples):
                raise Refused(wrong)
        except (Refused, redis.ResponseError, redis.ConnectionError) as error:
            failed += 1
            outcomes[key] = f"FAILED: {error}"
    progress.end()
    for key, card in zip(keys, cards):
        print(f"{key.decode(errors='backslashreplace')}: {card:,} elements {outcomes[key]}")
    print(f"{len(keys) - failed} of {len(keys)} vector sets are in the target, verified.")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
