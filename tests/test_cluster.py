"""Clusters: keys find their server, slots move with their sets, a replica takes over without a loss."""

import time

import pytest

from cluster import Cluster
from resp import ReplyError, error, pairs
from servers import eventually, in_sync, selected
from vectors import fp32, name, random_vectors

KINDS = [kind for kind in selected() if kind in ("redis70", "valkey91")]
KEYS = [b"set:%d" % i for i in range(12)]
FORMS = [["Q8"], ["NOQUANT"], ["BIN"], ["METRIC", "L2", "EX", 100_000], ["NOQUANT", "METRIC", "IP"]]


@pytest.fixture(scope="module", params=KINDS)
def cluster(request):
    cluster = Cluster(request.param, masters=3, replicas=1)
    yield cluster
    cluster.remove()


@pytest.fixture
def filled(cluster):
    """Twelve sets of 200, spread over the masters; and the digest of each."""
    for server in cluster.masters:
        cluster.at(server)("FLUSHALL")
    vectors = random_vectors(200, 16, seed=6)
    for key in KEYS:
        owner, _ = cluster.owner(key)
        commands = [("VADD", key, "FP32", fp32(v), name(j), *option(key), "SETATTR", '{"j":%d}' % j) for j, v in enumerate(vectors)]
        assert cluster.at(owner).pipeline(commands) == [1] * len(vectors)
    assert len({cluster.owner(key)[0].port for key in KEYS}) == 3
    return {key: digest(cluster, key) for key in KEYS}


def digest(cluster, key):
    owner, _ = cluster.owner(key)
    return cluster.at(owner)("DEBUG", "DIGEST-VALUE", key)


def test_keys_route(cluster, filled):
    for key in KEYS:
        owner, slot = cluster.owner(key)
        other = next(s for s in cluster.masters if s is not owner)
        for command in [("VCARD", key), ("VSIM", key, "ELE", name(1)), ("VADD", key, "VALUES", 1, 1, "x"), ("VRANGE", key, "-", "+")]:
            with error(f"MOVED {slot} 127.0.0.1:{owner.port}"):
                cluster.at(other)(*command)
        assert cluster.run("VCARD", key) == 200
        assert name(7) in cluster.run("VSIM", key, "ELE", name(7), "EF", 200, "COUNT", 20)


def test_a_slot_moves_with_its_set(cluster, filled):
    key = KEYS[0]
    source, slot = cluster.owner(key)
    target = next(s for s in cluster.masters if s is not source)
    s, t = cluster.at(source), cluster.at(target)
    t("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id(source))
    s("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id(target))
    assert cluster.run("VCARD", key) == 200  # still there
    assert s("MIGRATE", "127.0.0.1", target.port, key, 0, 60_000) == "OK"
    with error(f"ASK {slot} 127.0.0.1:{target.port}"):
        s("VCARD", key)
    assert cluster.run("VADD", key, "FP32", fp32(random_vectors(1, 16, seed=7)[0]), "between") == 1
    assert cluster.run("VREM", key, "between") == 1
    for conn in (t, s, *(cluster.at(m) for m in cluster.masters)):
        conn("CLUSTER", "SETSLOT", slot, "NODE", cluster.id(target))
    eventually(lambda: cluster.owner(key)[0] is target)
    assert digest(cluster, key) == filled[key]
    assert t("VCHECK", key)


def test_slots_move_as_one(cluster, filled):
    """CLUSTER MIGRATESLOTS of Valkey 9 streams a slot with writes going on; it asks modules whether they can."""
    target, replica = cluster.masters[0], cluster.replicas[0]
    key = next(key for key in KEYS if cluster.owner(key)[0] is not target)
    source, slot = cluster.owner(key)
    s, t = cluster.at(source), cluster.at(target)
    if cluster.servers[0].version < (9, 0):
        with error("ERR", prefix=True):
            s("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", cluster.id(target))
        return
    large = b"{%s}:large" % key  # comes in more than one piece
    vectors = random_vectors(600, 8000, seed=9)
    assert s.pipeline(("VADD", large, "FP32", fp32(v), name(i), "NOQUANT") for i, v in enumerate(vectors)) == [1] * 600
    before = digest(cluster, large)
    timed = b"{%s}:timed" % key  # elements expire after they have moved
    s.pipeline(("VADD", timed, "FP32", fp32(v), name(i)) for i, v in enumerate(random_vectors(10, 8, seed=10)))
    at = int(time.time() * 1000) + 1_000_000
    assert s("VPEXPIREAT", timed, at, "ELEMENTS", 2, "e0", "e1") == [1, 1]
    assert s("VEXPIRE", timed, 3, "ELEMENTS", 1, "e2") == [1]
    assert s("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", cluster.id(target)) == "OK"
    written = 0
    while (state := migration(s)) != b"success":
        assert state not in (b"failed", b"cancelled"), s("CLUSTER", "GETSLOTMIGRATIONS")
        try:
            vector = fp32(random_vectors(1, 16, seed=written)[0])
            cluster.run("VADD", key, "FP32", vector, "new%d" % written, *option(key))
            written += 1
        except ReplyError as refused:
            assert str(refused).startswith(("MOVED", "TRYAGAIN", "CLUSTERDOWN")), refused
    eventually(lambda: cluster.owner(key)[0] is target)
    assert t("VCARD", key) == 200 + written
    assert digest(cluster, large) == before
    assert t("VPEXPIRETIME", timed, "ELEMENTS", 3, "e0", "e1", "e3") == [at, at, -1]
    eventually(lambda: t("VCARD", timed) == 9 and "expiring" in pairs(t("VINFO", timed)))
    eventually(lambda: pairs(t("VINFO", timed))["expiring"] == 2)
    t("DEL", timed)
    for i in range(written):
        assert t("VREM", key, "new%d" % i) == 1
    assert digest(cluster, key) == filled[key]
    assert t("VCHECK", key) and t("VCHECK", large)
    in_sync(target, replica)
    r = cluster.at(replica)
    assert r("DEBUG", "DIGEST-VALUE", key, large) == filled[key] + before
    t("DEL", large)


def migration(conn):
    """State of the last migration of slots."""
    job = conn("CLUSTER", "GETSLOTMIGRATIONS")[0]
    return dict(zip(job[::2], job[1::2]))[b"state"]


def option(key):
    return FORMS[KEYS.index(key) % len(FORMS)]


@pytest.mark.parametrize("how", ["asked", "on its own"])
def test_a_replica_takes_over(cluster, filled, how):
    master, replica = cluster.masters[0], cluster.replicas[0]
    mine = [key for key in KEYS if cluster.owner(key)[0] is master]
    assert mine
    cluster.await_replica(replica, master)
    if how == "asked":
        cluster.take_over(replica)
    else:
        cluster.kill(master, replica)
    cluster.masters[0], cluster.replicas[0] = replica, master
    eventually(lambda: cluster.owner(mine[0])[0] is replica)
    for key in mine:
        assert digest(cluster, key) == filled[key]
        assert cluster.run("VADD", key, "FP32", fp32(random_vectors(1, 16, seed=8)[0]), "after", *option(key)) == 1
        assert cluster.run("VREM", key, "after") == 1
    if not master.alive():
        master.start()
