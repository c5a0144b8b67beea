"""Input formats of vectors: blobs of FP64, FP16, BF16, INT8 and UINT8 beside FP32; NX and XX."""

import struct

import numpy as np
import pytest

from resp import error, floats
from servers import in_sync
from vectors import fp32, random_vectors, values

SPEC = "ERR invalid vector specification"
pytestmark = pytest.mark.differs("Redis 8 takes FP32 and VALUES")


def bf16(vector):
    return (np.asarray(vector, dtype="<f4").view("<u4") >> 16).astype("<u2").tobytes()


FORMATS = {
    "FP32": (fp32, 4),
    "FP64": (lambda v: np.asarray(v, dtype="<f8").tobytes(), 8),
    "FP16": (lambda v: np.asarray(v, dtype="<f2").tobytes(), 2),
    "BF16": (bf16, 2),
    "INT8": (lambda v: np.asarray(v, dtype="i1").tobytes(), 1),
    "UINT8": (lambda v: np.asarray(v, dtype="u1").tobytes(), 1),
    "XU8": (lambda v: np.asarray(v, dtype="u1").tobytes(), 1),
    "XB8": (lambda v: np.asarray(v, dtype="u1").tobytes(), 1),
}


@pytest.mark.parametrize("word", FORMATS)
def test_each_format(c, word):
    pack, size = FORMATS[word]
    vector = [1, 2, 100, 0, 64]
    assert c("VADD", "k", word, pack(vector), "e", "NOQUANT", "METRIC", "L2") == 1
    assert floats(c("VEMB", "k", "e")) == vector
    assert c("VSIM", "k", word.lower(), pack(vector), "WITHSCORES") == [b"e", b"1"]
    assert c("VMADD", "m", "NOQUANT", word, "a", pack(vector), "b", pack(vector[::-1])) == 2
    if size > 1:
        with error(SPEC):
            c("VADD", "k", word, pack(vector) + b"x", "f", "NOQUANT")
    for command in (["VADD", "k", word, b"", "f", "NOQUANT"], ["VSIM", "k", word, b""]):
        with error(SPEC):
            c(*command)
    with error("ERR Vector dimension mismatch - got 2 but set has 5"):
        c("VSIM", "k", word, pack([1, 2]))


@pytest.mark.parametrize(
    "word, blob",
    [
        ("FP64", struct.pack("<d", 1e39)),
        ("FP64", struct.pack("<d", float("nan"))),
        ("FP16", b"\x00\x7c"),
        ("FP16", b"\x01\xfc"),
        ("BF16", b"\x80\x7f"),
    ],
)
def test_what_is_not_finite(c, word, blob):
    with error(SPEC):
        c("VADD", "k", word, blob, "e")
    assert c("EXISTS", "k") == 0


@pytest.mark.parametrize("metric", ["COSINE", "L2", "IP"])
def test_signed_bytes_are_kept(c, metric):
    code = bytes([200, 3, 0, 127, 128, 255])
    c("VADD", "k", "INT8", code, "e", "METRIC", metric)
    assert c("VEMB", "k", "e", "RAW")[:2] == ["int8", code]
    assert floats(c("VEMB", "k", "e")) == pytest.approx(list(np.frombuffer(code, "i1")), abs=1e-4)
    c("VADD", "k", "INT8", bytes(6), "zero")
    assert floats(c("VEMB", "k", "zero")) == [0] * 6


def test_replicas_hold_the_same(replicated):
    master, replica = replicated()
    c = master.connect()
    vector = random_vectors(1, 16, seed=1)[0]
    for word, (pack, _) in FORMATS.items():
        v = np.abs(vector) * 50 if "8" in word else vector
        for key, options in (("q" + word, []), ("f" + word, ["NOQUANT", "METRIC", "IP"]), ("r" + word, [])):
            prefix = ["REDUCE", 4] if key[0] == "r" else []
            c("VADD", key, *prefix, word, pack(v), "e", *options)
    in_sync(master, replica)
    keys = sorted(c("KEYS", "*"))
    assert replica.connect()("DEBUG", "DIGEST-VALUE", *keys) == c("DEBUG", "DIGEST-VALUE", *keys)


def test_nx_and_xx(c):
    assert c("VADD", "k", *values(1, 2), "e", "XX") == 0
    assert c("EXISTS", "k") == 0
    assert c("VADD", "k", *values(1, 2), "e", "NX", "SETATTR", "{}") == 1
    assert c("VADD", "k", *values(2, 1), "e", "NX", "SETATTR", "x") == 0
    assert floats(c("VEMB", "k", "e")) == pytest.approx([1, 2], abs=0.02)
    assert c("VGETATTR", "k", "e") == b"{}"
    assert c("VADD", "k", *values(2, 1), "e", "xx") == 0
    assert floats(c("VEMB", "k", "e")) == pytest.approx([2, 1], abs=0.02)
    assert c("VADD", "k", *values(2, 1), "f", "XX") == 0
    assert c("VCARD", "k") == 1
    for words in (["NX", "XX"], ["XX", "NX"]):
        with error("ERR XX and NX options at the same time are not compatible"):
            c("VADD", "k", *values(1, 2), "e", *words)
    with error("ERR Vector dimension mismatch - got 1 but set has 2"):
        c("VADD", "k", *values(1), "f", "XX")


def test_what_is_not_done_is_not_sent(replicated):
    master, replica = replicated()
    c = master.connect()
    c("VADD", "k", *values(1, 2), "e")
    in_sync(master, replica)
    c("CONFIG", "SET", "repl-ping-replica-period", 3600)
    c("SET", "x", 1)
    before = c("DEBUG", "DIGEST")
    assert c("VADD", "k", *values(5, 5), "e", "NX") == 0 and c("VADD", "k", *values(5, 5), "f", "XX") == 0
    assert c("VMADD", "k", "XX", "FP32", "f", fp32([1, 2])) == 0
    assert c("DEBUG", "DIGEST") == before
    in_sync(master, replica)
    assert replica.connect()("DEBUG", "DIGEST-VALUE", "k") == c("DEBUG", "DIGEST-VALUE", "k")
