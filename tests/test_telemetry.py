"""INFO vectorset, and what SLOWLOG, LATENCY and commandstats report of commands with delayed replies."""

import re

import pytest

from resp import pairs
from servers import eventually, info, ROOT, settle
from vectors import add, fp32, name, random_vectors, values

KINDS = ("vectors", "links", "names", "attributes", "other")


@pytest.fixture
def own(clean):
    if clean.peer:
        pytest.xfail("has no such section")
    return clean


def telemetry(c):
    section = info(c, "vectorset")
    return {n.removeprefix("vectorset_"): int(v) if v.isdigit() else v for n, v in section.items()}


def since(c, before):
    return {n: v - before[n] for n, v in telemetry(c).items() if isinstance(v, int)}


def test_every_field_is_documented(own):
    page = (ROOT / "docs/telemetry.md").read_text()
    rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    assert list(telemetry(own.connect())) == [field for row in rows for field in re.findall("`(.+?)`", row)]


def test_every_field_is_a_number_but_the_kernel(own):
    fields = telemetry(own.connect())
    assert not isinstance(fields.pop("kernel"), int)
    assert all(isinstance(value, int) for value in fields.values())


def test_counts(own):
    c = own.connect()
    eventually(lambda: telemetry(c)["sets"] == telemetry(c)["pending"] == 0)  # those of other tests are freed by threads
    before = telemetry(c)
    vectors = random_vectors(3000, 32, seed=1)
    add(c, "k", vectors, attributes=lambda i: '{"i":%d}' % i)
    settle(c)
    for v in vectors[:50]:
        c("VSIM", "k", "FP32", fp32(v), "EF", 10)
    c("VSIM", "k", "FP32", fp32(vectors[0]), "TRUTH")
    c("VSIM", "k", "FP32", fp32(vectors[0]), "FILTER", ".i < 1500")
    c("VREM", "k", "e0")
    assert c("VREMBYFILTER", "k", ".i < 100") == 99
    settle(c)
    new = since(c, before)
    assert (new["sets"], new["elements"], new["pending"]) == (1, 2900, 0)
    assert (new["inserts"], new["removals"], new["links"], new["repairs"]) == (3000, 100, 3000, 100)
    assert new["queries"] == 52 == sum(new["query_plan_" + plan] for plan in ("scan", "traverse", "graph"))
    assert new["query_plan_scan"] >= 1 and new["query_plan_graph"] >= 50
    assert new["query_evaluations"] > 3000
    now = telemetry(c)
    for each in ("insert", "link", "repair", "query"):
        assert new[f"{each}_microseconds"] > 0
        assert 0 < now[f"{each}_p50_microseconds"] <= now[f"{each}_p99_microseconds"]
    assert now["query_evaluations_mean"] == now["query_evaluations"] // now["queries"]
    assert now["pool_threads"] >= 1 and now["linker_threads"] >= 1
    assert now["pool_queue"] == 0


def test_delayed_replies_are_counted(own):
    c = own.connect()
    before = telemetry(c)
    for round in range(100):
        add(c, "k", random_vectors(1000, 64, seed=round), "EF", 500, first=1000 * round)
        new = since(c, before)
        if new["delayed_replies"] > 0:
            break
    assert 0 < new["delayed_replies"] and 0 < new["delayed_microseconds"]


def test_bytes_are_those_of_memory_usage(own):
    """Of sets of all kinds, after they were filled, changed, copied, loaded and emptied."""
    c = own.connect()

    def agrees(keys):
        def excess():
            found = telemetry(c)
            return sum(c("MEMORY", "USAGE", key, "SAMPLES", 0) for key in keys) - sum(found["bytes_" + kind] for kind in KINDS)

        # The last sets may still be in the hands of the threads that free them; the server adds some bytes for the key itself.
        eventually(lambda: 0 <= excess() <= 200 * len(keys))
        return telemetry(c)

    assert agrees([])["bytes_vectors"] == 0
    vectors = random_vectors(1200, 24, seed=2)
    shapes = {"q8": [], "f32": ["NOQUANT"], "bin": ["BIN"], "reduced": ["M", 5]}
    for key, options in shapes.items():
        prefix = ["REDUCE", 7] if key == "reduced" else []
        add(c, key, vectors, *options, prefix=prefix, attributes=lambda i: '{"i":%d}' % i)
        settle(c, key)
        c("VSETATTR", key, "e0", "{}")
    found = agrees(shapes)
    assert found["bytes_vectors"] > 1200 * 24 * 5
    assert all(found["bytes_" + kind] > 1200 for kind in KINDS)
    for _ in range(2):
        c("VSIM", "q8", "FP32", fp32(vectors[0]), "FILTER", ".i < 50")
    c.pipeline(["VREM", "q8", name(i)] for i in range(0, 1200, 2))
    settle(c, "q8")
    c("VREM", "q8", "e1")
    c("COPY", "q8", "copy")
    settle(c, "q8")
    keys = [*shapes, "copy"]
    agrees(keys)
    c("DEBUG", "RELOAD")
    found = agrees(keys)
    c("DEL", "q8", "copy")
    smaller = agrees(["f32", "bin", "reduced"])
    assert all(smaller["bytes_" + kind] < found["bytes_" + kind] for kind in KINDS)
    c("FLUSHALL")
    assert not any(agrees([])["bytes_" + kind] for kind in KINDS)


@pytest.fixture
def slow(own):
    """A set whose exact queries take some milliseconds, in the pool."""
    c = own.connect()
    add(c, "k", random_vectors(4000, 256, seed=3), "NOQUANT", "EF", 10)
    settle(c)
    c("CONFIG", "RESETSTAT")
    c("CONFIG", "SET", "slowlog-log-slower-than", 0)
    c("SLOWLOG", "RESET")
    yield c
    c("CONFIG", "SET", "slowlog-log-slower-than", 10000)


@pytest.mark.parametrize("how", ["pool", "main thread"])
def test_slow_queries_are_seen(own, slow, how):
    c = slow
    options = ["NOTHREAD"] if how == "main thread" else []
    before = telemetry(c)
    for _ in range(5):
        c("VSIM", "k", *values(*range(256)), "TRUTH", *options)
    ran = since(c, before)["query_microseconds"]
    assert ran > 100
    logged = [entry[2] for entry in c("SLOWLOG", "GET", 100) if entry[3][0] == b"VSIM"]
    assert len(logged) == 5 and sum(logged) + 5 >= ran
    stats = dict(x.split("=") for x in info(c, "commandstats")["cmdstat_VSIM"].split(","))
    assert stats["calls"] == "5" and int(stats["usec"]) + 5 >= ran
    if own.version >= (7, 0):
        histogram = pairs(pairs(c("LATENCY", "HISTOGRAM", "VSIM"))[b"VSIM"])
        assert histogram[b"calls"] == 5
        # Cumulative counts by the upper ends of buckets: none is faster than half of the mean.
        assert all(count < 5 for end, count in pairs(histogram[b"histogram_usec"]).items() if end < ran / 10)


def test_time_in_the_queue_is_seen(own, slow):
    """With one thread, the last of many queries waits for all others, and its client sees that."""
    if not own.modern:
        return  # fewer threads need an argument of the shared server
    c = slow
    c("CONFIG", "SET", "vectorset.threads", 1)
    clients = [own.connect() for _ in range(12)]

    def waited():
        c("SLOWLOG", "RESET")
        before = telemetry(c)
        c.send("DEBUG", "SLEEP", 0.1)  # what arrives during it comes at once
        for client in clients:
            client.send("VSIM", "k", *values(*range(256)), "TRUTH")
        for conn in (c, *clients):
            conn.read()
        logged = [entry[2] for entry in c("SLOWLOG", "GET", 100) if entry[3][0] == b"VSIM"]
        assert len(logged) == 12
        # 6.5 times as much if nothing else goes on.
        return sum(logged) > 3 * since(c, before)["query_microseconds"]

    try:
        eventually(waited)
    finally:
        c("CONFIG", "SET", "vectorset.threads", 0)


def test_slow_counts_and_removals_are_seen(own, slow):
    c = slow
    c.pipeline(["VSETATTR", "k", name(i), '{"i":%d}' % i] for i in range(4000))
    c("SLOWLOG", "RESET")
    assert c("VCOUNT", "k", ".i >= 0") == 4000
    assert c("VREMBYFILTER", "k", ".i < 1000") == 1000
    logged = {entry[3][0]: entry[2] for entry in c("SLOWLOG", "GET", 100)}
    assert logged[b"VCOUNT"] >= 50
    assert logged[b"VREMBYFILTER"] >= 1000
