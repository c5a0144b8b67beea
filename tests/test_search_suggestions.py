"""FT.SUGADD and related commands, compared with a sorted list."""

import math
import random
import struct

import pytest

from resp import ReplyError
from seeds import new_seed


def ranked(strings, prefix):
    """Those that begin with the prefix, the best first, with the score that the missing end leaves."""
    single = lambda x: struct.unpack("f", struct.pack("f", x))[0]  # noqa: E731
    score = lambda string: single(strings[string] / single(math.sqrt(1 + len(string) - len(prefix))))  # noqa: E731
    fitting = sorted(string for string in strings if string.startswith(prefix))
    return sorted(((string, score(string)) for string in fitting), key=lambda one: -one[1])


def fill(conn, count):
    seed = new_seed()
    print("seed", seed)
    rng = random.Random(seed)
    strings = {"".join(rng.choices("abcdefghij", k=rng.randint(1, 9))): float(rng.randint(1, 50)) for _ in range(count)}
    conn.pipeline([("FT.SUGADD", "s", string, score, "PAYLOAD", string.upper()) for string, score in strings.items()])
    return strings, rng


def check(conn, strings, rng):
    assert conn("FT.SUGLEN", "s") == len(strings)
    for prefix in ["", "a", *(s[:2] for s in rng.sample(sorted(strings), 5))]:
        found = conn("FT.SUGGET", "s", prefix, "MAX", 20, "WITHSCORES", "WITHPAYLOADS")
        strings_found = [word.decode() for word in found[::3]]
        expected = ranked(strings, prefix)[:20]
        assert [float(score) for score in found[1::3]] == pytest.approx([score for _, score in expected], rel=1e-6)
        assert len(set(strings_found)) == len(strings_found) == len(expected)
        assert [word.decode().lower() for word in found[2::3]] == strings_found
        assert all(dict(ranked(strings, prefix))[word] == pytest.approx(float(score), rel=1e-6) for word, score in zip(strings_found, found[1::3]))


def test_the_best_of_many(c):
    strings, rng = fill(c, 30_000)
    check(c, strings, rng)
    near = ("ab", "aab", "b", "acb", "ac")
    near = {string.encode() for string in strings if string.startswith(near)}
    assert near <= set(c("FT.SUGGET", "s", "ab", "FUZZY", "MAX", 100_000))
    for string in rng.sample(sorted(strings), 100):
        assert c("FT.SUGDEL", "s", string) == 1
        del strings[string]
    check(c, strings, rng)
    c("MULTI")
    c("FT.SUGGET", "s", "a", "MAX", 1)
    assert c("EXEC") == [[ranked(strings, "a")[0][0].encode()]]


def test_kept(launch):
    server = launch()
    conn = server.connect()
    strings, rng = fill(conn, 2000)
    conn("SAVE")
    server.restart()
    conn = server.connect()
    check(conn, strings, rng)
    conn("COPY", "s", "other")
    assert conn("FT.SUGLEN", "other") == len(strings)
    before = conn("MEMORY", "USAGE", "s")
    assert conn("FT.SUGADD", "s", "x" * 10_000, 1) == len(strings) + 1
    assert conn("MEMORY", "USAGE", "s") >= before + 20_000
    assert conn("FT.SUGDEL", "s", "x" * 10_000) == 1 and conn("MEMORY", "USAGE", "s") == before


def test_keys_that_go_or_change(c, clean):
    fill(c, 5000)
    other = clean.connect()
    for change in (("DEL", "s"), ("SET", "s", "text")):
        c.socket.sendall(b"".join(b"*3\r\n$9\r\nFT.SUGGET\r\n$1\r\ns\r\n$0\r\n\r\n" for _ in range(20)))
        other(*change)
        for _ in range(20):
            reply = c.parse()
            assert str(reply).startswith("WRONGTYPE") if isinstance(reply, ReplyError) else len(reply) in (0, 5)
    with pytest.raises(ReplyError, match="WRONGTYPE"):
        c("FT.SUGGET", "s", "a")
    c("DEL", "s")
    assert c("FT.SUGGET", "s", "a") == [] and c("FT.SUGLEN", "s") == 0
