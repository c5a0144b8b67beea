"""Definitions, aliases, synonyms and dictionaries outlive a restart, and the indexes with them."""

import pytest

from resp import ReplyError
from servers import eventually, info


def fill(conn):
    conn("FT.CREATE", "i", "PREFIX", 2, "d:", "e:", "STOPWORDS", 1, "foo", "SCHEMA", "n", "NUMERIC", "SORTABLE", "t", "AS", "text",
         "TEXT", "WEIGHT", "2.5", "g", "TAG", "SEPARATOR", ";", "CASESENSITIVE", "v", "VECTOR", "HNSW", "8", "TYPE", "FLOAT32", "DIM",
         "2", "DISTANCE_METRIC", "L2", "M", "8")  # fmt: skip
    conn("FT.ALIASADD", "al", "i")
    conn("FT.SYNUPDATE", "i", "group", "hello", "greetings")
    conn("FT.DICTADD", "words", "one", "two")
    conn("FT.SUGADD", "s", "hello", 2, "PAYLOAD", "p")
    for n in range(200):
        conn("HSET", f"d:{n}", "n", n, "t", "hello world", "g", "Red;blue", "v", b"\0\0\x80?\0\0\0\0")


def definition(conn):
    info = conn("FT.INFO", "i")
    fields = dict(zip(info[::2], info[1::2]))
    return [fields[name] for name in ("index_name", "index_options", "index_definition", "attributes", "stopwords_list")]


def ready(conn):
    eventually(lambda: dict(zip(*[iter(conn("FT.INFO", "i"))] * 2))["indexing"] == 0)


def verify(conn, before):
    ready(conn)
    assert definition(conn) == before
    assert conn("FT.SEARCH", "al", "greetings", "LIMIT", 0, 0) == [200]
    assert conn("FT.SEARCH", "i", "@g:{Red} @n:[10 19]", "LIMIT", 0, 0) == [10]
    knn = ("FT.SEARCH", "i", "*=>[KNN 5 @v $b AS d]", "PARAMS", 2, "b", b"\0\0\x80?\0\0\0\0", "RETURN", 1, "d")
    assert conn(*knn)[2] == [b"d", b"0"]
    assert sorted(conn("FT.DICTDUMP", "words")) == [b"one", b"two"]
    assert conn("FT.SUGGET", "s", "he", "WITHPAYLOADS") == [b"hello", b"p"]
    assert conn("FT.CHECK", "i") == 200
    conn("HSET", "e:1", "n", 1000)
    assert conn("FT.SEARCH", "i", "@n:[1000 1000]", "NOCONTENT") == [1, b"e:1"]


@pytest.mark.parametrize("config", [(), (("appendonly", "yes"),), (("appendonly", "yes"), ("aof-use-rdb-preamble", "no"))])
def test_restart(launch, config):
    server = launch(*config)
    conn = server.connect()
    fill(conn)
    before = definition(conn)
    if not config:
        conn("SAVE")
    server.restart()
    verify(server.connect(), before)


PLAIN = ("aof-use-rdb-preamble", "no")


@pytest.mark.parametrize("config", [(), (PLAIN,)])
def test_a_rewritten_append_only_file(launch, config):
    """Writes and definitions before, while and after it is rewritten, then the end without notice."""
    server = launch(("appendonly", "yes"), *config)
    conn = server.connect()
    fill(conn)
    conn("FT.CREATE", "gone", "SCHEMA", "x", "TAG")
    before = definition(conn)
    conn("FT.CREATE", "j", "PREFIX", 1, "e:", "SCHEMA", "n", "NUMERIC")
    conn("SELECT", 1)
    conn("HSET", "d:1", "n", 1)
    conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC")
    conn("SELECT", 0)
    conn("MULTI")
    conn("BGREWRITEAOF")
    # In one turn of the server's loop with the fork.
    conn("FT.DROPINDEX", "gone")
    conn("FT.ALTER", "j", "SCHEMA", "ADD", "m", "TAG")
    conn("EXEC")
    rewritten(conn)
    conn("FT.ALIASADD", "late", "j")
    server.restart(kill=True)
    conn = server.connect()
    assert sorted(conn("FT._LIST")) == [b"i", b"j"]
    verify(conn, before)
    conn("HSET", "e:2", "m", "x")
    assert conn("FT.SEARCH", "late", "@m:{x}", "NOCONTENT") == [1, b"e:2"]
    conn("SELECT", 1)
    ready(conn)
    assert conn("FT.SEARCH", "i", "@n:[1 1]", "NOCONTENT") == [1, b"d:1"]
    with pytest.raises(ReplyError, match="append-only"):
        conn("FT.REPLAY", b"")


def test_append_only_from_now_on(launch):
    server = launch(PLAIN)
    conn = server.connect()
    fill(conn)
    before = definition(conn)
    conn("CONFIG", "SET", "appendonly", "yes")
    rewritten(conn)
    conn("HSET", "d:0", "n", 0)
    server.kill()
    server.config += (("appendonly", "yes"),)
    server.start()
    verify(server.connect(), before)


def rewritten(conn):
    running = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
    eventually(lambda: all(info(conn, "persistence")[x] == "0" for x in running))
    assert info(conn, "persistence")["aof_last_bgrewrite_status"] == "ok"


def test_debug_reload(launch):
    conn = launch().connect()
    fill(conn)
    before = definition(conn)
    conn("DEBUG", "RELOAD")
    verify(conn, before)


def test_a_file_without_indexes_has_none(launch):
    server = launch()
    conn = server.connect()
    conn("SET", "k", "v")
    conn("SAVE")
    server.restart()
    conn = server.connect()
    assert conn("FT._LIST") == [] and conn("GET", "k") == b"v"


def test_a_replica_is_never_half_filled(launch):
    """Documents that a full synchronisation has put in the place of others are read in the background: no query misses any."""
    master, replica = launch(), launch(("repl-diskless-load", "swapdb"))
    conn, count = master.connect(), 2000
    conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC", "t", "TEXT")
    conn.pipeline(["HSET", f"d:{n}", "n", n, "t", "hello world"] for n in range(count))
    queries = [["FT.SEARCH", "i", "hello", "LIMIT", 0, 0], ["FT.AGGREGATE", "i", "*", "GROUPBY", 0, "REDUCE", "COUNT", 0, "AS", "c"]]

    def has(expected):
        for query in queries:
            try:
                reply = here(*query)
            except ReplyError as refused:
                # The server's own, while it loads the file, or that of the index, which does not have all of its documents yet.
                assert str(refused).startswith("LOADING"), refused
                return False
            found = reply[0] if query[0] == "FT.SEARCH" else int(reply[1][1])
            assert found in (count, count + 1)
        return found == expected

    replica.replicate(master)
    here = replica.connect()
    eventually(lambda: has(count))
    here("REPLICAOF", "NO", "ONE")
    conn("HSET", "d:new", "n", count, "t", "hello")
    here("REPLICAOF", "127.0.0.1", master.port)
    eventually(lambda: has(count + 1))
    assert here("FT.CHECK", "i") == count + 1
