"""VECSET, VECQUERY and VECDEL against brute force; what they are made of; bad input."""

import random

import numpy as np
import pytest

from resp import ReplyError
from seeds import new_seed
from servers import Server, background_save, in_sync, rewrite_aof

DISTANCES = {
    "cosine": lambda a, b: 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b),
    "l2": lambda a, b: (a - b) @ (a - b),
    "ip": lambda a, b: -(a @ b),
}


@pytest.fixture(autouse=True)
def ours(server):
    if server.peer:
        pytest.xfail("has no such commands")


def store(c, vectors):
    assert set(c.pipeline([["VECSET", key, len(v), *v.tolist()] for key, v in vectors.items()])) == {"OK"}


def pairs(reply):
    return {reply[i].decode(): float(reply[i + 1]) for i in range(0, len(reply), 2)}


def some(n, dim, seed=1, prefix="doc:"):
    rng = np.random.default_rng(seed)
    return {f"{prefix}{i}": rng.normal(size=dim).astype("f4") for i in range(n)}


def nearest(vectors, query, k, metric="cosine"):
    distances = {key: float(DISTANCES[metric](v.astype(float), query.astype(float))) for key, v in vectors.items()}
    return dict(sorted(distances.items(), key=lambda pair: pair[1])[:k])


def ask(c, key, k, query, *more):
    return pairs(c("VECQUERY", key, k, *query.tolist(), *more))


def same(found, expected):
    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()), abs=1e-6)


def test_example(c):
    assert c("VECQUERY", "kora", 5, 1, 0, 0) == []
    assert c("VECSET", "a", 3, 1, 0, 0) == "OK"
    assert c("VECSET", "b", 3, 0, "1.0", "-0") == "OK"
    assert c("VECQUERY", "kora", 5, "1", "0", "0") == [b"a", b"0", b"b", b"1"]
    assert c("VECQUERY", "kora", 1, 1, 0, 0, "ef", 50) == [b"a", b"0"]
    assert c("VECDEL", "a") == 1
    assert c("VECDEL", "a") == 0
    assert c("VECQUERY", "kora", 5, 1, 0, 0) == [b"b", b"1"]
    assert c("VECSET", "b", 3, -1, 0, 0) == "OK"
    assert c("VECQUERY", "b", 5, 1, 0, 0) == [b"b", b"2"]


@pytest.mark.parametrize("protocol", [2, 3])
def test_protocols(clean, protocol):
    c = clean.connect(protocol=protocol)
    c("VECSET", "a", 2, 1, 0)
    assert c("VECQUERY", "*", 1, 1, 0) == [b"a", b"0"]
    assert c("VECDEL", "a") == 1


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("dim", [3, 100])
def test_brute_force(server, metric, dim):
    own = Server(server.kind, arguments=("kora-metric", metric))
    try:
        c = own.connect()
        vectors = some(2000, dim)
        store(c, vectors)
        for query in some(20, dim, seed=2).values():
            expected = nearest(vectors, query, 10, metric)
            found = ask(c, "kora", 10, query, "EF", 2000)
            assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-5, abs=1e-5)
            assert len(set(found) & set(expected)) >= 9
    finally:
        own.remove()


def test_settings(server):
    if not server.modern:
        return
    own = Server(server.kind)
    try:
        c = own.connect()
        assert c("CONFIG", "GET", "vectorset.kora-metric")[1] == b"cosine"
        assert c("CONFIG", "SET", "vectorset.kora-metric", "L2") == "OK"
        c("CONFIG", "SET", "vectorset.kora-m", 8)
        c("CONFIG", "SET", "vectorset.kora-ef-construction", 77)
        with pytest.raises(ReplyError):
            c("CONFIG", "SET", "vectorset.kora-metric", "manhattan")
        c("VECSET", "a", 2, 3, 4)
        assert c("VECQUERY", "x", 1, 0, 0) == [b"a", b"25"]
        [attribute] = c("FT.INFO", "kora")[7]
        shown = {name.lower(): value for name, value in zip(attribute[::2], attribute[1::2])}
        assert (shown["m"], shown["ef_construction"], shown["distance_metric"]) == (8, 77, "L2")
    finally:
        own.remove()
    with pytest.raises(RuntimeError, match="kora-metric is one of cosine, l2, ip, not manhattan"):
        Server(server.kind, arguments=("kora-metric", "manhattan"))


def test_patterns(c):
    vectors = {**some(50, 4), **some(50, 4, seed=2, prefix="user:"), "a*b": np.ones(4, "f4"), "a?": np.ones(4, "f4")}
    store(c, vectors)
    query = np.array([1, 2, 3, 4], "f4")
    for pattern, matches in [
        ("doc:*", lambda key: key.startswith("doc:")),
        ("*", lambda key: True),
        ("*1", lambda key: key.endswith("1")),
        ("user:[1-3]?", lambda key: len(key) == 7 and key[5] in "123" and key.startswith("user:")),
        ("user:[^1-3]*", lambda key: key.startswith("user:") and key[5] not in "123"),
        ("a\\**", lambda key: key == "a*b"),
        ("nothing:*", lambda key: False),
    ]:
        expected = nearest({k: v for k, v in vectors.items() if matches(k)}, query, 100)
        found = ask(c, pattern, 100, query)
        assert set(found) == set(expected), pattern
        assert list(found.values()) == pytest.approx(list(expected.values()), abs=1e-6)
    assert len(ask(c, "user:1", 1000, query)) == 102  # any other key limits nothing


def test_are_hashes(c):
    c("VECSET", "a", 2, 1, 0)
    assert c("TYPE", "a") == "hash"
    assert c("HGET", "a", "vector") == np.array([1, 0], "<f4").tobytes()
    assert c("FT._LIST") == [b"kora"]
    c("HSET", "b", "vector", np.array([0, 1], "<f4").tobytes(), "title", "x")
    c("HSET", "other", "title", "y")
    assert c("VECQUERY", "kora", 9, 1, 0) == [b"a", b"0", b"b", b"1"]
    assert c("FT.SEARCH", "kora", "*", "NOCONTENT")[0] == 2
    assert c("VECDEL", "b") == 1
    assert c("HGETALL", "b") == [b"title", b"x"]
    c("VECSET", "b", 2, 0, 1)
    assert c("HGET", "b", "title") == b"x"
    c("EXPIRE", "b", 100)
    c("VECSET", "b", 2, 1, 1)
    assert c("TTL", "b") > 0
    c("RENAME", "a", "z")
    assert list(pairs(c("VECQUERY", "kora", 9, 1, 0))) == ["z", "b"]
    c("PEXPIRE", "b", 1)
    while c("EXISTS", "b"):
        pass
    assert c("VECQUERY", "kora", 9, 1, 0) == [b"z", b"0"]
    c("FLUSHALL")
    assert c("VECQUERY", "kora", 9, 1, 0, 5) == []
    assert c("VECSET", "a", 3, 1, 0, 0) == "OK"


def test_databases_apart(c):
    c("VECSET", "a", 2, 1, 0)
    c("SELECT", 1)
    assert c("VECQUERY", "kora", 9, 1, 0) == []
    assert c("VECSET", "b", 3, 1, 0, 0) == "OK"
    assert c("VECQUERY", "kora", 9, 1, 0, 0) == [b"b", b"0"]
    c("SELECT", 0)
    assert c("VECQUERY", "kora", 9, 1, 0) == [b"a", b"0"]


BAD = [
    (["VECSET", "a", 3, 1, 0], "ERR expected 3 vector components, got 2"),
    (["VECSET", "a", 2, 1, 0, 0], "ERR expected 2 vector components, got 3"),
    (["VECSET", "a", 4, 1, 0, 0, 0], "ERR dimension mismatch: index has 3, got 4"),
    (["VECSET", "a", 0, 1], "ERR dim must be an integer from 1 to 32768"),
    (["VECSET", "a", -3, 1, 0, 0], "ERR dim must be"),
    (["VECSET", "a", 10**30, 1, 0, 0], "ERR dim must be"),
    (["VECSET", "a", "three", 1, 0, 0], "ERR dim must be"),
    (["VECSET", "a", 3, 1, 0, "x"], "ERR invalid vector component"),
    (["VECSET", "a", 3, 1, 0, "nan"], "ERR invalid vector component"),
    (["VECSET", "a", 3, 1, 0, "inf"], "ERR invalid vector component"),
    (["VECSET", "a", 3, 1, 0, "1e39"], "ERR invalid vector component"),
    (["VECSET", "a", 3, 1, 0, ""], "ERR invalid vector component"),
    (["VECSET", "a", 3, 1, 0, b"\xff\x00"], "ERR invalid vector component"),
    (["VECSET", "s", 3, 1, 0, 0], "WRONGTYPE"),
    (["VECSET", "a", 3], "wrong number of arguments"),
    (["VECQUERY", "a", 1], "wrong number of arguments"),
    (["VECQUERY", "a", 1, "EF", 10], "wrong number of arguments"),
    (["VECQUERY", "a", 0, 1, 0, 0], "ERR k must be an integer from 1 to 1000000"),
    (["VECQUERY", "a", -1, 1, 0, 0], "ERR k must be"),
    (["VECQUERY", "a", 2**63, 1, 0, 0], "ERR k must be"),
    (["VECQUERY", "a", "x", 1, 0, 0], "ERR k must be"),
    (["VECQUERY", "a", 1, 1, 0], "ERR dimension mismatch: index has 3, got 2"),
    (["VECQUERY", "a", 1, 1, 0, 0, "EF"], "ERR invalid vector component"),
    (["VECQUERY", "a", 1, 1, 0, 0, "EF", 0], "ERR EF must be an integer from 1 to 1000000"),
    (["VECQUERY", "a", 1, 1, 0, 0, "EF", "x"], "ERR EF must be"),
    (["VECQUERY", "*" + "a*" * 500, 1, 1, 0, 0], "ERR the pattern is longer than 1000 bytes"),
    (["VECDEL", "s"], "WRONGTYPE"),
    (["VECDEL"], "wrong number of arguments"),
    (["VECDEL", "a", "b"], "wrong number of arguments"),
]


@pytest.mark.parametrize("command, error", BAD)
def test_refused(c, command, error):
    c("SET", "s", "text")
    if command[0] == "VECSET" and "mismatch" not in error:
        with pytest.raises(ReplyError, match=error):
            c(*command)
        assert c("FT._LIST") == [] and c("DBSIZE") == 1
    c("VECSET", "x", 3, 1, 2, 3)
    with pytest.raises(ReplyError, match=error):
        c(*command)
    assert c("DBSIZE") == 2 and list(pairs(c("VECQUERY", "kora", 5, 1, 2, 3))) == ["x"]


def test_hostile(c):
    """Random words of all kinds: an error or an answer, and nothing that the index does not survive."""
    seed = new_seed()
    print(f"seed {seed}")
    rng = random.Random(seed)
    words = ["", "*", "[", "[^", "\\", "a", "kora", "EF", "1", "-1", "0", "3", "2147483648", "nan", "1e38", "-1e38", "0x1p3", b"\x00\xff", "?" * 999, "*a" * 400, "[a-" * 300]
    c("VECSET", "a", 3, 1, 2, 3)
    commands = [[rng.choice(["VECSET", "VECQUERY", "VECDEL"]), *rng.choices(words, k=rng.randrange(8))] for _ in range(2000)]
    commands += [["VECSET", rng.choice(words), 3, *rng.choices(["0", "1e38", "-1e38", "1e-40", "7"], k=3)] for _ in range(200)]
    commands += [["VECQUERY", rng.choice(words), 5, *rng.choices(["0", "1e38", "-1e38", "1e-40", "7"], k=3)] for _ in range(200)]
    for command, reply in zip(commands, c.pipeline(commands)):
        assert not isinstance(reply, ReplyError) or "internal" not in str(reply), command
    assert c("PING") == "PONG"
    assert c("VECSET", "b", 3, 1, 2, 3) == "OK"


def test_an_index_of_another_kind(c):
    c("FT.CREATE", "kora", "SCHEMA", "title", "TEXT")
    for command in (["VECSET", "a", 2, 1, 0], ["VECQUERY", "a", 1, 1, 0]):
        with pytest.raises(ReplyError, match="ERR the index kora has no field vector"):
            c(*command)
    assert c("DBSIZE") == 0


def test_transactions_and_scripts(c):
    c("MULTI")
    c("VECSET", "a", 2, 1, 0)
    c("VECSET", "b", 2, 0, 1)
    c("VECQUERY", "kora", 1, 0, 1)
    assert c("EXEC") == ["OK", "OK", [b"b", b"0"]]
    script = "redis.call('VECSET', KEYS[1], 2, 1, 1); return redis.call('VECQUERY', '*', 1, 1, 1)"
    assert list(pairs(c("EVAL", script, 1, "c"))) == ["c"]


def test_kept(server):
    """What was stored is there after restarts of all kinds, and on a replica."""
    vectors = some(300, 16)
    query = np.arange(16).astype("f4")
    expected = nearest(vectors, query, 5)
    own = Server(server.kind, ("appendonly", "yes"))
    replica = Server(server.kind)
    try:
        replica.replicate(own)
        c = own.connect()
        store(c, vectors)
        c("VECSET", "gone", 16, *query.tolist())
        c("VECDEL", "gone")
        in_sync(own, replica)
        r = replica.connect()
        same(ask(r, "kora", 5, query), expected)
        with pytest.raises(ReplyError, match="READONLY"):
            r("VECSET", "x", 1, 1)
        own.restart(kill=True)
        same(ask(own.connect(), "kora", 5, query), expected)
        rewrite_aof(own.connect())
        own.restart()
        same(ask(own.connect(), "kora", 5, query), expected)
        background_save(own.connect())
    finally:
        own.remove()
        replica.remove()


def test_rights(server, c):
    if not server.modern:
        return
    store(c, {**some(5, 2), **some(5, 2, seed=2, prefix="user:")})
    c("ACL", "SETUSER", "u", "on", "nopass", "~doc:*", "+@all")
    try:
        u = server.connect()
        u("AUTH", "u", "x")
        assert len(pairs(u("VECQUERY", "doc:*", 10, 1, 0))) == 5
        for pattern in ("*", "kora", "user:*", "do*", "doc:1", "[d]oc:*"):
            with pytest.raises(ReplyError, match="NOPERM"):
                u("VECQUERY", pattern, 10, 1, 0)
        with pytest.raises(ReplyError, match="NOPERM"):
            u("VECSET", "user:1", 2, 1, 0)
        with pytest.raises(ReplyError, match="NOPERM"):
            u("VECDEL", "user:1")
        assert u("VECSET", "doc:1", 2, 1, 0) == "OK"
        c("ACL", "SETUSER", "u", "allkeys", "-vecdel")
        assert len(pairs(u("VECQUERY", "kora", 20, 1, 0))) == 10
        with pytest.raises(ReplyError, match="NOPERM"):
            u("VECDEL", "doc:1")
    finally:
        c("ACL", "DELUSER", "u")


@pytest.mark.parametrize("arguments, log", [(("kora", "no"), ""), (("search", "no"), "kora is not there: it needs the search of this module")])
def test_left_out(server, arguments, log):
    own = Server(server.kind, arguments=arguments)
    try:
        with pytest.raises(ReplyError, match="unknown command"):
            own.connect()("VECSET", "a", 1, 1)
        assert own.connect()("VADD", "k", "VALUES", 1, 1, "e") == 1
        assert log in own.log()
    finally:
        own.remove()


def test_prefix(server):
    own = Server(server.kind, arguments=("prefix", "my."))
    try:
        c = own.connect()
        assert c("my.VECSET", "a", 1, 1) == "OK"
        assert c("my.VECQUERY", "*", 1, 1) == [b"a", b"0"]
    finally:
        own.remove()
