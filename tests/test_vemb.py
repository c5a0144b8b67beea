"""VEMB: stored vectors, worked examples in all encodings, the arithmetic of quantization bit for bit."""

import struct

import numpy as np
import pytest

from resp import error, floats
from vectors import fp32, random_vectors, values


def test_worked_int8(c):
    c("VADD", "k", *values(1, 2, 3), "a")
    assert floats(c("VEMB", "k", "a")) == [0.992125928401947, 2.007874011993408, 3]
    kind, blob, l2, range_ = c("VEMB", "k", "a", "RAW")
    assert (kind, blob, float(l2), float(range_)) == ("int8", b"\x2a\x55\x7f", 3.7416574954986572, 0.8017836809158325)


def test_worked_bin(c):
    c("VADD", "k", *values(1, -1, 0.5, 0, -2), "m", "BIN")
    kind, blob, l2 = c("VEMB", "k", "m", "raw")
    assert (kind, blob, float(l2)) == ("bin", b"\x05" + b"\0" * 7, 2.5)
    assert floats(c("VEMB", "k", "m")) == [1, -1, 1, -1, -1]


def test_worked_f32(c):
    c("VADD", "k", *values(3, 4), "p", "NOQUANT")
    kind, blob, l2 = c("VEMB", "k", "p", "RAW", "RAW")
    assert (kind, blob.hex(), float(l2)) == ("f32", "9a99193fcdcc4c3f", 5)
    assert floats(c("VEMB", "k", "p")) == [3, 4]


def f32(x):
    return np.float32(x)


def normalized(vector):
    """Squares are summed by fours, all in binary32: master, replica and Redis 8 must agree to the bit."""
    x = np.asarray(vector, np.float32)
    total = f32(0)
    whole = len(x) // 4 * 4
    for i in range(0, whole, 4):
        a = x[i : i + 4]
        total += ((a[0] * a[0] + a[1] * a[1]) + a[2] * a[2]) + a[3] * a[3]
    for a in x[whole:]:
        total += a * a
    l2 = np.sqrt(total) if total else f32(1)
    return (x / l2 if total else x), l2


def expected_raw(vector, quant):
    unit, l2 = normalized(vector)
    if quant == "NOQUANT":
        return ["f32", unit.tobytes(), l2]
    if quant == "BIN":
        bits = np.zeros(-(-len(unit) // 64) * 64, np.uint8)
        bits[: len(unit)] = unit > 0
        return ["bin", np.packbits(bits, bitorder="little").tobytes(), l2]
    range_ = np.abs(unit).max()
    scaled = unit * (f32(127) / range_) if range_ else unit
    rounded = np.sign(scaled) * np.floor(np.abs(scaled).astype(np.float64) + 0.5)
    return ["int8", rounded.astype(np.int8).tobytes(), l2, range_]


@pytest.mark.parametrize("quant", ["NOQUANT", "Q8", "BIN"])
@pytest.mark.parametrize("dim", [1, 2, 5, 15, 16, 31, 32, 33, 63, 64, 65, 128, 129, 300, 768])
def test_encoding_bit_for_bit(c, quant, dim):
    vectors = [*random_vectors(8, dim, seed=dim), np.zeros(dim), np.ones(dim), -np.ones(dim)]
    for i, v in enumerate(vectors):
        c("VADD", "k", "FP32", fp32(v), i, quant)
        raw = c("VEMB", "k", i, "RAW")
        expected = expected_raw(v, quant)
        assert raw[:2] == expected[:2]
        assert [f32(float(x)) for x in raw[2:]] == expected[2:]
        assert all(struct.unpack("<f", struct.pack("<f", float(x)))[0] == float(x) for x in raw[2:])  # widened floats


@pytest.mark.parametrize("quant", ["NOQUANT", "Q8", "BIN"])
def test_components_follow_from_raw(c, quant):
    for i, v in enumerate(random_vectors(5, 40, seed=1)):
        c("VADD", "k", "FP32", fp32(v), i, quant)
        _, blob, l2, *rest = c("VEMB", "k", i, "RAW")
        l2 = f32(float(l2))
        if quant == "NOQUANT":
            expected = np.frombuffer(blob, "<f4") * l2
        elif quant == "Q8":
            expected = (np.frombuffer(blob, np.int8).astype(np.float32) * f32(float(rest[0]))) / f32(127) * l2
        else:
            expected = np.unpackbits(np.frombuffer(blob, np.uint8), bitorder="little")[:40].astype(np.float32) * 2 - 1
        assert np.array_equal(np.array(floats(c("VEMB", "k", i)), np.float32), expected)


def test_missing_and_errors(c):
    assert c("VEMB", "k", "e") is None
    assert c("VEMB", "k", "e", "RAW") is None
    c("VADD", "k", *values(1), "e")
    assert c("VEMB", "k", "none") is None
    c("SET", "s", "x")
    with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
        c("VEMB", "s", "e")
    for key in ("s", "k", "none"):
        with error("ERR invalid option"):
            c("VEMB", key, "e", "WHAT")
    with error("ERR wrong number of arguments for 'VEMB' command"):
        c("VEMB", "k")
