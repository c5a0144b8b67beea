"""Clients that add, update, remove, filter, expire, rename, save and query at the same time: each reply is held against
what was true at some moment between question and answer; those of a replica against what was true on its master since
the moment up to which it had followed. VSET_JUDGED_SECONDS=600 runs it for longer than ten seconds."""

import collections
import concurrent.futures
import json
import multiprocessing
import os
import random
import threading
import time

import numpy as np
import pytest

from judge import Question, State, Table, judge
from resp import Conn, ReplyError
from seeds import new_seed
from servers import eventually, in_sync, info
from vectors import fp32

SECONDS = float(os.environ.get("VSET_JUDGED_SECONDS", 10))
WRITERS, READERS = 4, 4
OWNED = 400  # elements of each writer
EXPIRING = 40  # and of those that expire
DIM = 16
# With few links a search of the graph costs less than a look at all, and is harder to get right.
QUANT = {b"floats": (["NOQUANT", "M", 4], 1e-4), b"bytes": (["Q8"], 0.03)}
MOVING = b"moving"


def unit(rng):
    vector = rng.standard_normal(DIM).astype("<f4")
    return vector / np.linalg.norm(vector)


class World:
    """What the clients share."""

    def __init__(self, port, seed):
        self.port, self.seed = port, seed
        self.end = time.monotonic() + SECONDS
        self.failed = threading.Event()
        names = [b"%d:%d" % (w, i) for w in range(WRITERS) for i in range(OWNED)]
        names += [b"x%d:%d" % (w, i) for w in range(WRITERS) for i in range(EXPIRING)]
        self.tables = {key: Table(names) for key in QUANT}
        self.tables |= {key: Table([b"m%d" % i for i in range(60)]) for key in (MOVING, MOVING + b"2")}
        self.judged = 0
        # Offsets of the master's stream of changes, and when it had surely come so far.
        self.offsets = collections.deque([(0, 0.0)], maxlen=100_000)

    def running(self):
        return time.monotonic() < self.end and not self.failed.is_set()


def attributes(rng, writer):
    return {"n": rng.randrange(100), "w": writer, "tag": rng.choice("abc")}


def add(key, name, state, *options):
    return ["VADD", key, "FP32", fp32(state.vector), name, *QUANT.get(key, (["NOQUANT"], 0))[0], *options]


def write(world, number):
    """Owns the elements of its number, in all keys."""
    rng, floats = random.Random(f"{world.seed} writer {number}"), np.random.default_rng([world.seed, number])
    conn = Conn(world.port, timeout=300)
    while world.running():
        key = rng.choice(list(QUANT))
        element = world.tables[key].elements[b"%d:%d" % (number, rng.randrange(OWNED))]
        now, what = element.now, rng.random()
        if what < 0.05:
            add_expiring(world, conn, key, number, rng, floats)
            continue
        if what < 0.08:
            add_many(world, conn, key, number, rng, floats)
            continue
        if what < 0.15:
            condition = rng.choice(["NX", "XX"])
            done = now.present() == (condition == "XX")
            new = State(unit(floats), attributes(rng, number))
            state = element.becomes(new if done else State(now.vector, now.attributes))
            reply = conn(*add(key, element.name, new, condition, "SETATTR", json.dumps(new.attributes)))
            assert reply == (done and condition == "NX"), (key, element.name, condition, reply)
        elif what < 0.55:
            state = element.becomes(State(unit(floats), attributes(rng, number)))
            reply = conn(*add(key, element.name, state, "SETATTR", json.dumps(state.attributes)))
            assert reply == (not now.present()), (key, element.name, reply)
        elif what < 0.65:
            # Attributes stay where none are given.
            state = element.becomes(State(unit(floats), now.attributes))
            assert conn(*add(key, element.name, state)) == (not now.present())
        elif what < 0.8:
            state = element.becomes(State())
            assert conn("VREM", key, element.name) == now.present(), (key, element.name)
        elif what < 0.99:
            changed = attributes(rng, number) if rng.random() < 0.8 else None
            state = element.becomes(State(now.vector, changed if now.present() else None))
            reply = conn("VSETATTR", key, element.name, json.dumps(changed) if changed else "")
            assert reply == now.present(), (key, element.name, reply)
        else:
            remove_many(world, conn, key, number, rng.randrange(100))
            continue
        state.acked = time.monotonic()
    conn.close()


def add_expiring(world, conn, key, number, rng, floats):
    """An element whose time comes within some tenths of a second."""
    element = world.tables[key].elements[b"x%d:%d" % (number, rng.randrange(EXPIRING))]
    if element.now.acked > time.monotonic():
        return  # its time is still to come
    assert not element.now.present()
    at = int(time.time() * 1000) + rng.randrange(20, 300)
    moment = time.monotonic() + at / 1000 - time.time()
    state = element.becomes(State(unit(floats), attributes(rng, 100 + number)))
    gone = State()
    gone.sent, gone.acked = moment - 0.002, moment + 0.02
    element.becomes(gone)
    reply = conn(*add(key, element.name, state, "SETATTR", json.dumps(state.attributes), "PXAT", at))
    assert reply == 1, (key, element.name, reply)
    state.acked = time.monotonic()


def add_many(world, conn, key, number, rng, floats):
    """Twenty elements in one command."""
    chosen = [world.tables[key].elements[b"%d:%d" % (number, i)] for i in rng.sample(range(OWNED), 20)]
    new = sum(not element.now.present() for element in chosen)
    states = [element.becomes(State(unit(floats), attributes(rng, number))) for element in chosen]
    words = [word for e, s in zip(chosen, states) for word in (e.name, fp32(s.vector), json.dumps(s.attributes))]
    reply = conn("VMADD", key, *QUANT[key][0], "WITHATTRIBS", "FP32", *words)
    assert reply == new, (key, number, reply, new)
    for state in states:
        state.acked = time.monotonic()


def remove_many(world, conn, key, number, below):
    mine = [e for e in world.tables[key].elements.values() if e.name.startswith(b"%d:" % number)]
    gone = [e for e in mine if e.now.present() and e.now.attributes and e.now.attributes["n"] < below]
    states = [e.becomes(State()) for e in gone]
    reply = conn("VREMBYFILTER", key, f".w == {number} and .n < {below}")
    assert reply == len(gone), (key, number, below, reply, len(gone))
    for state in states:
        state.acked = time.monotonic()


def move(world):
    """A small set that comes, is renamed, overwritten, deleted, and expires."""
    rng, floats = random.Random(f"{world.seed} mover"), np.random.default_rng([world.seed, 99])
    conn = Conn(world.port, timeout=300)
    at, other = MOVING, MOVING + b"2"
    while world.running():
        for element in world.tables[at].elements.values():
            state = element.becomes(State(unit(floats), None))
            conn(*add(at, element.name, state))
            state.acked = time.monotonic()
        how = rng.choice(["DEL", "UNLINK", "PEXPIRE", "RENAME", "RENAME", "SET"])
        states = [element.becomes(State()) for element in world.tables[at].elements.values()]
        if how == "RENAME":
            for element in world.tables[at].elements.values():
                before = element.states[-2]
                states.append(world.tables[other].elements[element.name].becomes(State(before.vector, None)))
            assert conn("RENAME", at, other) == "OK"
            at, other = other, at
        elif how == "PEXPIRE":
            assert conn("PEXPIRE", at, rng.randrange(1, 50)) == 1
            eventually(lambda: conn("EXISTS", at) == 0)
        else:
            conn(*{"DEL": ["DEL", at], "UNLINK": ["UNLINK", at], "SET": ["SET", at, "x", "PX", 20]}[how])
            eventually(lambda: conn("EXISTS", at) == 0)
        for state in states:
            state.acked = time.monotonic()
    conn.close()


def filters(rng):
    """A filter, and what it means."""
    n, tag, some = rng.randrange(100), rng.choice("abc"), rng.sample(range(100), 8)
    return rng.choice([
        (None, lambda a: True),
        (f".n < {n}", lambda a: bool(a) and a["n"] < n),
        (f'.tag == "{tag}" and .n >= {n}', lambda a: bool(a) and a["tag"] == tag and a["n"] >= n),
        (f".n in {some}", lambda a: bool(a) and a["n"] in some),
        (f".n == {n}", lambda a: bool(a) and a["n"] == n),
    ])


def read(world, number, replica=None):
    rng, floats = random.Random(f"{world.seed} reader {number}"), np.random.default_rng([world.seed, 1000 + number])
    conn = Conn(replica or world.port, timeout=300)
    while world.running():
        text, matches = filters(rng)
        asked = followed(world, conn) if replica else time.monotonic()
        if rng.random() < 0.15 and text:
            key = rng.choice([*QUANT, *QUANT, MOVING, MOVING + b"2"])
            found = retyped(conn, "VCOUNT", key, text)
            least, most = world.tables[key].bounds(asked, time.monotonic(), matches)
            assert found is None or least <= found <= most, (key, text, found, least, most)
        elif rng.random() < 0.2:
            ask_both(world, conn, asked, rng, floats, text, matches)
        else:
            ask_one(world, conn, asked, rng, floats, text, matches)
        world.judged += 1
    conn.close()


def choices(rng, text):
    """Options, the count, whether the answer is to be exact, and the least score."""
    count = rng.choice([1, 10, 10, 50, 700])
    options = ["COUNT", count, "WITHSCORES"] + (["FILTER", text] if text else [])
    exact = rng.random() < 0.3
    options += ["TRUTH"] if exact else ["EF", rng.choice([10, 50, 100, 300])] if rng.random() < 0.7 else []
    least = rng.choice([0.5, 0.7]) if rng.random() < 0.2 else -1.0
    return options + (["MINSCORE", least] if least > 0 else []), count, exact, least


def ask_one(world, conn, asked, rng, floats, text, matches):
    """A VSIM by a vector, by two, or by two of which one is an element's."""
    key = rng.choice([*QUANT, *QUANT, MOVING, MOVING + b"2"])
    table, tolerance = world.tables[key], QUANT.get(key, ("", 1e-4))[1]
    options, count, exact, least = choices(rng, text)
    query, words, excluded = unit(floats), [], ()
    queries = [query]
    if (how := rng.random()) < 0.2:
        other, weight = unit(floats), rng.choice([1, 2, -0.5])
        words = ["AND", "WEIGHT", weight, "FP32", fp32(other)]
        queries = [query + weight * other]
    elif how < 0.4:
        element = rng.choice(list(table.elements.values()))
        words, excluded = ["AND", "ELE", element.name], [element.name]
        options = [*options, "EXCLUDE"]
    reply = retyped(conn, "VSIM", key, "FP32", fp32(query), *words, *options)
    answered = time.monotonic()
    if excluded:
        # Any of the vectors that it may have had then.
        states = element.possible(asked, answered)
        if reply is None:
            assert key.startswith(MOVING) or not all(s.present() for s in states), f"{key}: {element.name} was there"
            return
        if not reply and not any(s.present() for s in states):
            return  # there is no such key
        queries = [query + s.vector for s in states if s.present()]
    if reply is None:
        return
    hits = [(name, float(score)) for name, score in zip(reply[::2], reply[1::2])]
    wrong = []
    for vector in queries:
        question = Question(vector / np.linalg.norm(vector), count, matches, tolerance, exact, least, excluded)
        try:
            return table.judge(hits, question, asked, answered)
        except AssertionError as why:
            wrong.append(str(why))
    raise AssertionError(f"{about(world, conn, asked, answered)}, {key}, {[*words, *options]}: {wrong}")


def ask_both(world, conn, asked, rng, floats, text, matches):
    """A VMSIM over two sets."""
    options, count, exact, least = choices(rng, text)
    query = unit(floats)
    reply = conn("VMSIM", 2, *QUANT, "FP32", fp32(query), *options)
    answered = time.monotonic()
    elements = {(key, name): e for key in QUANT for name, e in world.tables[key].elements.items()}
    hits = [((key, name), float(score)) for key, name, score in reply]
    try:
        judge(elements, hits, Question(query, count, matches, 0.03, exact, least), asked, answered)
    except AssertionError as why:
        raise AssertionError(f"{about(world, conn, asked, answered)}, VMSIM {options}: {why}") from None


def about(world, conn, asked, answered):
    return f"seed {world.seed}, {'master' if conn.socket.getpeername()[1] == world.port else 'replica'}, {answered - asked:.4f} s"


def followed(world, conn):
    """A moment up to which a replica has followed its master."""
    offset = int(info(conn, "replication")["slave_repl_offset"])
    return next((when for at, when in reversed(list(world.offsets)) if at <= offset), 0.0)


def sample(world):
    """Notes how far the master's stream of changes is."""
    conn = Conn(world.port, timeout=300)
    while world.running():
        when = time.monotonic()
        world.offsets.append((int(info(conn, "replication")["master_repl_offset"]), when))
        time.sleep(0.01)
    conn.close()


def retyped(conn, *command):
    """The reply; none if the key holds a string just then, or if there is no such element."""
    try:
        return conn(*command)
    except ReplyError as why:
        moved = str(why).startswith("WRONGTYPE") and command[1].startswith(MOVING)
        assert moved or "element not found" in str(why), why
        return None


def save(world):
    """A child that saves, again and again."""
    conn = Conn(world.port, timeout=300)
    while world.running():
        conn("BGSAVE")
        eventually(lambda: info(conn, "persistence")["rdb_bgsave_in_progress"] == "0")
        assert info(conn, "persistence")["rdb_last_bgsave_status"] == "ok"
        time.sleep(0.3)
    conn.close()


def ping(port, stop, longest):
    """An uninvolved client, in a process of its own."""
    conn = Conn(port, timeout=300)
    while not stop.is_set():
        began = time.monotonic()
        conn("PING")
        longest.value = max(longest.value, time.monotonic() - began)
        time.sleep(0.001)


def check_at_rest(conn, world):
    """Everything is there, and nothing else."""
    for key, table in world.tables.items():
        there = {e.name: e.now for e in table.elements.values() if e.now.present()}
        if not there:
            assert conn("EXISTS", key) == 0
            continue
        assert conn("VCHECK", key) == "OK"
        assert set(conn("VRANGE", key, "-", "+")) == set(there)
        tolerance = QUANT.get(key, ("", 1e-4))[1]
        for name, state in there.items():
            text = conn("VGETATTR", key, name)
            assert (json.loads(text) if text else None) == state.attributes, (key, name)
            vector = np.array([float(x) for x in conn("VEMB", key, name)])
            assert np.abs(vector - state.vector).max() <= 4 * tolerance, (key, name)


@pytest.mark.timeout(900 + SECONDS)
def test_every_reply_was_true_at_some_moment(replicated, server):
    if server.peer:
        pytest.xfail("has other commands")
    primary, replica = replicated()
    world = World(primary.port, seed=new_seed())
    print(f"\nseed {world.seed}")
    context = multiprocessing.get_context("spawn")
    # The second server is idle: what its client waits is what this machine makes any client wait.
    stop, waits = context.Event(), [context.Value("d", 0.0), context.Value("d", 0.0)]
    ports = (primary.port, server.port)
    pingers = [context.Process(target=ping, args=(port, stop, longest)) for port, longest in zip(ports, waits)]
    for pinger in pingers:
        pinger.start()
    in_sync(primary, replica)
    jobs = [(write, n) for n in range(WRITERS)] + [(read, n) for n in range(READERS)]
    jobs += [(read, READERS + n, replica.port) for n in range(2)] + [(move,), (save,), (sample,)]
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        futures = [pool.submit(job, world, *args) for job, *args in jobs]
        concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_EXCEPTION)
        world.failed.set()
    stop.set()
    for pinger in pingers:
        pinger.join()
    longest, idle = (wait.value * 1000 for wait in waits)
    print(f"{world.judged} replies judged; an uninvolved client waited {longest:.1f} ms at most, that of an idle server {idle:.1f} ms")
    for future in futures:
        future.result()
    time.sleep(0.5)  # all that is to expire has done so
    check_at_rest(primary.connect(), world)
    in_sync(primary, replica)
    check_at_rest(replica.connect(), world)
    primary.connect()("SAVE")
    primary.restart()
    check_at_rest(primary.connect(), world)
