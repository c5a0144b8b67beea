"""Many clients at once, clients that vanish, keys that vanish under a search: no lost write, no crash, no hang.

VSET_CROWD=2000 is the long form of the crowd that vanishes.
"""

import os
import random
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from resp import Conn, ReplyError, pairs
from servers import eventually, info, settle
from vectors import add, fp32, name, random_vectors, values


CROWD = int(os.environ.get("VSET_CROWD", 500))


def in_threads(clean, *jobs):
    """Runs job(connection) for each, and re-raises what failed."""
    with ThreadPoolExecutor(len(jobs)) as threads:
        list(threads.map(lambda job: job(clean.connect()), jobs))


@pytest.mark.parametrize("options", [["CAS"], []], ids=["cas", "plain"])
def test_many_writers(clean, options):
    if clean.peer and options:
        pytest.xfail("loses the sets of clients that create the key at the same time")
    vectors = random_vectors(2000, 24, seed=1)

    def writer(first):
        def job(conn):
            for i in range(first, 2000, 8):
                assert conn("VADD", "k", "FP32", fp32(vectors[i]), name(i), *options, "SETATTR", '{"i":%d}' % i) == 1

        return job

    in_threads(clean, *(writer(i) for i in range(8)))
    c = clean.connect()
    assert pairs(c("VINFO", "k"))["attributes-count"] == c("VCARD", "k") == 2000
    found = sum(c("VSIM", "k", "FP32", fp32(v), "COUNT", 1) == [name(i)] for i, v in enumerate(vectors[:200]))
    assert found >= 195


@pytest.mark.differs("claims writes that it dropped")
def test_the_same_element_by_many(clean):
    """Exactly one of them is told that it was new."""
    new = []
    c = clean.connect()
    add(c, "k", random_vectors(500, 24, seed=2))

    def job(conn):
        for i in range(200):
            new.append(conn("VADD", "k", *values(*range(24)), f"same{i}", "CAS"))

    in_threads(clean, *[job] * 4)
    assert sum(new) == 200
    assert c("VCARD", "k") == 700


@pytest.mark.differs("lost when the client leaves")
def test_writers_that_leave(clean):
    c = clean.connect()
    add(c, "k", random_vectors(500, 24, seed=3))
    for i in range(100):
        conn = clean.connect()
        conn.send("VADD", "k", *values(*range(i, i + 24)), f"gone{i}", "CAS")
        conn.send("PING")
        conn.file.close()
        conn.socket.close()
        clean.connections.remove(conn)
    eventually(lambda: c("VCARD", "k") == 600)


def test_searchers_that_leave(clean):
    c = clean.connect()
    vectors = random_vectors(3000, 32, seed=4)
    add(c, "k", vectors)
    for i in range(100):
        conn = clean.connect()
        conn.send("VSIM", "k", "FP32", fp32(vectors[i]), "EF", 2000, "COUNT", 500)
        conn.file.close()
        conn.socket.close()
        clean.connections.remove(conn)
        if i % 10 == 0:
            c("VREM", "k", name(i))
    assert c("VSIM", "k", "FP32", fp32(vectors[1]), "COUNT", 1) == [b"e1"]
    assert c("VCARD", "k") == 2990


def test_killed_clients(clean):
    c = clean.connect()
    vectors = random_vectors(3000, 32, seed=5)
    add(c, "k", vectors)
    for i in range(30):
        conn = clean.connect()
        id = conn("CLIENT", "ID")
        conn.send("VSIM", "k", "FP32", fp32(vectors[i]), "EF", 3000, "COUNT", 1000)
        c.pipeline([["CLIENT", "KILL", "ID", id]])
    assert c("VCARD", "k") == 3000


@pytest.mark.timeout(900 + CROWD / 5)
@pytest.mark.differs("not its subject")
def test_a_crowd_that_vanishes(launch):
    """All ask for much at once; none reads. Some hang up, some reset, some are killed: what they took comes back."""
    c = launch(("maxclients", 2 * CROWD + 100)).connect()
    port = c.socket.getpeername()[1]
    vectors = random_vectors(5000, 32, seed=10)
    add(c, "k", vectors, attributes=lambda i: '{"i":%d}' % i)

    def crowd(n):
        clients = [Conn(port) for _ in range(n)]
        for i, conn in enumerate(clients):
            query = ["VSIM", "k", "FP32", fp32(vectors[i]), "COUNT", 5000, "EF", 5000, "WITHSCORES", "WITHATTRIBS"]
            conn.send(*query, *(["FILTER", f".i > {i}"] if i % 2 else []))
            conn.send("VREMBYFILTER", "k", f".i == {4000 + i % 500}")
            conn.send("VADD", "k", "FP32", fp32(vectors[i]), name(i), "CAS")
        for i, conn in enumerate(clients):
            if i % 3 == 0:  # RST instead of FIN
                conn.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if i % 3 < 2:
                conn.close()
        c("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        for conn in clients[2::3]:
            conn.close()
        clients_left = lambda: [int(info(c, "clients")[x]) for x in ("connected_clients", "blocked_clients")]  # noqa: E731
        eventually(lambda: clients_left() == [1, 0])
        eventually(lambda: pairs(c("VINFO", "k"))["pending"] == 0)
        return int(info(c, "memory")["used_memory"])

    first = min(crowd(CROWD // 4) for _ in range(2))  # buffers grow to their size
    later = [crowd(CROWD)]
    eventually(lambda: later.append(int(info(c, "memory")["used_memory"])) or min(later) < first + (1 << 20))
    print(f"used memory {first} -> {min(later)}")
    assert c("VCHECK", "k") == "OK"
    assert c("VSIM", "k", "FP32", fp32(vectors[4700]), "COUNT", 1) == [b"e4700"]


VANISH = {
    "DEL": lambda c: c("DEL", "k"),
    "UNLINK": lambda c: c("UNLINK", "k"),
    "FLUSHALL": lambda c: c("FLUSHALL"),
    "FLUSHALL ASYNC": lambda c: c("FLUSHALL", "ASYNC"),
    "SET": lambda c: c("SET", "k", "x"),
    "RENAME": lambda c: c("RENAME", "other", "k"),
    "SWAPDB": lambda c: c("SWAPDB", 0, 1),
    "expiry": lambda c: c("PEXPIRE", "k", 1),
    "DEBUG RELOAD": lambda c: c("DEBUG", "RELOAD"),
    "VREM": lambda c: c.pipeline(["VREM", "k", name(i)] for i in range(1500)),
}


@pytest.mark.parametrize("how", VANISH)
def test_the_key_vanishes_under_searches(clean, how):
    """Each reply is about the set as it was, or about what is there now; never a crash or a hang."""
    c = clean.connect()
    vectors = random_vectors(1500, 32, seed=6)
    for round in range(3):
        c("FLUSHALL")
        add(c, "k", vectors, "EF", 30)
        c("VADD", "other", *values(*range(32)), "x")
        clients = [clean.connect() for _ in range(16)]
        for i, conn in enumerate(clients):
            conn.send("VSIM", "k", "FP32", fp32(vectors[i]), "EF", 1500, "COUNT", 100)
            conn.send("VADD", "k", "FP32", fp32(vectors[i]), f"new{i}", "CAS")
        VANISH[how](c)
        for conn in clients:
            for _ in range(2):
                try:
                    reply = conn.read()
                    assert isinstance(reply, (list, int))
                except ReplyError as e:
                    assert str(e).startswith(("WRONGTYPE", "ERR Vector dimension", "UNBLOCKED", "ERR asked"))
    assert c("PING") == "PONG"


def test_everything_at_once(clean):
    vectors = random_vectors(400, 16, seed=7)
    setup = clean.connect()
    add(setup, "k", vectors, attributes=lambda i: '{"i":%d}' % i)

    def job(seed):
        def run(conn):
            rng = random.Random(seed)
            for _ in range(400):
                e, v = name(rng.randrange(400)), fp32(vectors[rng.randrange(400)])
                conn(
                    *rng.choice(
                        [
                            ["VADD", "k", "FP32", v, e],
                            ["VADD", "k", "FP32", v, e, "CAS", "SETATTR", '{"i":1}'],
                            ["VREM", "k", e],
                            ["VSETATTR", "k", e, '{"i":2}'],
                            ["VSIM", "k", "FP32", v, "COUNT", 50, "WITHSCORES", "WITHATTRIBS"],
                            ["VSIM", "k", "FP32", v, "FILTER", ".i > 100", "EF", 400],
                            ["VSIM", "k", "FP32", v, "TRUTH"],
                            ["VLINKS", "k", e],
                            ["VEMB", "k", e],
                            ["VRANDMEMBER", "k", 5],
                            ["VINFO", "k"],
                            ["DUMP", "k"],
                        ]
                    )
                )

        return run

    in_threads(clean, *(job(seed) for seed in range(6)))
    names = setup("VRANDMEMBER", "k", 1000)
    assert len(names) == setup("VCARD", "k")
    assert set(setup("VSIM", "k", "FP32", fp32(vectors[0]), "COUNT", 1000, "TRUTH")) == set(names)
    settle(setup)
    for n in names:
        for level in setup("VLINKS", "k", n):
            assert set(level) <= set(names)


def test_a_removed_element_is_not_named_again(clean):
    c = clean.connect()
    vectors = random_vectors(1000, 16, seed=8)
    add(c, "k", vectors)
    for i in range(0, 1000, 7):
        assert c.pipeline([["VREM", "k", name(i)], ["VSIM", "k", "FP32", fp32(vectors[i])]])[1].count(name(i)) == 0


def test_an_added_element_is_found_at_once(clean):
    c = clean.connect()
    for i, v in enumerate(random_vectors(1000, 16, seed=9)):
        assert c.pipeline([["VADD", "k", "FP32", fp32(v), name(i)], ["VSIM", "k", "FP32", fp32(v), "COUNT", 1]])[1] == [name(i)]
