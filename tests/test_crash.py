"""kill -9 in the middle of writing: what was acknowledged is there after the restart, and nothing that was never sent.

VSET_CRASH_ROUNDS=50 is the long form; VSET_SEED repeats a run.
"""

import os
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import resp
from resp import Conn, encode, floats
from seeds import new_seed
from servers import eventually, info
from test_torture import check_set
from vectors import fp32, name, random_vectors

ROUNDS = int(os.environ.get("VSET_CRASH_ROUNDS", 2))
SEED = new_seed()
AOF = [("appendonly", "yes")]
WRITERS = 3
DIM = 12
ELEMENTS = 400
BATCH = 20


class Writer:
    """Pipelines changes to its own set, and keeps for each element the states that it may be in.

    A state is None or (number of the vector, attributes). The first one is of the last acknowledged change, those behind
    it of what was sent since.
    """

    def __init__(self, index, seed):
        self.key = f"k{index}"
        self.options = [["NOQUANT"], [], ["BIN"]][index % 3]
        self.rng = random.Random(seed)
        self.vectors = random_vectors(100_000, DIM, seed)
        self.next = 0
        self.states = {name(i): [None] for i in range(ELEMENTS)}
        self.acknowledged = 0
        self.history = None

    def remember(self):
        """Begins with an empty set, of which all states of each element are kept in what this yields."""
        self.states = {e: [None] for e in self.states}
        self.history = {e: {None} for e in self.states}
        return self.history

    def change(self):
        """A command and the state that it leads to from any other."""
        e, kind = name(self.rng.randrange(ELEMENTS)), self.rng.random()
        text = b'{"n":%d}' % self.rng.randrange(1 << 30)
        if kind < 0.2:
            return e, ["VREM", self.key, e], lambda old: None
        if kind < 0.4:
            text = text if kind < 0.35 else b""
            return e, ["VSETATTR", self.key, e, text], lambda old: old and (old[0], text or None)
        number = self.next = (self.next + 1) % len(self.vectors)  # no two elements share one
        command = ["VADD", self.key, "FP32", fp32(self.vectors[number]), e, *self.options]
        command += ["CAS"] if kind < 0.5 else []
        if kind < 0.7:
            return e, [*command, "SETATTR", text], lambda old: (number, text)
        return e, command, lambda old: (number, old[1] if old else None)

    def run(self, port):
        """Until the server dies."""
        conn = Conn(port)
        try:
            while True:
                batch = [self.change() for _ in range(BATCH)]
                for e, _, next in batch:
                    self.states[e].append(next(self.states[e][-1]))
                    if self.history:
                        self.history[e].add(self.states[e][-1])
                conn.socket.sendall(b"".join(resp.encode(command) for _, command, _ in batch))
                for e, command, _ in batch:
                    reply = conn.parse()
                    assert reply in (0, 1), (command, reply)
                    self.states[e].pop(0)
                    self.acknowledged += 1
        except OSError:
            pass
        finally:
            conn.close()

    def compare(self, conn):
        """The server's state must be one of the possible; it is the only one from here on."""
        present = set(conn("VRANGE", self.key, "-", "+"))
        assert present <= set(self.states)
        assert len(present) == conn("VCARD", self.key)
        elements = list(self.states)
        vectors = conn.pipeline(["VEMB", self.key, e] for e in elements)
        attributes = conn.pipeline(["VGETATTR", self.key, e] for e in elements)
        for e, vector, attribute in zip(elements, vectors, attributes):
            possible = self.states[e]
            matching = [state for state in possible if self.matches(state, vector, attribute)]
            assert matching, f"{self.key} {e}: none of {possible}, but {attribute} and {vector}"
            self.states[e] = matching[:1]

    def matches(self, state, vector, attribute):
        if state is None or vector is None:
            return state is None and vector is None and attribute is None
        if state[1] != attribute:
            return False
        given, got = self.vectors[state[0]], np.array(floats(vector))
        if "BIN" in self.options:
            return np.array_equal(got > 0, given > 0)
        return np.abs(got - given).max() <= np.abs(given).max() / 127


def load(server, writers):
    """Starts the writers' threads; yields what waits for their end, and re-raises their failures."""
    threads = ThreadPoolExecutor(len(writers))
    running = [threads.submit(writer.run, server.port) for writer in writers]
    threads.shutdown(wait=False)
    return lambda: [writer.result() for writer in running]


def wait_for_writes(writers, more):
    target = sum(w.acknowledged for w in writers) + more
    eventually(lambda: sum(w.acknowledged for w in writers) >= target)


def verify(server, writers):
    conn = server.connect()
    for writer in writers:
        writer.compare(conn)
        if conn("EXISTS", writer.key):
            check_set(conn, writer.key)
    assert not re.findall("vectorset: .*|.*panicked.*", server.log(1_000_000))


def kill_at_random(server, rng):
    time.sleep(rng.random() * 0.1)
    server.kill()


@pytest.mark.timeout(900 + 20 * ROUNDS)
@pytest.mark.differs("updates are not logged")
@pytest.mark.parametrize("rewrite", ["", "preamble", "commands"])
def test_killed_under_load(launch, rewrite):
    """With and without a rewrite of the append-only file on the way."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    server = launch(*AOF, ("aof-use-rdb-preamble", "no" if rewrite == "commands" else "yes"), ("auto-aof-rewrite-percentage", 0))
    writers = [Writer(i, SEED + i) for i in range(WRITERS)]
    for round in range(ROUNDS):
        join = load(server, writers)
        wait_for_writes(writers, rng.randrange(2000))
        if rewrite:
            conn = server.connect()
            conn("BGREWRITEAOF")
            if rng.random() < 0.5:  # killed after the rewrite, or anywhere in it
                running = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
                eventually(lambda: all(info(conn, "persistence")[x] == "0" for x in running))
        kill_at_random(server, rng)
        join()
        server.start()
        verify(server, writers)
    print(f"{sum(w.acknowledged for w in writers)} acknowledged changes in {ROUNDS} rounds")


@pytest.mark.timeout(900 + 20 * ROUNDS)
@pytest.mark.differs("updates are not logged")
def test_saved_under_load(launch):
    """BGSAVE while everything changes: its file holds whole sets, each element in a state that it was in."""
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    server = launch()
    writers = [Writer(i, SEED + i) for i in range(WRITERS)]
    for round in range(ROUNDS):
        conn = server.connect()
        conn("FLUSHALL")
        history = [writer.remember() for writer in writers]
        join = load(server, writers)
        wait_for_writes(writers, rng.randrange(500, 3000))
        conn("BGSAVE")
        eventually(lambda: info(conn, "persistence")["rdb_bgsave_in_progress"] == "0")
        assert info(conn, "persistence")["rdb_last_bgsave_status"] == "ok"
        kill_at_random(server, rng)
        join()
        server.start()
        conn = server.connect()
        for writer, states in zip(writers, history):
            writer.states = {e: list(states[e]) for e in states}
            writer.compare(conn)
            check_set(conn, writer.key)
        assert not re.findall("vectorset: .*|.*panicked.*", server.log(1_000_000))


def test_an_end_under_load(launch):
    """Threads that need the main one, while it has begun to shut down: Valkey 9.1 unloads its modules at the end."""
    for _ in range(6):
        server = launch()
        conn = server.connect()
        conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT")
        conn.pipeline(["HSET", f"d:{n}", "t", f"hello {'world ' * 20}"] for n in range(600))
        if server.modern:
            conn("CONFIG", "SET", "vectorset.threads", 16)
        for _ in range(16):
            server.connect().socket.sendall(encode(["FT.SEARCH", "i", "hello", "LIMIT", 0, 600]) * 100)
        eventually(lambda: int(info(conn, "clients")["blocked_clients"]) > 0)
        server.process.terminate()
        assert server.process.wait(60) == 0, server.log(100)
        server.close_connections()
        server.start()
