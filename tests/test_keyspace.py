"""The key as the server sees it: events, COPY, memory, expiry, digest."""

import pytest

from resp import error, floats
from servers import eventually, in_sync, info
from vectors import add, fp32, name, random_vectors, values


@pytest.fixture
def k(c):
    """The key k holds 100 elements."""
    add(c, "k", random_vectors(100, 10, seed=1), attributes=lambda i: '{"i":%d}' % i)
    return c


def test_type(k):
    assert k("TYPE", "k") == "vectorset"
    assert k("OBJECT", "ENCODING", "k") == b"raw"
    k("SET", "s", "x")
    assert k("SCAN", 0, "TYPE", "vectorset", "COUNT", 100) == [b"0", [b"k"]]


def test_idle_time(k):
    k("RESTORE", "old", 0, k("DUMP", "k"), "IDLETIME", 1000)
    assert 1000 <= k("OBJECT", "IDLETIME", "old") < 1100
    assert k("VCARD", "old") == 100
    assert k("OBJECT", "IDLETIME", "old") < 100


def test_frequency_of_use(k):
    k("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    try:
        k("RESTORE", "often", 0, k("DUMP", "k"), "FREQ", 100)
        assert k("OBJECT", "FREQ", "often") in (99, 100)  # one less with each minute that begins
        for _ in range(100):
            k("VISMEMBER", "k", "e0")
        assert 5 < k("OBJECT", "FREQ", "k") < 100
    finally:
        k("CONFIG", "SET", "maxmemory-policy", "noeviction")


def test_eviction(launch):
    """Of sets that are too many some go, with all of their memory."""
    # Not lazily: the server evicts everything while the thread that frees is not at its turn.
    s = launch(("maxmemory-policy", "allkeys-lru"), ("lazyfree-lazy-eviction", "no"))
    c = s.connect()
    limit = int(info(c, "memory")["used_memory"]) + (8 << 20)
    c("CONFIG", "SET", "maxmemory", limit)
    vectors = random_vectors(100, 64, seed=9)
    for i in range(400):
        add(c, f"k{i}", vectors, "EF", 10)
    assert int(info(c, "stats")["evicted_keys"]) > 100
    assert 50 < c("DBSIZE") < 400
    assert c("VCARD", "k399") == 100
    eventually(lambda: int(info(c, "memory")["used_memory"]) < limit * 1.1)


def test_commands_of_other_types(k):
    for args in (["GET", "k"], ["ZADD", "k", 1, "x"], ["APPEND", "k", "x"]):
        with error("WRONGTYPE Operation against a key holding the wrong kind of value"):
            k(*args)
    assert k("SET", "k", "x") == "OK"
    assert k("GET", "k") == b"x"


def searchable(c, key="k"):
    assert c("VCARD", key) == 100
    assert c("VSIM", key, "ELE", "e7", "COUNT", 1, "WITHATTRIBS") == [b"e7", b'{"i":7}']


def test_rename_move_swap(k):
    k("RENAME", "k", "k2")
    searchable(k, "k2")
    k("VADD", "victim", *values(1), "x")
    k("RENAME", "k2", "victim")
    searchable(k, "victim")
    assert k("MOVE", "victim", 1) == 1
    assert k("EXISTS", "victim") == 0
    k("SWAPDB", 0, 1)
    searchable(k, "victim")


@pytest.mark.parametrize("command", ["DEL", "UNLINK"])
def test_deletion(k, command):
    assert k(command, "k", "none") == 1
    assert k("EXISTS", "k") == 0
    assert k("VADD", "k", *values(1, 2, 3), "e") == 1


def test_expiry(k):
    assert k("PEXPIRE", "k", 50) == 1
    eventually(lambda: k("EXISTS", "k") == 0)
    assert k("VSIM", "k", *values(*range(10))) == []
    assert k("VADD", "k", *values(1), "e", "BIN") == 1


def test_vadd_keeps_the_time_to_live(k):
    k("EXPIRE", "k", 1000)
    k("VADD", "k", *values(*range(10)), "new")
    k("VREM", "k", "e0")
    assert 900 < k("TTL", "k") <= 1000


@pytest.mark.differs("no COPY")
@pytest.mark.parametrize("quant", ["NOQUANT", "Q8", "BIN"])
def test_copy(c, quant):
    add(c, "k", random_vectors(100, 10, seed=1), quant, "M", 8, prefix=["REDUCE", 6], attributes=lambda i: '{"i":%d}' % i)
    assert c("COPY", "k", "copy") == 1
    assert c("COPY", "k", "copy") == 0
    assert c("DEBUG", "DIGEST-VALUE", "k") == c("DEBUG", "DIGEST-VALUE", "copy")
    c("VREM", "copy", "e1")
    c("VSETATTR", "copy", "e2", "changed")
    assert c("VADD", "copy", "REDUCE", 6, *values(*range(10)), "e3", quant, "M", 8) == 0
    assert c("VCARD", "k") == 100
    assert c("VGETATTR", "k", "e2") == b'{"i":2}'
    assert c("COPY", "k", "k", "DB", 3) == 1
    c("DEL", "k")
    c("SELECT", 3)
    searchable(c)


def test_a_copy_to_another_database_leaves_its_client_where_it_is(launch):
    """Also where the server lends its client to modules that listen to keys (Valkey 8)."""
    s = launch(("appendonly", "yes"), ("aof-use-rdb-preamble", "no"))
    replica = launch()
    replica.replicate(s)
    c = s.connect()
    c("FT.CREATE", "i", "SCHEMA", "t", "TAG")
    c("HSET", "h", "t", "x")
    assert c("COPY", "h", "h", "DB", 3) == 1
    c("SET", "after a copy", 1)
    c("MOVE", "h", 5)
    c("SET", "after a move", 1)
    c("HSET", "h", "t", "x")
    c("MULTI")
    c("COPY", "h", "h", "DB", 4)
    c("SET", "in a transaction", 1)
    c("EXEC")
    c("MULTI")
    c("SELECT", 3)
    c("DISCARD")
    c("DEL", "gone")
    c("MULTI")
    c("COPY", "h", "i", "DB", 4)
    c("SET", "in another transaction", 1)
    c("EXEC")
    c("EVAL", "redis.call('COPY', 'h', 'h', 'DB', 6); redis.call('SET', 'in a script', 1)", 0)
    c("EVAL", "redis.call('SELECT', 2); redis.call('SET', 'a', 1); redis.call('COPY', 'a', 'b', 'DB', 7); redis.call('SET', 'c', 1)", 0)
    c("SET", "at the end", 1)

    def keys(conn):
        found = []
        for database in range(8):
            conn("SELECT", database)
            found.append(sorted(conn("KEYS", "*")))
        conn("SELECT", 0)
        return found

    here = sorted([b"after a copy", b"after a move", b"h", b"in a transaction", b"in another transaction", b"in a script", b"at the end"])
    expected = [here, [], [b"a", b"c"], [b"h"], [b"h", b"i"], [b"h"], [b"h"], [b"b"]]
    assert keys(c) == expected
    in_sync(s, replica)
    assert keys(replica.connect()) == expected
    s.restart()
    assert keys(s.connect()) == expected


def test_memory_usage_grows(c, server):
    sizes = []
    for n in range(0, 400, 100):
        add(c, "k", random_vectors(100, 50, seed=n), first=n)
        sizes.append(c("MEMORY", "USAGE", "k", "SAMPLES", 0))
    assert sizes == sorted(set(sizes)) and sizes[0] > 100 * 50
    for i in range(400):
        c("VSETATTR", "k", name(i), '{"text":"%s"}' % ("x" * 200))
    assert c("MEMORY", "USAGE", "k", "SAMPLES", 0) > sizes[-1] + 400 * 100
    add(c, "f32", random_vectors(100, 50, seed=0), "NOQUANT")
    assert c("MEMORY", "USAGE", "f32") > sizes[0]


def test_memory_comes_back(c, server):
    """Ten times the same set, deleted each time: no growth beyond the noise."""
    def used():
        return int(info(c, "memory")["used_memory"])

    vectors = random_vectors(1000, 64, seed=2)
    peaks, floors = [], []
    for round in range(6):
        add(c, "k", vectors, "EF", 20, attributes=lambda i: '{"text":"%s"}' % ("x" * 50))
        peaks.append(used())
        for i in range(0, 1000, 2):
            c("VREM", "k", name(i))
        c("DEL", "k")
        least = []

        def settled():  # freed in the background
            least.append(used())
            return len(least) > 5 and least[-1] == least[-5]

        eventually(settled)
        floors.append(used())
    gain = peaks[0] - floors[0]
    eventually(lambda: used() - floors[0] < gain / 2)


def test_digest(c):
    digest = lambda *keys: c("DEBUG", "DIGEST-VALUE", *keys)
    vectors = random_vectors(20, 6, seed=3)
    add(c, "a", vectors)
    for i in reversed(range(20)):  # order does not matter
        c("VADD", "b", "FP32", fp32(vectors[i]), name(i))
    assert digest("a") == digest("b")
    before = digest("a")
    c("VSETATTR", "a", "e3", "x")
    assert digest("a") != before
    c("VSETATTR", "a", "e3", "")
    assert digest("a") == before
    c("VADD", "a", *values(*range(6)), "e3")
    assert digest("a") != before
    c("VADD", "a", "FP32", fp32(vectors[3]), "e3")
    assert digest("a") == before


def test_out_of_memory(launch):
    s = launch()
    c = s.connect()
    c("VADD", "k", *values(1, 2), "e")
    c("CONFIG", "SET", "maxmemory", 1)
    with error("OOM command not allowed when used memory > 'maxmemory'.", prefix=True):
        c("VADD", "k", *values(1, 2), "f")
    assert c("VSIM", "k", "ELE", "e") == [b"e"]
    assert c("VREM", "k", "e") == 1
    c("CONFIG", "SET", "maxmemory", 0)


@pytest.mark.differs("no events")
def test_events(clean):
    c, listener = clean.connect(), clean.connect()
    c("CONFIG", "SET", "notify-keyspace-events", "KEA")
    try:
        listener("PSUBSCRIBE", "__keyspace@0__:k")
        commands = [
            (["VADD", "k", *values(1, 2), "e"], [b"vadd"]),
            (["VADD", "k", *values(2, 1), "e"], [b"vadd"]),
            (["VADD", "k", *values(2), "e"], []),
            (["VADD", "k", *values(2, 2), "cas", "CAS"], [b"vadd"]),
            (["VSETATTR", "k", "e", "x"], [b"vsetattr"]),
            (["VSETATTR", "k", "none", "x"], []),
            (["VREM", "k", "none"], []),
            (["VSIM", "k", "ELE", "e"], []),
            (["VREM", "k", "cas"], [b"vrem"]),
            (["VREM", "k", "e"], [b"vrem", b"del"]),
        ]
        for args, events in commands:
            c.pipeline([args])
            for event in events:
                assert listener.read() == [b"pmessage", b"__keyspace@0__:k", b"__keyspace@0__:k", event], args
        c("DEL", "k")
        c("SET", "k", "end")
        assert listener.read()[3] == b"set"
    finally:
        c("CONFIG", "SET", "notify-keyspace-events", "")


def test_client_tracking(clean):
    reader, writer = clean.connect(protocol=3), clean.connect()
    writer("VADD", "k", *values(1, 2), "e")
    reader("CLIENT", "TRACKING", "ON")
    for write in (["VADD", "k", *values(1, 2), "f"], ["VADD", "k", *values(2, 1), "e"], ["VSETATTR", "k", "e", "x"], ["VREM", "k", "f"]):
        reader("VCARD", "k")
        writer(*write)
        push = reader.parse()
        assert push == [b"invalidate", [b"k"]], write


def test_clients_that_leave_no_trace(clean):
    """CLIENT NO-EVICT (7.0) and NO-TOUCH (Valkey), also for a query that another thread runs."""
    if clean.version < (7, 0):
        return
    c, admin = clean.connect(), clean.connect()
    vectors = random_vectors(3000, 32, seed=10)
    add(admin, "k", vectors)
    admin("RESTORE", "old", 0, admin("DUMP", "k"), "IDLETIME", 1000)
    assert c("CLIENT", "NO-EVICT", "ON") == "OK"
    if clean.valkey:
        assert c("CLIENT", "NO-TOUCH", "ON") == "OK"
    assert len(c("VSIM", "old", "FP32", fp32(vectors[0]), "EF", 1000, "COUNT", 100)) == 100
    assert (admin("OBJECT", "IDLETIME", "old") >= 1000) == clean.valkey


def test_flushall_and_reuse(k):
    k("FLUSHALL", "ASYNC")
    assert k("VADD", "k", *values(1, 2), "e", "BIN") == 1
    assert floats(k("VEMB", "k", "e")) == [1, 1]
