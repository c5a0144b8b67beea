"""A replica holds what its master holds.

VSET_REPLICATION_WRITES=100000 is the long form; VSET_SEED repeats a run.
"""

import os
import random
import threading

import pytest

from resp import Conn, error, floats
from seeds import new_seed
from servers import UNDER_TEST, Server, eventually, in_sync, info
from vectors import fp32, name, random_vectors, values

WRITES = int(os.environ.get("VSET_REPLICATION_WRITES", 3000))
SEED = new_seed()
KEYS = {"q8": [], "f32": ["NOQUANT", "M", 5], "bin": ["BIN"], "reduce": []}


@pytest.fixture
def couple(replicated):
    master, replica = replicated()
    return master, replica


def digest(server, *keys):
    return server.connect()("DEBUG", "DIGEST-VALUE", *keys)


def stream(conn, n, seed, cas=0.3, updates=True):
    """Adds, updates, attributes and removals, a part of them with CAS."""
    import random

    rng = random.Random(seed)
    vectors = random_vectors(n, 12, seed=seed)
    for i, v in enumerate(vectors):
        element = name(rng.randrange(n // 3) if updates else i)
        options = ["CAS"] * (rng.random() < cas) + (["SETATTR", '{"i":%d}' % i] if rng.random() < 0.3 else [])
        what = rng.random()
        if what < 0.75:
            conn("VADD", "k", "FP32", fp32(v), element, *options, "EF", rng.choice([20, 200]))
        elif what < 0.9:
            conn("VSETATTR", "k", element, rng.choice(["", "x", '{"y":1}']))
        else:
            conn("VREM", "k", element)


@pytest.mark.differs("updates are not sent")
def test_updates_reach_the_replica(couple):
    master, replica = couple
    c = master.connect()
    c("VADD", "k", *values(1, 0), "e")
    c("VADD", "k", *values(0, 1), "e", "SETATTR", "{}")
    in_sync(master, replica)
    r = replica.connect()
    assert floats(r("VEMB", "k", "e")) == [0, 1]
    assert r("VGETATTR", "k", "e") == b"{}"


@pytest.mark.parametrize("updates", [False, True], ids=["adds", "updates"])
def test_digests_agree(couple, server, updates):
    if server.peer and updates:
        pytest.xfail("updates are not sent")
    master, replica = couple
    c = master.connect()
    stream(c, 900, seed=1, updates=updates)
    in_sync(master, replica)
    assert digest(master, "k") == digest(replica, "k")
    r = replica.connect()
    assert r("VCARD", "k") == c("VCARD", "k")
    assert sorted(r("VRANDMEMBER", "k", 1000)) == sorted(c("VRANDMEMBER", "k", 1000))
    for q in random_vectors(10, 12, seed=2):
        ours, theirs = (x("VSIM", "k", "FP32", fp32(q), "TRUTH", "WITHSCORES") for x in (c, r))
        assert dict(zip(ours[::2], ours[1::2])) == dict(zip(theirs[::2], theirs[1::2]))


def test_full_synchronisation_and_promotion(launch):
    """A replica that comes later gets the set as a file; as a master it goes on with it."""
    master, replica = launch(), launch()
    c = master.connect()
    stream(c, 600, seed=3)
    replica.replicate(master)
    assert digest(master, "k") == digest(replica, "k")
    r = replica.connect()
    r("REPLICAOF", "NO", "ONE")
    assert r("VADD", "k", *values(*range(12)), "new") == 1
    assert r("VSIM", "k", *values(*range(12)), "COUNT", 1) == [b"new"]


def test_adding_during_full_synchronisation(launch):
    master, replica = launch(), launch()
    c = master.connect()
    stream(c, 900, seed=4, updates=False)
    replica.connect()("REPLICAOF", "127.0.0.1", master.port)
    for i, v in enumerate(random_vectors(500, 12, seed=5)):
        c("VADD", "k", "FP32", fp32(v), f"during{i}", "CAS")
    eventually(lambda: info(replica.connect(), "replication")["master_link_status"] == "up")
    in_sync(master, replica)
    assert digest(master, "k") == digest(replica, "k")


def test_projected_sets_agree(couple):
    master, replica = couple
    c = master.connect()
    for i, v in enumerate(random_vectors(50, 12, seed=6)):
        c("VADD", "k", "REDUCE", 5, "FP32", fp32(v), name(i))
    in_sync(master, replica)
    r = replica.connect()
    assert digest(master, "k") == digest(replica, "k")
    assert r("VDIM", "k") == 5


def test_scripts_and_transactions(couple):
    master, replica = couple
    c = master.connect()
    c("MULTI")
    for i in range(5):
        c("VADD", "k", *values(1, i), f"t{i}", "CAS")
    c("VREM", "k", "t0")
    c("EXEC")
    c("EVAL", "for i = 1, 5 do redis.call('VADD', KEYS[1], 'VALUES', 2, i, 1, 's' .. i, 'CAS') end", 1, "k")
    in_sync(master, replica)
    assert replica.connect()("VCARD", "k") == 9
    assert digest(master, "k") == digest(replica, "k")


def test_replica_refuses_writes(couple):
    master, replica = couple
    master.connect()("VADD", "k", *values(1, 0), "e")
    in_sync(master, replica)
    r = replica.connect()
    for write in (["VADD", "k", *values(1, 1), "f"], ["VREM", "k", "e"], ["VSETATTR", "k", "e", "x"]):
        with error("READONLY You can't write against a read only replica."):
            r(*write)
    assert r("VSIM", "k", "ELE", "e") == [b"e"]
    assert r("VCARD", "k") == 1


def test_last_removal(couple):
    master, replica = couple
    c = master.connect()
    c("VADD", "k", *values(1, 0), "e")
    c("VREM", "k", "e")
    in_sync(master, replica)
    assert replica.connect()("EXISTS", "k") == 0


def random_writes(n, seed):
    """Every command that writes, to sets of all kinds; now and then one loses most of its elements, or all."""
    rng = random.Random(seed)
    vectors = random_vectors(1000, 12, seed)
    for _ in range(n):
        key = rng.choice(list(KEYS))
        e, what, v = name(rng.randrange(500)), rng.random(), fp32(rng.choice(vectors))
        if what < 0.65:
            options = KEYS[key] + rng.choice([[], [], ["CAS"], ["EF", 50]]) + rng.choice([[], ["SETATTR", '{"n":%d}' % rng.randrange(100)]])
            yield ["VADD", key, *(["REDUCE", 5] if key == "reduce" else []), "FP32", v, e, *options]
        elif what < 0.8:
            yield ["VSETATTR", key, e, rng.choice(["", "no JSON", '{"n":%d}' % rng.randrange(100)])]
        elif what < 0.995:
            yield ["VREM", key, e]
        elif what < 0.998:
            yield ["VREMBYFILTER", key, ".n %% 10 == %d" % rng.randrange(10)]
        else:
            yield rng.choice([["DEL", key], ["COPY", key, key + "-copy", "REPLACE"], ["RENAME", key + "-copy", key + "-moved"]])


def write(conn, n=WRITES, seed=SEED):
    print(f"{n} writes, seed {seed}")
    for reply in conn.pipeline(random_writes(n, seed)):
        assert isinstance(reply, (int, str)) or str(reply) == "ERR no such key", reply


def check_equal(master, *replicas):
    """The same keys with the same content, and sound graphs."""
    c = master.connect()
    keys = sorted(c("KEYS", "*"))
    assert len(keys) >= len(KEYS)
    for replica in replicas:
        in_sync(master, replica)
        r = replica.connect()
        assert sorted(r("KEYS", "*")) == keys
        assert r("DEBUG", "DIGEST-VALUE", *keys) == c("DEBUG", "DIGEST-VALUE", *keys)
        for key in keys:
            assert r("VCHECK", key) == c("VCHECK", key) == "OK"


@pytest.mark.timeout(900 + WRITES / 100)
@pytest.mark.differs("updates are not sent")
def test_random_writes_along_a_chain(launch):
    """Master, replica, and the replica's replica."""
    first, second, third = launch(), launch(), launch()
    second.replicate(first)
    third.replicate(second)
    write(first.connect())
    in_sync(first, second)
    check_equal(first, second, third)


@pytest.mark.timeout(900 + WRITES / 100)
@pytest.mark.differs("updates are not sent")
def test_links_that_break(launch):
    """Under load: a first synchronisation, a broken link that is mended in part, and one that needs a full one."""
    master, replica = launch(("repl-backlog-size", "64mb")), launch()
    c, r = master.connect(), replica.connect()
    write(c, 1000, SEED)
    failures = []

    def load():
        conn = Conn(master.port)
        try:
            write(conn, WRITES, SEED + 1)
        except BaseException as e:
            failures.append(e)
        finally:
            conn.close()

    up = lambda: info(r, "replication")["master_link_status"] == "up"  # noqa: E731
    full = lambda: int(info(c, "stats")["sync_full"])  # noqa: E731
    thread = threading.Thread(target=load)
    thread.start()
    r("REPLICAOF", "127.0.0.1", master.port)
    eventually(up)
    assert full() == 1
    partial = int(info(c, "stats")["sync_partial_ok"])
    assert c("CLIENT", "KILL", "TYPE", "replica") == 1
    eventually(lambda: int(info(c, "stats")["sync_partial_ok"]) == partial + 1 and up())
    assert full() == 1
    r("REPLICAOF", "NO", "ONE")
    r("FLUSHALL")
    r("VADD", "astray", *values(1, 2), "e")
    r("REPLICAOF", "127.0.0.1", master.port)
    eventually(lambda: full() == 2 and up())
    thread.join()
    assert not failures, failures
    check_equal(master, replica)


@pytest.mark.differs("updates are not sent")
def test_failover(launch):
    """The replica takes over and goes on; the former master follows it."""
    former, heir = launch(), launch()
    heir.replicate(former)
    write(former.connect(), 1500, SEED)
    in_sync(former, heir)
    heir.connect()("REPLICAOF", "NO", "ONE")
    write(heir.connect(), 1500, SEED + 1)
    former.replicate(heir)
    write(heir.connect(), 500, SEED + 2)
    check_equal(heir, former)


# A replica may be newer than its master, as in an upgrade without an interruption.
NEWER = {"redis62": "redis70", "redis70": "valkey81" if "valkey81" in UNDER_TEST else "valkey91", "valkey81": "valkey91"}


@pytest.mark.differs("updates are not sent")
def test_a_newer_replica(launch, server):
    replica = Server(NEWER.get(server.kind, server.kind))
    try:
        master = launch()
        write(master.connect(), 1000, SEED)
        replica.replicate(master)
        write(master.connect(), 1000, SEED + 1)
        check_equal(master, replica)
    finally:
        replica.remove()
