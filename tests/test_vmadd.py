"""VMADD: many elements in one command, all or nothing, with other clients served in between."""

import select

import pytest

from resp import error, floats
from servers import eventually, in_sync
from vectors import fp32, name, random_vectors, recall, values

pytestmark = pytest.mark.differs("a command of ours")


def vmadd(conn, key, vectors, *options, word="FP32", first=0, attributes=None):
    words = []
    for i, v in enumerate(vectors):
        words += [name(first + i), fp32(v)] + ([attributes(i)] if attributes else [])
    with_attributes = ["WITHATTRIBS"] if attributes else []
    return conn("VMADD", key, *options, *with_attributes, word, *words)


def test_adds_and_updates(c):
    vectors = random_vectors(20, 8, seed=1)
    assert vmadd(c, "k", vectors[:10]) == 10
    assert vmadd(c, "k", vectors[5:15], first=5) == 5
    assert c("VCARD", "k") == 15
    assert vmadd(c, "a", vectors, "NOQUANT", "METRIC", "L2", "M", 8, "EF", 50, attributes=lambda i: '{"i":%d}' % i if i % 2 else "") == 20
    assert c("VGETATTR", "a", name(3)) == b'{"i":3}' and c("VGETATTR", "a", name(2)) is None
    assert c("VEMB", "a", name(7), "RAW")[0] == "f32"
    assert c("VCHECK", "a") == "OK" and c("VCHECK", "k") == "OK"
    assert c("VMADD", "r", "REDUCE", 4, "FP32", "x", fp32(vectors[0]), "y", fp32(vectors[1])) == 2
    assert c("VDIM", "r") == 4


def test_nx_and_xx(c):
    vectors = random_vectors(6, 4, seed=2)
    assert vmadd(c, "k", vectors, "XX") == 0 and c("EXISTS", "k") == 0
    assert vmadd(c, "k", vectors[:3], "NX") == 3
    before = c("VEMB", "k", name(0))
    assert vmadd(c, "k", vectors[::-1], "NX") == 3
    assert c("VEMB", "k", name(0)) == before
    assert vmadd(c, "k", vectors[::-1], "XX", first=0) == 0
    assert c("VEMB", "k", name(0)) != before
    # Of a name that stands twice, NX takes the first, and the last counts otherwise.
    assert c("VMADD", "t", "NOQUANT", "NX", "FP32", "e", fp32([1, 2]), "e", fp32([3, 4])) == 1
    assert floats(c("VEMB", "t", "e")) == pytest.approx([1, 2], rel=1e-6)
    assert c("VMADD", "t", "NOQUANT", "FP32", "e", fp32([5, 6]), "e", fp32([7, 8])) == 0
    assert floats(c("VEMB", "t", "e")) == pytest.approx([7, 8], rel=1e-6)


@pytest.mark.parametrize(
    "words, text",
    [
        ([], "ERR wrong number of arguments for 'VMADD' command"),
        (["FP32", "e"], "ERR wrong number of arguments for 'VMADD' command"),
        (["FP32", "e", fp32([1]), "f"], "ERR wrong number of arguments for 'VMADD' command"),
        (["WITHATTRIBS", "FP32", "e", fp32([1])], "ERR wrong number of arguments for 'VMADD' command"),
        (["VALUES", 1, 1, "e"], "ERR syntax error in VMADD command"),
        (["EF", 0, "FP32", "e", fp32([1])], "ERR invalid EF"),
        (["NX", "XX", "FP32", "e", fp32([1])], "ERR XX and NX options at the same time are not compatible"),
        (["FP32", "e", b"abc"], "ERR invalid vector specification"),
        (["FP32", "e", fp32([1]), "f", fp32([float("nan")])], "ERR invalid vector specification"),
        (["FP32", "e", fp32([1]), "f", fp32([1, 2])], "ERR Vector dimension mismatch - got 2 but set has 1"),
        (["METRIC", "L3", "FP32", "e", fp32([1])], "ERR invalid metric"),
        (["BIN", "METRIC", "L2", "FP32", "e", fp32([1])], "ERR BIN stores only the signs: use METRIC COSINE, Q8 or NOQUANT"),
    ],
)
def test_refused_as_a_whole(c, words, text):
    with error(text):
        c("VMADD", "k", *words)
    assert c("EXISTS", "k") == 0


def test_refused_by_the_set(c):
    c("VADD", "k", *values(1, 2), "e")
    for words, text in [
        (["NOQUANT", "FP32", "f", fp32([1, 2])], "ERR asked quantization mismatch with existing vector set"),
        (["FP32", "f", fp32([1])], "ERR Vector dimension mismatch - got 1 but set has 2"),
        (["METRIC", "IP", "FP32", "f", fp32([1, 2])], "ERR asked metric mismatch with existing vector set"),
    ]:
        with error(text):
            c("VMADD", "k", *words)
    c("SET", "s", "x")
    with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
        c("VMADD", "s", "FP32", "f", fp32([1, 2]))
    assert c("VCARD", "k") == 1


def test_replicas_hold_the_same(replicated):
    master, replica = replicated()
    c = master.connect()
    vectors = random_vectors(3000, 12, seed=3)
    assert vmadd(c, "k", vectors[:100], attributes=lambda i: '{"i":%d}' % i) == 100
    assert vmadd(c, "k", vectors[50:150], "NX", first=50) == 50
    assert vmadd(c, "big", vectors, "NOQUANT", "METRIC", "IP") == 3000
    c("MULTI")
    vmadd(c, "in multi", vectors[:700])
    assert c("EXEC") == [700]
    in_sync(master, replica)
    r = replica.connect()
    assert r("VCARD", "big") == 3000
    assert r("DEBUG", "DIGEST-VALUE", "k", "big", "in multi") == c("DEBUG", "DIGEST-VALUE", "k", "big", "in multi")


def test_thousands_leave_room_for_others(clean, c):
    vectors, loader = random_vectors(4000, 32, seed=4), clean.connect()
    words = [word for i, v in enumerate(vectors) for word in (name(i), fp32(v))]
    for _ in range(50):  # on a busy machine this process may be late
        c("DEL", "k")
        loader.send("VMADD", "k", "FP32", *words)
        served = 0
        while not select.select([loader.socket], [], [], 0)[0]:
            served += c("PING") == "PONG"
        assert loader.read() == 4000
        if served > 1:
            break
    assert served > 1
    assert c("VCARD", "k") == 4000 and c("VCHECK", "k") == "OK"
    assert recall(c, "k", vectors, random_vectors(20, 32, seed=5), 10, "EF", 200) > 0.9


def test_the_key_goes_in_between(clean, c):
    other = clean.connect()
    for what in (["DEL", "k"], ["SET", "k", "x"], ["FLUSHALL"]):
        vectors = random_vectors(3000, 16, seed=6)
        conn = clean.connect()
        words = [w for i, v in enumerate(vectors) for w in (name(i), fp32(v))]
        conn.send("VMADD", "k", "FP32", *words)
        other(*what)
        try:
            assert conn.read() == 3000
        except Exception as failure:
            assert "WRONGTYPE" in str(failure)
        other("FLUSHALL")
    # A client that goes while its elements are stored.
    conn = clean.connect()
    conn.send("VMADD", "k", "FP32", *words)
    conn.close()
    eventually(lambda: other("VCARD", "k") == 3000)
