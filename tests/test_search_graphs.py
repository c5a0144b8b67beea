"""Graphs are saved with their definitions: a restart links nothing that was linked, and damage costs links only."""

import random

import pytest

from seeds import new_seed
from servers import all_linked, background_save, eventually, in_sync, info
from vectors import fp32, random_vectors

DIM = 80  # bytes in the graph
COUNT = 320


def linked(conn):
    """Vectors that were linked since the server started."""
    return int(info(conn, "everything")["vectorset_links"])


def create(conn):
    conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "g", "TAG", "v", "VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", DIM,
         "DISTANCE_METRIC", "COSINE", "w", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", 2, "DISTANCE_METRIC", "L2")  # fmt: skip


def fill(conn, vectors):
    create(conn)
    conn.pipeline([("HSET", f"d:{n}", "g", f"t{n % 3}", "v", fp32(v), "w", fp32(v[:2])) for n, v in enumerate(vectors)])
    eventually(lambda: linked(conn) == len(vectors))


def scanned(conn):
    eventually(lambda: dict(zip(*[iter(conn("FT.INFO", "i"))] * 2))["indexing"] == 0)


def nearest(conn, vector, k=10):
    found = conn("FT.SEARCH", "i", f"*=>[KNN {k} @v $b]", "PARAMS", 2, "b", fp32(vector), "NOCONTENT", "LIMIT", 0, k)
    return found[1:]


@pytest.fixture
def vectors():
    return random_vectors(COUNT, DIM, seed=3)


def verify(conn, vectors, count=COUNT):
    assert conn("FT.CHECK", "i") == count
    for n in range(0, COUNT, 70):
        assert nearest(conn, vectors[n], 1) == [b"d:%d" % n]


def test_a_restart_links_nothing(launch, vectors):
    server = launch()
    conn = server.connect()
    fill(conn, vectors)
    before = [nearest(conn, v) for v in vectors[:50]]
    conn("SAVE")
    server.restart()
    conn = server.connect()
    all_linked(conn)
    assert linked(conn) == 0
    verify(conn, vectors)
    assert [nearest(conn, v) for v in vectors[:50]] == before
    # And it goes on.
    conn("HSET", "d:0", "v", fp32(vectors[1]))
    assert nearest(conn, vectors[1], 2) in ([b"d:0", b"d:1"], [b"d:1", b"d:0"])
    conn("DEL", "d:0")
    assert nearest(conn, vectors[1], 1) == [b"d:1"]
    assert conn("FT.CHECK", "i") == COUNT - 1


def test_a_child_saves_what_waits_to_be_linked(launch, vectors):
    """The file is written while vectors wait: they have their links in it."""
    server = launch()
    conn = server.connect()
    create(conn)
    conn.pipeline([("HSET", f"d:{n}", "v", fp32(v)) for n, v in enumerate(vectors)])
    background_save(conn)
    server.restart(kill=True)
    conn = server.connect()
    all_linked(conn)
    assert linked(conn) == 0
    verify(conn, vectors)


def test_reload_and_append_only_file(launch, vectors):
    server = launch(("appendonly", "yes"))
    conn = server.connect()
    fill(conn, vectors)
    before = linked(conn)
    conn("DEBUG", "RELOAD")
    all_linked(conn)
    assert linked(conn) == before
    verify(conn, vectors)
    conn("BGREWRITEAOF")
    running = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
    eventually(lambda: all(info(conn, "persistence")[x] == "0" for x in running))
    # The preamble holds the graph; what is behind it is linked.
    conn("HSET", "d:new", "v", fp32([1] * DIM))
    conn("HSET", "d:3", "g", "other")
    conn("HSET", "d:1", "v", fp32([2] * DIM))
    conn("DEL", "d:2")
    server.restart(kill=True)
    conn = server.connect()
    all_linked(conn)
    assert linked(conn) <= 2
    assert conn("FT.CHECK", "i") == COUNT
    assert set(nearest(conn, [1] * DIM, 2)) == {b"d:new", b"d:1"}


@pytest.mark.parametrize("diskless", [("disk", "disabled"), ("diskless", "disabled"), ("diskless", "swapdb")])
def test_a_replica_takes_the_graph(launch, vectors, diskless):
    master = launch(("repl-diskless-sync", "yes" if diskless[0] == "diskless" else "no"))
    conn = master.connect()
    fill(conn, vectors)
    replica = launch(("repl-diskless-load", diskless[1]))
    replica.connect()("HSET", "d:before", "g", "x")
    replica.replicate(master)
    here = replica.connect()
    scanned(here)
    all_linked(here)
    assert linked(here) == 0
    verify(here, vectors)
    conn("HSET", "d:9", "v", fp32(vectors[8]))
    conn("FT.ALTER", "i", "SCHEMA", "ADD", "n", "NUMERIC")
    in_sync(master, replica)
    assert set(nearest(here, vectors[8], 2)) == {b"d:8", b"d:9"}
    here("REPLICAOF", "NO", "ONE")
    here("HSET", "d:promoted", "n", 5)
    assert here("FT.SEARCH", "i", "@n:[5 5]", "NOCONTENT") == [1, b"d:promoted"]
    scanned(here)
    assert here("FT.CHECK", "i") == COUNT + 1


def graph_bytes(file):
    """From where to where the graph's block stands in an RDB file."""
    at = file.index(b"graph")
    # Behind the word: database, name and field, each behind its length; then the length of the block.
    at += 5
    for _ in range(3):
        at += 8 + int.from_bytes(file[at : at + 8], "little")
    length = int.from_bytes(file[at : at + 8], "little")
    return at + 8, at + 8 + length


def test_a_damaged_graph_costs_links_only(launch, vectors):
    seed = new_seed()
    print("seed", seed)
    rng = random.Random(seed)
    server = launch(("rdbcompression", "no"), ("rdbchecksum", "no"))
    conn = server.connect()
    fill(conn, vectors)
    conn("SAVE")
    path = server.folder / "dump.rdb"
    good = path.read_bytes()
    begin, end = graph_bytes(good)
    assert end - begin > 20 * COUNT
    rebuilt = 0
    for round in range(12):
        file = bytearray(good)
        match round % 3:
            case 0:
                file[rng.randrange(begin, end)] ^= 1 << rng.randrange(8)
            case 1:
                for _ in range(50):
                    file[rng.randrange(begin, end)] = rng.randrange(256)
            case 2:
                file[begin:end] = rng.randbytes(end - begin)
        server.kill()
        path.write_bytes(file)
        server.start()
        conn = server.connect()
        all_linked(conn)
        rebuilt += linked(conn) > 0
        verify(conn, vectors)
    assert rebuilt > 4
    # Another version's strings, and a definition that is none.
    for word, other in [(b"graph", b"grape"), (b"index", b"inbox")]:
        at = good.index(word)
        server.kill()
        path.write_bytes(good[:at] + other + good[at + 5 :])
        server.start()
        conn = server.connect()
        assert conn("DBSIZE") == COUNT
        assert conn("FT._LIST") == ([b"i"] if word == b"graph" else [])


def test_documents_that_differ_from_the_graph(launch, vectors):
    """A file whose keys were changed behind the graph's back."""
    server = launch(("rdbcompression", "no"), ("rdbchecksum", "no"))
    conn = server.connect()
    fill(conn, vectors)
    conn("SAVE")
    path = server.folder / "dump.rdb"
    file = path.read_bytes()
    for n in range(5):
        assert file.count(fp32(vectors[n])) == 1
        file = file.replace(fp32(vectors[n]), fp32(-vectors[n]))
    server.kill()
    path.write_bytes(file)
    server.start()
    conn = server.connect()
    changed = [-v if n < 5 else v for n, v in enumerate(vectors)]
    eventually(lambda: linked(conn) == 5)
    verify(conn, changed)
