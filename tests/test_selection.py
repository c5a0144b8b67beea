"""VCOUNT, VREMBYFILTER and VEXPLAIN."""

import struct

import pytest

from resp import error, pairs
from servers import in_sync, settle
from vectors import fp32, random_vectors

N = 3000
pytestmark = pytest.mark.differs("commands of ours")


def fill(c, n=N):
    for i, v in enumerate(random_vectors(n, 8, seed=4)):
        c("VADD", "k", "FP32", fp32(v), f"e{i}", "SETATTR", f'{{"n":{i},"odd":{i % 2}}}')


def test_count(c):
    assert c("VCOUNT", "k", ".n < 3") == 0
    with error("ERR syntax error in FILTER expression near: ", prefix=True):
        c("VCOUNT", "k", ".n <")
    fill(c)
    for _ in range(3):  # the second time, matches are remembered; the third, they are used
        assert c("VCOUNT", "k", ".n < 1234") == 1234
        assert c("VCOUNT", "k", ".odd") == N // 2
    c("VSETATTR", "k", "e2000", '{"n":-1}')
    c("VREM", "k", "e7")
    assert c("VCOUNT", "k", ".n < 1234") == 1234
    c("SET", "s", "x")
    with error("WRONGTYPE", prefix=True):
        c("VCOUNT", "s", "1")


@pytest.mark.parametrize("how", ["plain", "multi", "script"])
def test_remove(c, how):
    fill(c)
    call = ("VREMBYFILTER", "k", ".n >= 100 and .odd")
    if how == "plain":
        removed = c(*call)
    elif how == "multi":
        c("MULTI"), c(*call)
        removed = c("EXEC")[0]
    else:
        removed = c("EVAL", f"return redis.call('{call[0]}', KEYS[1], ARGV[1])", 1, *call[1:])
    assert removed == (N - 100) // 2
    assert c("VCARD", "k") == N - removed
    assert c("VCOUNT", "k", ".odd") == 50
    assert c("VISMEMBER", "k", "e101") == 0 and c("VISMEMBER", "k", "e102") == 1
    assert c(*call) == 0


def test_remove_all_deletes_the_key(c):
    fill(c)
    assert c("VREMBYFILTER", "k", "1") == N
    assert c("EXISTS", "k") == 0


def test_removals_reach_the_replica_and_the_file(replicated):
    master, replica = replicated(("appendonly", "yes"))
    c = master.connect()
    fill(c)
    assert c("VREMBYFILTER", "k", ".n % 3 == 0") == N // 3
    in_sync(master, replica)
    r = replica.connect()
    assert r("VCARD", "k") == N - N // 3
    digest = c("DEBUG", "DIGEST-VALUE", "k")
    assert r("DEBUG", "DIGEST-VALUE", "k") == digest
    master.restart(kill=True)
    assert master.connect()("DEBUG", "DIGEST-VALUE", "k") == digest


def test_explain(c):
    fill(c)
    settle(c)
    query = struct.pack("<8f", *range(8))
    told = pairs(c("VEXPLAIN", "k", "FP32", query, "FILTER", ".n < 5"))
    assert told["plan"] == "scan" and told["results"] == 5
    told = pairs(c("VEXPLAIN", "k", "FP32", query, "FILTER", ".n < 5", "FILTER-EF", "50"))
    assert told["plan"] == "traverse"
    assert c("VEXPLAIN", "nokey", "ELE", "x") is None
