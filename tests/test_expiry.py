"""Elements that expire: VEXPIRE and its relatives, VADD's times, removal, replicas and files."""

import time

import pytest

from resp import error, pairs
from servers import background_save, eventually, in_sync, rewrite_aof
from vectors import add, fp32, name, random_vectors, values

pytestmark = pytest.mark.differs("ours beyond Redis 8")


def now():
    return int(time.time() * 1000)


@pytest.fixture
def k(c):
    add(c, "k", random_vectors(5, 4, seed=1), attributes=lambda i: '{"i":%d}' % i)
    return c


def elements(*names):
    return ["ELEMENTS", len(names), *names]


def test_times_and_what_they_tell(k):
    began = now()
    assert k("VEXPIRE", "k", 100, *elements("e0", "e1", "none")) == [1, 1, -2]
    assert k("VPEXPIRE", "k", 200_000, *elements("e2")) == [1]
    at = now() + 500_000
    assert k("VPEXPIREAT", "k", at, *elements("e3")) == [1]
    assert k("VPEXPIRETIME", "k", *elements("e3", "e4", "none")) == [at, -1, -2]
    assert k("VEXPIRETIME", "k", *elements("e3")) == [-(-at // 1000)]
    left = lambda command, *names: zip(k(command, "k", *elements(*names)), [now() - began] * len(names))
    assert all(most - (spent + 999) // 1000 - 1 <= ttl <= most for most, (ttl, spent) in zip([100, 200], left("VTTL", "e0", "e2")))
    assert k("VTTL", "k", *elements("e4", "none")) == [-1, -2]
    assert all(100_000 - spent - 1 <= ttl <= 100_000 for ttl, spent in left("VPTTL", "e0"))
    assert pairs(k("VINFO", "k"))["expiring"] == 4
    assert k("VPERSIST", "k", *elements("e0", "e4", "none")) == [1, -1, -2]
    assert k("VTTL", "k", *elements("e0")) == [-1]
    assert k("VEXPIREAT", "k", at // 1000, *elements("e1")) == [1]
    assert k("VEXPIRETIME", "k", *elements("e1")) == [at // 1000]
    k("VPERSIST", "k", *elements("e1", "e2", "e3"))
    assert "expiring" not in pairs(k("VINFO", "k"))


def test_conditions(k):
    assert k("VEXPIRE", "k", 100, "XX", *elements("e0")) == [0]
    assert k("VEXPIRE", "k", 100, "GT", *elements("e0")) == [0]
    assert k("VEXPIRE", "k", 100, "NX", *elements("e0", "e0")) == [1, 0]
    assert k("VEXPIRE", "k", 50, "gt", *elements("e0")) == [0]
    assert k("VEXPIRE", "k", 200, "GT", *elements("e0")) == [1]
    assert k("VEXPIRE", "k", 300, "LT", *elements("e0", "e1")) == [0, 1]
    assert k("VEXPIRE", "k", 10, "XX", *elements("e0", "e2")) == [1, 0]


def test_a_moment_that_has_come(k):
    assert k("VEXPIRE", "k", 0, *elements("e0", "none")) == [2, -2]
    assert k("VPEXPIREAT", "k", 1, *elements("e1", "e1")) == [2, -2]
    assert k("VCARD", "k") == 3 and k("VCHECK", "k") == "OK"
    assert k("VEXPIRE", "k", 0, *elements("e2", "e3", "e4")) == [2, 2, 2]
    assert k("EXISTS", "k") == 0


def test_missing_and_wrong(c):
    for command in ("VEXPIRE", "VPEXPIRE", "VEXPIREAT", "VPEXPIREAT"):
        assert c(command, "k", 10**9, *elements("a", "b")) == [-2, -2]
        for args, text in [
            (["x", *elements("a")], "ERR value is not an integer or out of range"),
            ([-1, *elements("a")], "ERR invalid expire time"),
            ([2**62, *elements("a")], "ERR invalid expire time"),
            ([1, "WHAT", 1, "a", "b"], "ERR Mandatory keyword ELEMENTS is missing or not at the right position"),
            ([1, "NX", "XX", *elements("a")], "ERR Mandatory keyword ELEMENTS is missing or not at the right position"),
            ([1, "ELEMENTS", 2, "a"], "ERR The `numelements` parameter must match the number of arguments"),
            ([1, "ELEMENTS", 0, "a"], "ERR Number of elements must be a positive integer"),
        ]:
            with error(text):
                c(command, "k", *args)
    for command in ("VTTL", "VPTTL", "VEXPIRETIME", "VPEXPIRETIME", "VPERSIST"):
        assert c(command, "k", *elements("a", "b")) == [-2, -2]
        with error("ERR Number of elements must be a positive integer"):
            c(command, "k", "ELEMENTS", "x", "a")
    c("SET", "s", "x")
    for args in (["VEXPIRE", "s", 1, *elements("a")], ["VTTL", "s", *elements("a")], ["VPERSIST", "s", *elements("a")]):
        with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
            c(*args)


def test_vadd_sets_keeps_and_removes_times(c):
    add_e = lambda *options: c("VADD", "k", *values(1, 2), "e", *options)
    began = now()
    for options, seconds in [(["EX", 100], 100), (["PX", 50_000], 50), (["EXAT", began // 1000 + 70], 70), (["pxat", began + 30_000], 30)]:
        add_e(*options)
        ttl = c("VTTL", "k", *elements("e"))[0]
        assert seconds - (now() - began) // 1000 - 2 <= ttl <= seconds + 1
    add_e("KEEPTTL", "SETATTR", "{}")
    assert c("VTTL", "k", *elements("e"))[0] > 0
    c("VSETATTR", "k", "e", "x")
    assert c("VTTL", "k", *elements("e"))[0] > 0
    add_e()
    assert c("VTTL", "k", *elements("e")) == [-1]
    began = now()
    assert c("VMADD", "k", "EX", 100, "FP32", "f", fp32([1, 2]), "g", fp32([2, 1])) == 2
    assert all(98 - (now() - began) // 1000 <= t <= 100 for t in c("VTTL", "k", *elements("f", "g")))
    for options, text in [
        (["EX", 0], "ERR invalid expire time"),
        (["EX", -1], "ERR invalid expire time"),
        (["PX", "x"], "ERR invalid expire time"),
        (["EX", 2**60], "ERR invalid expire time"),
        (["EX", 1, "PX", 1], "ERR only one of EX, PX, EXAT, PXAT and KEEPTTL may be given"),
        (["EX", 1, "KEEPTTL"], "ERR only one of EX, PX, EXAT, PXAT and KEEPTTL may be given"),
        (["EX"], "ERR invalid option after element"),
    ]:
        with error(text):
            add_e(*options)


def test_hidden_from_its_moment_on(replicated):
    """On a replica, where nothing is removed: it hides what its master has not yet removed."""
    master, replica = replicated()
    c, r = master.connect(), replica.connect()
    add(c, "k", random_vectors(300, 4, seed=2), attributes=lambda i: '{"i":%d}' % i)
    c("VPEXPIRE", "k", 1000, *elements(*[name(i) for i in range(250)]))
    in_sync(master, replica)
    r("VCHECK", "k")
    master.process.send_signal(19)  # stopped: no removal comes
    try:
        eventually(lambda: r("VPTTL", "k", *elements("e0")) == [-2])
        for args, want in [
            (["VCARD", "k"], 50),
            (["VISMEMBER", "k", "e0"], 0),
            (["VEMB", "k", "e0"], None),
            (["VGETATTR", "k", "e0"], None),
            (["VLINKS", "k", "e0"], None),
            (["VCOUNT", "k", ".i < 1000"], 50),
            (["VEXPIRETIME", "k", *elements("e0", "e260")], [-2, -1]),
            (["VRANGE", "k", "[e0", "[e100"], []),
        ]:
            assert r(*args) == want, args
        for args in (["VRANGE", "k", "-", "+"], ["VRANDMEMBER", "k", 300], ["VSIM", "k", *values(1, 2, 3, 4), "COUNT", 300], ["VSIM", "k", *values(1, 2, 3, 4), "COUNT", 300, "FILTER", ".i >= 0"], ["VSIM", "k", *values(1, 2, 3, 4), "COUNT", 50, "TRUTH"]):
            found = r(*args)
            assert len(found) == 50 and all(int(n[1:]) >= 250 for n in found), args
        assert len(r("VSIM", "k", *values(1, 2, 3, 4))) == 10
        assert len(r("VRANDMEMBER", "k", -20)) == 20 and int(r("VRANDMEMBER", "k")[1:]) >= 250
        with error("ERR element not found in set"):
            r("VSIM", "k", "ELE", "e0")
        for level in r("VLINKS", "k", "e260"):
            assert all(int(n[1:]) >= 250 for n in level)
        assert pairs(r("VINFO", "k"))["size"] == 50
    finally:
        master.process.send_signal(18)
    eventually(lambda: c("VCARD", "k") == 50 and "expiring" not in pairs(c("VINFO", "k")))
    in_sync(master, replica)
    assert "expiring" not in pairs(r("VINFO", "k"))
    assert r("DEBUG", "DIGEST-VALUE", "k") == c("DEBUG", "DIGEST-VALUE", "k")


def test_removed_soon(c, clean):
    add(c, "k", random_vectors(3000, 8, seed=3))
    c("VADD", "only", *values(1, 2), "e", "PX", 300)
    moment = now() + 3000
    assert c("VPEXPIREAT", "k", moment, *elements(*[name(i) for i in range(1000)])) == [1] * 1000
    eventually(lambda: now() > moment)
    assert c("VCARD", "k") == 2000
    eventually(lambda: "expiring" not in pairs(c("VINFO", "k")))
    eventually(lambda: c("EXISTS", "only") == 0)
    assert c("VCARD", "k") == 2000 and c("VCHECK", "k") == "OK"


def test_events(c, clean):
    c("CONFIG", "SET", "notify-keyspace-events", "KEA")
    listener = clean.connect()
    listener("PSUBSCRIBE", "__keyevent@0__:*")
    c("VADD", "k", *values(1, 2), "b")
    c("VADD", "k", *values(1, 2), "a", "PX", 50)
    events = []
    while b"vexpired" not in events:
        events.append(listener.read()[2].split(b":")[1])
    c("VPEXPIRE", "k", 50, *elements("b"))
    while b"del" not in events:
        events.append(listener.read()[2].split(b":")[1])
    assert events.count(b"vexpired") == 2 and events[-1] == b"del"
    c("CONFIG", "SET", "notify-keyspace-events", "")


def test_moved_keys_are_found(c):
    def fresh(key):
        c("VADD", key, *values(1, 2), "a", "PX", 400)
        c("VADD", key, *values(1, 2), "b")

    for key in ("renamed", "copied", "moved", "restored", "swapped"):
        fresh(key)
    c("RENAME", "renamed", "renamed2")
    c("COPY", "copied", "copied2")
    c("MOVE", "moved", 3)
    dump = c("DUMP", "restored")
    c("RESTORE", "restored", 0, dump, "REPLACE")
    c("SELECT", 5)
    fresh("other")
    c("SWAPDB", 5, 6)
    gone = lambda key: "expiring" not in pairs(c("VINFO", key)) and c("VCARD", key) == 1
    c("SELECT", 6)
    eventually(lambda: gone("other"))
    c("SELECT", 3)
    eventually(lambda: gone("moved"))
    c("SELECT", 0)
    for key in ("renamed2", "copied", "copied2", "restored", "swapped"):
        eventually(lambda: gone(key))


def test_a_write_meets_an_element_whose_time_has_come(c):
    c("VADD", "k", *values(1, 2), "keep")
    c("MULTI")
    # Within a transaction nothing is removed by itself.
    c("VADD", "k", *values(1, 2), "e", "PXAT", 1, "SETATTR", "old")
    c("VISMEMBER", "k", "e")
    c("VREM", "k", "e")
    c("VSETATTR", "k", "e", "x")
    c("VADD", "k", *values(3, 4), "e", "XX")
    c("VADD", "k", *values(3, 4), "e", "NX")
    c("VGETATTR", "k", "e")
    c("VTTL", "k", *elements("e"))
    assert c("EXEC") == [1, 0, 0, 0, 0, 1, None, [-1]]
    assert c("VCHECK", "k") == "OK"


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_files(launch, preamble):
    server = launch(("appendonly", "yes"), ("aof-use-rdb-preamble", preamble))
    c = server.connect()
    add(c, "k", random_vectors(20, 4, seed=4))
    at = now() + 1_000_000
    c("VPEXPIREAT", "k", at, *elements("e0", "e1"))
    c("VADD", "k", *values(1, 2, 3, 4), "e2", "PXAT", at)
    c("VPEXPIRE", "k", 1500, *elements("e5"))
    c("VEXPIRE", "k", 0, *elements("e6"))
    times = lambda: c("VPEXPIRETIME", "k", *elements("e0", "e1", "e2", "e3", "e6"))
    want = [at, at, at, -1, -2]
    assert times() == want
    server.restart(kill=True)
    c = server.connect()
    assert times() == want
    rewrite_aof(c)
    digest = c("DEBUG", "DIGEST-VALUE", "k")
    server.restart(kill=True)
    c = server.connect()
    assert times() == want
    eventually(lambda: pairs(c("VINFO", "k"))["expiring"] == 3)
    assert c("VCARD", "k") == 18
    c("CONFIG", "SET", "appendonly", "no")
    c("VPEXPIRE", "k", 700, *elements("e7"))
    background_save(c)
    dump = c("DUMP", "k")
    c("RESTORE", "copy", 0, dump)
    assert c("VPEXPIRETIME", "copy", *elements("e0", "e3")) == [at, -1]
    eventually(lambda: c("VCARD", "copy") == 17 and pairs(c("VINFO", "copy"))["expiring"] == 3)
    assert c("VCHECK", "copy") == "OK"


def test_replicas_hold_the_same_times(launch):
    master, replica = launch(), launch()
    c = master.connect()
    add(c, "k", random_vectors(20, 4, seed=5))
    c("VEXPIRE", "k", 1000, *elements("e0", "e1"))
    replica.replicate(master)
    c("VEXPIRE", "k", 2000, "GT", *elements("e0", "e2"))
    c("VEXPIRE", "k", 0, *elements("e3"))
    c("VPERSIST", "k", *elements("e1"))
    c("VADD", "k", *values(1, 2, 3, 4), "e4", "EX", 500)
    c("VADD", "k", *values(4, 2, 3, 4), "e4", "KEEPTTL")
    c("VMADD", "k", "PX", 90_000, "FP32", "e5", fp32([1, 2, 3, 4]))
    in_sync(master, replica)
    r = replica.connect()
    every = elements(*[name(i) for i in range(7)])
    assert r("VPEXPIRETIME", "k", *every) == c("VPEXPIRETIME", "k", *every)
    assert r("DEBUG", "DIGEST-VALUE", "k") == c("DEBUG", "DIGEST-VALUE", "k")
