"""Readers and writers side by side: no error but the expected, each reply is of one moment, and afterwards each index is what its
documents say. VSET_LONG=minutes goes on for longer."""

import math
import os
import random
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from resp import ReplyError
from seeds import new_seed
from servers import eventually

EXPECTED = ("no such index", "Unknown", "Index already exists", "no such key", "dropped", "Cursor", "Timeout", "Duplicate field", "WRONGTYPE", "are the same")
SECONDS = 60 * float(os.environ.get("VSET_LONG", 0)) or 4


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


@pytest.mark.timeout(900 + SECONDS)
def test_readers_and_writers(launch):
    server = launch()
    conn = server.connect()
    seed = new_seed()
    print("seed", seed)
    create(conn, "i")
    until = time.monotonic() + SECONDS
    tasks = [write, write, read, read, change_definitions]
    with ThreadPoolExecutor(len(tasks)) as pool:
        running = [pool.submit(work, server, seed + number, choose, until) for number, choose in enumerate(tasks)]
        wrong = [error for task in running for error in task.result()]
    assert wrong == []
    # Some documents are still to expire.
    eventually(lambda: conn("FT.CHECK", "i") == conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0)[0])


class History:
    """What each key held when. A state is seen from when its command was sent, perhaps, and until the next is answered."""

    def __init__(self):
        self.states = {}  # key: [(sent, answered, document)]
        self.lock = threading.Lock()

    def begin(self, key, document, sent):
        with self.lock:
            self.states.setdefault(key, [(0, 0, None)]).append((sent, math.inf, document))

    def end(self, key, answered):
        with self.lock:
            sent, _, document = self.states[key][-1]
            self.states[key][-1] = (sent, answered, document)

    def last(self, key):
        return self.states.get(key, [(0, 0, None)])[-1][2]

    def seen(self, key, start, end):
        """The documents that a query may have met, sent and answered at these moments."""
        states = self.states[key]
        nexts = [*(answered for _, answered, _ in states[1:]), math.inf]
        return [document for (sent, _, document), gone in zip(states, nexts) if sent <= end and gone >= start]

    def judge(self, found, matches, start, end):
        """What is wrong with the keys of a reply that holds all that matches."""
        with self.lock:
            missing = [k for k in self.states if k not in found and all(d and matches(d) for d in self.seen(k, start, end))]
            excess = [k for k in found if not any(d and matches(d) for d in self.seen(k, start, end))]
        return [("missing", key) for key in missing] + [("excess", key) for key in excess]


class Writer:
    """Writes its own keys, and records their content."""

    def __init__(self, server, history, number, seed):
        self.conn, self.history, self.rng = server.connect(), history, random.Random(seed)
        self.keys = [f"d:{number}:{n}" for n in range(60)]
        self.resting = {}  # keys that expire, until when

    def step(self):
        rng, now = self.rng, time.monotonic()
        key, other = rng.sample([key for key in self.keys if self.resting.get(key, 0) < now], 2)
        old = self.history.last(key)
        fields = {"n": rng.randrange(100), "g": rng.choice("abc"), "t": rng.choice(["red fox", "lazy dog"])}
        vector = rng.random() < 0.7
        new = {**(old or {}), **fields, **({"v": True} if vector else {})}
        kind = rng.choice(["set", "set", "set", "number", "bad", "delete", "expire", "rename", "copy"])
        if kind == "set":
            words = [w for item in fields.items() for w in item] + (["v", blob(rng)] if vector else [])
            self.note({key: new}, "HSET", key, *words)
        elif old and kind == "number":
            self.note({key: {**old, "n": fields["n"]}}, "HSET", key, "n", fields["n"])
        elif old and kind == "bad":
            self.note({key: {**old, "n": "bad"}}, "HSET", key, "n", "bad")
        elif old and kind == "delete":
            self.note({key: None}, "DEL", key)
        elif old and kind == "expire":
            self.note({key: None}, "PEXPIRE", key, 20, slack=0.1)
            self.resting[key] = time.monotonic() + 0.2
        elif old and kind == "rename":
            self.note({key: None, other: old}, "RENAME", key, other)
        elif old and kind == "copy":
            self.note({other: dict(old)}, "COPY", key, other, "REPLACE")

    def note(self, changes, *command, slack=0.0):
        """Slack: seconds behind the answer in which the change may still be under way."""
        sent = time.monotonic()
        for key, document in changes.items():
            self.history.begin(key, document, sent)
        self.conn(*command)
        answered = time.monotonic() + slack
        for key in changes:
            self.history.end(key, answered)


def fits(document):
    """Whether the index takes it."""
    return document["n"] != "bad"


JUDGED = [
    (("FT.SEARCH", "i", "@n:[10 60] @g:{a|b}"), lambda d: fits(d) and 10 <= d["n"] <= 60 and d["g"] in "ab"),
    (("FT.SEARCH", "i", "fox -@g:{c}"), lambda d: fits(d) and "fox" in d["t"] and d["g"] != "c"),
    (("FT.SEARCH", "i", "(@n:[50 90] | lazy dog)", "SORTBY", "n"), lambda d: fits(d) and (50 <= d["n"] <= 90 or "dog" in d["t"])),
    (("FT.SEARCH", "i", "*=>[KNN 10000 @v $b EF_RUNTIME 5000]"), lambda d: fits(d) and "v" in d),
    (("FT.SEARCH", "i", "@v:[VECTOR_RANGE 2.1 $b] -@g:{a}"), lambda d: fits(d) and "v" in d and d["g"] != "a"),
    (("FT.AGGREGATE", "i", "@g:{c} @n:[(20 80]", "LOAD", 1, "__key"), lambda d: fits(d) and d["g"] == "c" and 20 < d["n"] <= 80),
]


def read_judged(server, history, seed, until):
    conn, rng, wrong, asked = server.connect(), random.Random(seed), [], 0
    while time.monotonic() < until and len(wrong) < 5:
        (name, *words), matches = rng.choice(JUDGED)
        tail = ["NOCONTENT", "LIMIT", 0, 10_000] if name == "FT.SEARCH" else []
        start = time.monotonic()
        reply = conn(name, *words, *tail, "TIMEOUT", 0, "PARAMS", 2, "b", blob(rng), "DIALECT", 2)
        end = time.monotonic()
        found = {key.decode() for key in (reply[1:] if tail else [row[1] for row in reply[1:]])}
        wrong += [(words, *fault) for fault in history.judge(found, matches, start, end)]
        asked += 1
    return wrong, asked


def disturb(server, seed, until):
    """Definitions that come and go, fields that are added, saves, and another database that is emptied."""
    conn, rng, other, added = server.connect(), random.Random(seed), server.connect(), 0
    other("SELECT", 1)
    while time.monotonic() < until:
        time.sleep(0.01)
        for command in (change_definitions(rng), ("BGSAVE",) if rng.random() < 0.02 else ("PING",)):
            try:
                conn(*command)
            except ReplyError as error:
                assert any(text in str(error) for text in (*EXPECTED, "in progress", "child process")), error
        if rng.random() < 0.02 and added < 30:
            conn("FT.ALTER", "i", "SCHEMA", "ADD", f"added{added}", "NUMERIC")
            added += 1
        if rng.random() < 0.05:
            other("FLUSHDB")
            create(other, "i")
        other("HSET", f"d:{rng.randrange(50)}", "n", 1)


@pytest.mark.timeout(900 + SECONDS)
def test_each_reply_is_of_one_moment(launch):
    """A document that matched throughout is in the reply, one that never matched is not."""
    server, history = launch(), History()
    seed = new_seed()
    print("seed", seed)
    create(server.connect(), "i")
    until = time.monotonic() + SECONDS

    def write(number):
        writer = Writer(server, history, number, seed + number)
        while time.monotonic() < until:
            writer.step()
            time.sleep(0.001)

    with ThreadPoolExecutor(6) as pool:
        writing = [pool.submit(write, number) for number in range(2)]
        reading = [pool.submit(read_judged, server, history, seed + 10 + number, until) for number in range(3)]
        disturbing = pool.submit(disturb, server, seed + 20, until)
        for task in (*writing, disturbing):
            task.result()
        judged = [task.result() for task in reading]
    print("replies judged:", sum(asked for _, asked in judged))
    assert [fault for wrong, _ in judged for fault in wrong] == []
    conn = server.connect()
    eventually(lambda: conn("FT.CHECK", "i") == conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0)[0])


@pytest.mark.timeout(900 + SECONDS)
def test_a_flush_among_readers_and_writers(launch):
    """Indexes go with FLUSHALL; what is written behind it is found by the next definition."""
    server = launch()
    conn, seed, until = server.connect(), new_seed(), time.monotonic() + SECONDS
    print("seed", seed)
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(work, server, seed + number, choose, until) for number, choose in enumerate([write, read, read])]
        while time.monotonic() < until:
            conn("FLUSHALL")
            assert conn("FT._LIST") == []
            create(conn, "i")
            conn("HSET", "kept", "n", 1)
            conn("HSET", "d:kept", "n", -5)
            assert conn("FT.SEARCH", "i", "@n:[-5 -5]", "NOCONTENT") == [1, b"d:kept"]
            time.sleep(0.02)
        assert [error for task in running for error in task.result()] == []
    eventually(lambda: conn("FT.CHECK", "i") == conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0)[0])


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
