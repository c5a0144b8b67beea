"""Indexes follow the key space: whatever changes a key, the next query of any client knows, and FT.CHECK finds no difference."""

import time

import pytest

from resp import ReplyError
from servers import eventually, in_sync
from vectors import fp32, random_vectors


def keys(conn, index="i", query="*"):
    return sorted(conn("FT.SEARCH", index, query, "NOCONTENT", "LIMIT", 0, 1000)[1:])


@pytest.fixture
def i(c):
    c("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC", "t", "TEXT", "g", "TAG")
    return c


def test_each_write_is_found_by_the_next_query_of_another_client(clean, i):
    other = clean.connect()
    for n in range(50):
        i("HSET", f"d:{n}", "n", n, "t", f"word{n}", "g", f"tag{n % 5}")
        assert keys(other, query=f"@n:[{n} {n}]") == [b"d:%d" % n]
        assert keys(other, query=f"word{n}") == [b"d:%d" % n]
    i("HINCRBY", "d:7", "n", 100)
    assert keys(other, query="@n:[107 107]") == [b"d:7"]
    i("HDEL", "d:7", "n", "t", "g")
    assert b"d:7" not in keys(other)
    assert i("FT.CHECK", "i") == 49


def test_keys_that_go_or_change_their_name_or_type(i):
    for n in range(12):
        i("HSET", f"d:{n}", "n", n)
    i("DEL", "d:0")
    i("UNLINK", "d:1")
    i("RENAME", "d:2", "e:2")
    i("RENAME", "d:3", "d:4")
    i("SET", "d:5", "text")
    i("COPY", "d:6", "d:20")
    i("COPY", "d:6", "d:7", "REPLACE")
    i("PEXPIRE", "d:8", 1)
    i("MOVE", "d:9", 1)
    dumped = i("DUMP", "d:10")
    i("DEL", "d:10")
    i("RESTORE", "d:30", 0, dumped)
    time.sleep(0.05)
    assert keys(i) == [b"d:11", b"d:20", b"d:30", b"d:4", b"d:6", b"d:7"]
    assert keys(i, query="@n:[3 3]") == [b"d:4"]
    assert keys(i, query="@n:[6 6]") == [b"d:20", b"d:6", b"d:7"]
    assert i("FT.CHECK", "i") == 6
    i("RENAME", "e:2", "d:2")
    assert keys(i, query="@n:[2 2]") == [b"d:2"]


def test_groups_are_of_tags_just_as_documents_have_them(clean, i):
    """Whether the index knows them, from one tag that is the whole value, or only the document does."""
    values = ["red", "Red", "red,blue", "", " red", None, "red"]
    for n, value in enumerate(values):
        i("HSET", f"d:{n}", "n", n, *([] if value is None else ["g", value]))

    def groups(field=b"g"):
        _, *rows = i("FT.AGGREGATE", "i", "*", "GROUPBY", 1, b"@" + field, "REDUCE", "COUNT", 0, "AS", "c")
        rows = [dict(zip(row[::2], row[1::2])) for row in rows]
        assert len({row.get(field) for row in rows}) == len(rows)
        return {row.get(field): int(row[b"c"]) for row in rows}

    def expected():
        found = {}
        for n in range(len(values)):
            value = i("HGET", f"d:{n}", "g")
            found[value] = found.get(value, 0) + 1
        return found

    def check():
        assert groups() == expected()
        loaded = i("FT.AGGREGATE", "i", "*", "LOAD", 2, "@n", "@g", "LIMIT", 0, 100)[1:]
        for row in loaded:
            row = dict(zip(row[::2], row[1::2]))
            assert row.get(b"g") == i("HGET", b"d:" + row[b"n"], "g")

    check()
    i("HSET", "d:0", "g", "RED")
    i("HSET", "d:2", "g", "blue")
    i("HDEL", "d:6", "g")
    check()
    i("FT.ALTER", "i", "SCHEMA", "ADD", "h", "TAG")
    i("HSET", "d:1", "h", "x")
    assert groups(b"h") == {b"x": 1, None: len(values) - 1}
    assert i("FT.CHECK", "i") == len(values)


def test_transactions_and_scripts(clean, i):
    i("MULTI")
    i("HSET", "d:1", "n", 1)
    i("FT.SEARCH", "i", "@n:[1 1]", "NOCONTENT")
    i("DEL", "d:1")
    i("FT.SEARCH", "i", "@n:[1 1]", "NOCONTENT")
    assert i("EXEC") == [1, [1, b"d:1"], 1, [0]]
    script = "redis.call('HSET', KEYS[1], 'n', 5); return redis.call('FT.SEARCH', 'i', '@n:[5 5]', 'NOCONTENT')"
    assert i("EVAL", script, 1, "d:5") == [1, b"d:5"]


def test_databases_have_their_own_indexes(clean, i):
    i("HSET", "d:1", "n", 1)
    other = clean.connect()
    other("SELECT", 1)
    other("HSET", "d:1", "n", 2)
    assert other("FT._LIST") == []
    other("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC")
    eventually(lambda: keys(other))
    assert keys(other, query="@n:[2 2]") == [b"d:1"]
    i("SWAPDB", 0, 1)
    assert keys(i, query="@n:[2 2]") == [b"d:1"]
    assert keys(other, query="@n:[1 1]") == [b"d:1"]
    i("HSET", "d:2", "n", 7)
    assert keys(i, query="@n:[7 7]") == [b"d:2"] and keys(other, query="@n:[7 7]") == []
    assert i("FT.CHECK", "i") == 2 and other("FT.CHECK", "i") == 1
    i("SWAPDB", 0, 1)
    other("FLUSHDB")
    assert other("FT._LIST") == [] and i("FT._LIST") == [b"i"]


def test_a_scan_takes_in_what_was_there(c):
    c.pipeline([("HSET", f"d:{n}", "n", n % 10) for n in range(5000)])
    c("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC")
    seen = []
    while True:
        info = c("FT.INFO", "i")
        fields = dict(zip(info[::2], info[1::2]))
        seen.append((fields["indexing"], float(fields["percent_indexed"])))
        found = c("FT.SEARCH", "i", "@n:[3 3]", "LIMIT", 0, 0)[0]
        assert 0 <= found <= 501
        if not fields["indexing"]:
            break
        c("HSET", "d:0", "n", 3)
    assert seen == sorted(seen, key=lambda state: (-state[0], state[1]))
    assert c("FT.CHECK", "i") == 5000


def test_a_replica_answers(launch, clean, i):
    replica = launch()
    replica.connect()("REPLICAOF", "127.0.0.1", clean.port)
    i("HSET", "d:1", "n", 1)
    i("FT.ALIASADD", "al", "i")
    conn = replica.connect()

    def is_there():
        try:
            return keys(conn, "al", "@n:[1 1]") == [b"d:1"]
        except ReplyError:
            return False

    eventually(is_there)
    i("HSET", "d:2", "n", 2)
    i("FT.ALTER", "i", "SCHEMA", "ADD", "m", "NUMERIC")
    in_sync(clean, replica)
    assert keys(conn, "i", "@n:[2 2]") == [b"d:2"]
    assert conn("FT.CHECK", "i") == 2
    i("FT.DROPINDEX", "i")
    in_sync(clean, replica)
    assert conn("FT._LIST") == []


def test_a_bad_value_keeps_the_document_out_until_it_is_good(i):
    i("HSET", "d:1", "n", "1", "t", "hello")
    i("HSET", "d:1", "n", "x")
    assert keys(i) == []
    info = i("FT.INFO", "i")
    errors = dict(zip(info[::2], info[1::2]))["Index Errors"]
    assert errors[1] == 1 and errors[5] == b"d:1"
    i("HSET", "d:1", "n", "2")
    assert keys(i, query="hello @n:[2 2]") == [b"d:1"]


def test_documents_go_with_their_index_in_slices(clean, c):
    """Others are served in between, and what is no document stays."""
    c("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC")
    c.pipeline([("HSET", f"d:{n}", "n", n) for n in range(9000)])
    c.pipeline([("DEL", f"d:{n}") for n in range(4000)])
    c("SET", "d:text", "x")
    c("HSET", "e:1", "n", 1)
    assert c("FT.CHECK", "i") == 5000
    other = clean.connect()
    c.send("FT.DROPINDEX", "i", "DD")
    assert other("PING") == "PONG"
    assert c.read() == "OK"
    assert c("DBSIZE") == 2 and c("FT._LIST") == []


@pytest.mark.parametrize("command", ["FT.SEARCH", "FT.AGGREGATE"])
def test_documents_that_a_query_finds_expired_are_deleted_for_the_log_too(server, start, command):
    """More of them than are looked at before a query. Reading them deletes them, which the append-only file is told in the turn of the
    server's loop in which it happens."""
    conn = start(server.kind, ("appendonly", "yes")).connect()
    conn("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC", "SORTABLE")
    conn.pipeline([("HSET", f"d:{n}", "n", n, "t", "text") for n in range(4000)])
    expire = "for n = 0, 2999 do redis.call('PEXPIRE', 'd:' .. n, 1) end"
    shown = ("RETURN", 1, "t") if command == "FT.SEARCH" else ("LOAD", 1, "t")
    # In one turn of the server's loop: after it, the index looks again at what has expired by itself.
    _, _, reply = conn.pipeline([("EVAL", expire, 0), ("DEBUG", "SLEEP", 0.01), (command, "i", "*", *shown, "LIMIT", 0, 4000, "TIMEOUT", 0)])
    rows = (len(reply) - 1) // 2 if command == "FT.SEARCH" else len(reply) - 1
    assert rows == 1000
    left = conn("DBSIZE")
    assert left < 4000
    conn("DEBUG", "LOADAOF")
    # The index goes on deleting what it finds expired.
    assert conn("DBSIZE") <= left


@pytest.mark.parametrize("query", ["*=>[KNN 300 @v $b EF_RUNTIME 1000]", "@v:[VECTOR_RANGE 0.9 $b]"])
def test_a_key_that_another_is_renamed_to_stays_in_replies(clean, query):
    """While a query runs in the pool, a document takes the place of another: the key had one all the time."""
    c, reader = clean.connect(), clean.connect()
    c("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "v", "VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", 16, "DISTANCE_METRIC", "L2")
    vectors = random_vectors(6000, 16, seed=1)
    c.pipeline([("HSET", b"d:%d" % at, "v", fp32(vector)) for at, vector in enumerate(vectors)])
    nearest = fp32(vectors[0])
    c("HSET", "d:target", "v", nearest)
    for _ in range(30):
        for _ in range(4):
            reader.send("FT.SEARCH", "i", query, "NOCONTENT", "LIMIT", 0, 1000, "PARAMS", 2, "b", nearest, "DIALECT", 2)
        for _ in range(20):
            c.pipeline([("HSET", "d:other", "v", nearest), ("RENAME", "d:other", "d:target")])
        for _ in range(4):
            assert b"d:target" in reader.read()
    assert c("FT.CHECK", "i") == 6001
