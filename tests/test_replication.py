"""A replica holds what its master holds."""

import pytest

from resp import error, floats
from servers import eventually, in_sync, info
from vectors import fp32, name, random_vectors, values


@pytest.fixture
def couple(launch):
    master, replica = launch(), launch()
    replica.replicate(master)
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


@pytest.mark.differs("D1: updates are not sent")
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
        pytest.xfail("D1: updates are not sent")
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
