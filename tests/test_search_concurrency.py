"""Readers and writers side by side: no error but the expected, and afterwards each index is what its documents say."""

import random
import struct
import time
from concurrent.futures import ThreadPoolExecutor

from resp import ReplyError

EXPECTED = ("no such index", "Unknown", "Index already exists", "no such key", "dropped", "Cursor", "Timeout", "Duplicate field", "WRONGTYPE", "are the same")
SECONDS = 4


def blob(rng):
    return struct.pack("<4f", *(rng.random() for _ in range(4)))


def create(conn, name):
    conn("FT.CREATE", name, "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC", "SORTABLE", "g", "TAG", "t", "TEXT", "v", "VECTOR", "HNSW",
         6, "TYPE", "FLOAT32", "DIM", 4, "DISTANCE_METRIC", "COSINE")  # fmt: skip


def write(rng):
    key = f"d:{rng.randrange(300)}"
    return rng.choice(
        [
            ("HSET", key, "n", rng.randrange(100), "g", rng.choice("abc"), "t", rng.choice(["red fox", "lazy dog"]), "v", blob(rng)),
            ("HSET", key, "n", rng.randrange(100)),
            ("HSET", key, "n", "bad"),
            ("HDEL", key, rng.choice(["n", "g", "t", "v"])),
            ("DEL", key),
            ("PEXPIRE", key, rng.randrange(1, 50)),
            ("RENAME", key, f"d:{rng.randrange(300)}"),
            ("RENAME", key, f"x:{rng.randrange(300)}"),
            ("COPY", key, f"d:{rng.randrange(300)}", "REPLACE"),
            ("SET", key, "text"),
        ]
    )


def read(rng):
    knn = ("PARAMS", 2, "b", blob(rng), "DIALECT", 2)
    return rng.choice(
        [
            ("FT.SEARCH", "i", "@n:[10 60] @g:{a|b}"),
            ("FT.SEARCH", "i", "fox -dog", "SORTBY", "n", "DESC"),
            ("FT.SEARCH", "i", "*=>[KNN 5 @v $b AS d]", "SORTBY", "d", *knn),
            ("FT.SEARCH", "i", "@g:{c}=>[KNN 5 @v $b AS d]", *knn),
            ("FT.AGGREGATE", "i", "*", "GROUPBY", 1, "@g", "REDUCE", "AVG", 1, "@n", "AS", "mean"),
            ("FT.AGGREGATE", "i", "*", "LOAD", 2, "t", "n", "SORTBY", 2, "@n", "ASC", "MAX", 20),
            ("FT.INFO", "i"),
            ("FT.TAGVALS", "i", "g"),
        ]
    )


def work(server, seed, choose, until):
    conn, rng, wrong = server.connect(), random.Random(seed), []
    while time.monotonic() < until:
        command = choose(rng)
        try:
            conn(*command)
        except ReplyError as error:
            if not any(text in str(error) for text in EXPECTED):
                wrong.append((command, str(error)))
    return wrong


def change_definitions(rng):
    return rng.choice(
        [
            ("FT.CREATE", "other", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC"),
            ("FT.ALTER", "other", "SCHEMA", "ADD", "g", "TAG"),
            ("FT.DROPINDEX", "other"),
            ("FT.SEARCH", "other", "@n:[1 50]"),
            ("PING",),
        ]
    )


def test_readers_and_writers(launch):
    server = launch()
    conn = server.connect()
    seed = random.randrange(1 << 30)
    print("seed", seed)
    create(conn, "i")
    until = time.monotonic() + SECONDS
    tasks = [write, write, read, read, change_definitions]
    with ThreadPoolExecutor(len(tasks)) as pool:
        running = [pool.submit(work, server, seed + number, choose, until) for number, choose in enumerate(tasks)]
        wrong = [error for task in running for error in task.result()]
    assert wrong == []
    time.sleep(0.1)
    assert conn("FT.CHECK", "i") == conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0)[0]


def test_a_cursor_meets_each_document_that_stays_exactly_once(launch):
    server = launch()
    conn = server.connect()
    conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC")
    conn.pipeline([("HSET", f"d:{n}", "n", n) for n in range(1000)])
    (_, *rows), cursor = conn("FT.AGGREGATE", "i", "*", "LOAD", 1, "__key", "WITHCURSOR", "COUNT", 37)
    met = [row[1] for row in rows]
    step = 0
    while cursor:
        step += 1
        conn("DEL", f"d:{999 - step}")
        conn("HSET", f"d:{step}", "n", -1)
        (_, *rows), cursor = conn("FT.CURSOR", "READ", "i", cursor)
        met += [row[1] for row in rows]
    assert len(met) == len(set(met))
    gone = {b"d:%d" % (999 - n) for n in range(1, step + 1)}
    assert set(met) >= {b"d:%d" % n for n in range(1000)} - gone
