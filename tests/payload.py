"""DUMP payloads: footer, checksum, and a writer for crafted ones."""

import pathlib
import struct
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "package/src"))
from vset.cli.migrate import CRC_TABLE  # noqa: E402

MODULE_ID = bytes.fromhex("81bde72da2bb1eb400")


def crc64(data):
    """Jones polynomial, reflected, as the servers use it."""
    crc = 0
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc


def stamped(body, version):
    body += struct.pack("<H", version)
    return body + struct.pack("<Q", crc64(body))


def own_version(conn):
    """RDB version of a server: any DUMP has it."""
    conn("SET", "{version}", "x")
    dump = conn("DUMP", "{version}")
    conn("DEL", "{version}")
    return struct.unpack("<H", dump[-10:-8])[0]


def move(conn, key, dump, *options):
    """RESTORE of a payload from a server of another version."""
    return conn("RESTORE", key, 0, stamped(dump[:-10], own_version(conn)), *options)


def length(n):
    if n < 64:
        return bytes([n])
    if n < 1 << 14:
        return bytes([0x40 | n >> 8, n & 255])
    if n < 1 << 32:
        return b"\x80" + struct.pack(">I", n)
    return b"\x81" + struct.pack(">Q", n)


def uint(n):
    return b"\x02" + length(n)


def string(s):
    return b"\x05" + length(len(s)) + s


def bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def node(name, vector, params, attributes=None):
    parts = [string(name)] + ([string(attributes)] if attributes is not None else []) + [string(vector), uint(len(params))]
    return b"".join(parts) + b"".join(uint(p) for p in params)


def params(id, *levels, l2=1.0, range=0.0, format=1, capacity=32):
    """Links per level, level 0 first."""
    out = [id, format << 24 | len(levels) - 1]
    for links in levels:
        out += [len(links), capacity, *links] + ([0] if format else [])
    return [*out, bits(range) << 32 | bits(l2)]


def vectorset(nodes, dim=2, count=None, quant=0, m=16, flags=0, extra=b"", tail=b""):
    fields = [uint(dim), uint(len(nodes) if count is None else count), uint(quant | m << 8), uint(flags), extra, *nodes, tail]
    return b"\x07" + MODULE_ID + b"".join(fields) + b"\x00"
