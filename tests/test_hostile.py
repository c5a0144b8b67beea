"""Random and mutated commands over vector sets and documents, in every context: the server stays up, answers others and
gives its memory back; replies in RESP2 and RESP3 tell the same.

The short form is a part of the suite; VSET_HOSTILE_SECONDS goes on for so long, VSET_SEED repeats one.
"""

import math
import os
import random
import threading
import time

import pytest

from hostile import dumps, fill, generator
from resp import Conn, ReplyError, pairs
from seeds import new_seed
from servers import eventually, in_sync, info

SECONDS = float(os.environ.get("VSET_HOSTILE_SECONDS", 0))
SEED = new_seed()
STEPS = 1500
PATIENCE = 120  # seconds without a reply that count as a hang


def connect(server, protocol=2):
    """Again and again while another client kills what connects."""
    for _ in range(20):
        try:
            conn = Conn(server.port, protocol if server.modern else 2, timeout=PATIENCE)
            conn.documented = server.modern
            return conn
        except ConnectionError:
            time.sleep(0.01)
    raise AssertionError(f"no connection: {server.log(60)}")


class Hostile:
    """One client that sends what it likes, each time in some context."""

    def __init__(self, server, seed, saved):
        self.server, self.rng, self.saved = server, random.Random(seed), saved
        self.conn = connect(server, self.rng.choice([2, 3]))
        self.last = None
        self.commands = generator(connect(server), self.rng)

    def run(self, steps):
        contexts = [self.plain] * 12 + [self.transaction, self.script, self.unanswered, self.tracked, self.hang_up, self.restore, self.restore, self.burst, self.moved]
        for _ in range(steps):
            try:
                self.rng.choice(contexts)()
            except ReplyError:
                pass
            except TimeoutError:
                raise AssertionError(f"no reply: {self.last}") from None
            except OSError as e:
                assert self.server.alive(), f"{self.last}: {e}\n{self.server.log(60)}"
                self.conn = connect(self.server, self.rng.choice([2, 3]))

    def command(self):
        self.last = self.commands.command()
        return self.last

    def plain(self):
        self.conn(*self.command())

    def transaction(self):
        commands = [self.command() for _ in range(self.rng.randrange(1, 4))]
        self.last = commands
        self.conn.pipeline([["MULTI"], *commands, [self.rng.choice(["EXEC", "EXEC", "DISCARD"])]])

    def script(self):
        call = self.rng.choice(["redis.call", "redis.pcall"])
        name, *args = self.command()
        script = f"return {call}('{name}', unpack(ARGV))"
        self.conn("EVAL", script, 0, *args)

    def unanswered(self):
        conn = connect(self.server, 2)
        conn.send("CLIENT", "REPLY", "OFF")
        for _ in range(5):
            conn.send(*self.command())
        conn.send("CLIENT", "REPLY", "ON")
        assert conn.parse() == "OK", self.last
        conn.close()

    def tracked(self):
        conn = connect(self.server, 3)
        if conn.protocol == 3:
            conn("CLIENT", "TRACKING", "ON", *self.rng.choice([[], ["BCAST"], ["NOLOOP"]]))
        try:
            for _ in range(5):
                conn(*self.command())
        finally:
            conn.close()

    def hang_up(self):
        for _ in range(self.rng.randrange(1, 10)):
            self.conn.send(*self.command())
        if self.rng.random() < 0.5:
            self.conn.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.conn.close()
        self.conn = connect(self.server, self.rng.choice([2, 3]))

    def restore(self):
        dumps, version = self.saved
        payload = self.commands.damaged(self.rng.choice(dumps), version)
        key = self.rng.choice(["set", "json", "restored"])
        self.last = ["RESTORE", key, 0, payload, "REPLACE"]
        self.conn(*self.last)
        for command in (["VSIM", key, "VALUES", 4, 1, 2, 3, 4, "COUNT", 50], ["VREM", key, "e3"], ["VADD", key, "VALUES", 4, 1, 2, 3, 4, "new"], ["JSON.GET", key], ["DUMP", key], ["DEBUG", "DIGEST"]):
            try:
                self.last = [*self.last[:4], command]
                self.conn(*command)
            except ReplyError:
                pass

    def burst(self):
        self.conn.pipeline([self.command() for _ in range(20)])

    def moved(self):
        a, b = self.rng.choice(["set", "json", "l2", "timed"]), self.rng.choice(["set", "json", "restored"])
        self.last = self.rng.choice([["COPY", a, b, "REPLACE"], ["RENAME", a, b], ["DEL", b], ["UNLINK", a], ["MEMORY", "USAGE", a], ["EXPIRE", b, 1], ["PEXPIRE", a, 1], ["MOVE", b, 1], ["SWAPDB", 0, 1]])
        self.conn(*self.last)


class Pinger(threading.Thread):
    """A client that has nothing to do with it."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.longest, self.stopped, self.failed = server, 0.0, False, None
        self.conn = connect(server)
        self.conn("CLIENT", "NO-EVICT", "ON") if server.modern else None
        self.conn("SUBSCRIBE", "lifeline")  # CLIENT KILL TYPE normal spares it
        self.start()

    def run(self):
        try:
            while not self.stopped:
                began = time.monotonic()
                self.conn.send("PING")
                self.conn.parse()
                self.longest = max(self.longest, time.monotonic() - began)
                time.sleep(0.02)
        except Exception as e:
            self.failed = e


def attack(server, seed):
    admin = connect(server)
    fill(admin)
    saved = dumps(admin)
    clients = [Hostile(server, seed + i, saved) for i in range(3)]
    failures = []

    def run(client):
        try:
            client.run(STEPS // 3)
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=run, args=[client]) for client in clients]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failures, (seed, failures, [client.last for client in clients])


def used(conn):
    conn("FLUSHALL", "SYNC") if conn.documented else conn("FLUSHALL")
    conn("SCRIPT", "FLUSH")
    return int(info(conn, "memory")["used_memory"])


@pytest.mark.timeout(max(900, 3 * SECONDS))
@pytest.mark.differs("other commands")
def test_whatever_a_client_sends_the_server_stays(launch):
    server = launch()
    attack(server, SEED)  # whatever is made once is made
    before = used(connect(server))
    pinger = Pinger(server)
    end, seed = time.monotonic() + SECONDS, SEED
    while True:
        seed += 10
        print(f"{server.kind} seed {seed}, longest ping {pinger.longest * 1000:.0f} ms, {used(connect(server)) >> 10} KB", flush=True)
        attack(server, seed)
        assert pinger.failed is None and server.alive(), server.log(60)
        if time.monotonic() >= end:
            break
    pinger.stopped = True
    conn = connect(server)
    eventually(lambda: used(conn) < before * 1.2 + (2 << 20))
    complaints = [line for line in server.log(1_000_000).splitlines() if "panicked" in line]
    assert not complaints, complaints


def digests(conn):
    names = sorted(conn("KEYS", "*"))
    return dict(zip(names, conn("DEBUG", "DIGEST-VALUE", *names))) if names else {}


def differing(a, b):
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def forget_times(conn):
    """Nothing changes by itself from here on."""
    for name in conn("KEYS", "*"):
        conn("PERSIST", name)
        if conn("TYPE", name) == "vectorset" and "expiring" in pairs(conn("VINFO", name)):
            conn("DEL", name)


@pytest.mark.differs("other commands")
def test_replica_and_log_hold_the_same(replicated):
    """Whatever was sent: what the master made of it, its replica and its log tell too."""
    master, replica = replicated(("appendonly", "yes"), ("aof-use-rdb-preamble", "no"), ("auto-aof-rewrite-percentage", "0"))
    attack(master, SEED)
    conn = connect(master)
    forget_times(conn)
    in_sync(master, replica)
    before = digests(conn)
    wrong = differing(before, digests(connect(replica)))
    assert not wrong, f"seed {SEED}: {wrong} on the replica"
    master.restart()
    wrong = differing(before, digests(connect(master)))
    assert not wrong, f"seed {SEED}: {wrong} from the log"


def told(reply):
    """A reply without what only one of the protocols can express."""
    if isinstance(reply, dict):
        return [told(x) for pair in reply.items() for x in pair]
    if isinstance(reply, (list, tuple)):
        return [told(x) for x in reply]
    if isinstance(reply, bool):
        return int(reply)
    if isinstance(reply, str):
        return reply.encode()
    if isinstance(reply, (float, int)) and not isinstance(reply, bool):
        return float(reply)
    return reply


def same(two, three):
    """Equal, where a number of RESP3 may be text in RESP2, and pairs a list or flat."""
    if isinstance(two, list) and isinstance(three, list):
        return flat(two) == flat(three) or len(two) == len(three) and all(map(same, two, three))
    if isinstance(three, float) and isinstance(two, bytes):
        try:
            two = float(two)
        except ValueError:
            return False
    if isinstance(two, float) and isinstance(three, float):
        return two == three or math.isnan(two) and math.isnan(three)
    return two == three


def flat(items):
    """Leaves in order, numbers as text."""
    leaves = []
    for item in items:
        leaves += flat(item) if isinstance(item, list) else [repr(number(item))]
    return leaves


def number(leaf):
    try:
        return float(leaf) if isinstance(leaf, (bytes, float)) else leaf
    except ValueError:
        return leaf


@pytest.mark.differs("other commands")
def test_both_protocols_tell_the_same(launch):
    server = launch()
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    two, three = connect(server, 2), connect(server, 3)
    if three.protocol == 2:
        return  # modules of Redis 6.2 have no RESP3
    commands = generator(two, rng)
    flags = {row[0].decode().upper(): set(row[2]) for row in two("COMMAND")}
    # Random, of the moment, or of another shape by its specification.
    left_out = {"VRANDMEMBER", "VINFO", "VEXPLAIN", "VTTL", "VPTTL", "JSON.TYPE"}
    end = time.monotonic() + SECONDS
    fill(two)
    differing = {}
    while True:
        for _ in range(STEPS):
            command = commands.command()
            readonly = "readonly" in {f if isinstance(f, str) else f.decode() for f in flags[command[0]]}
            two.send(*command)
            first = two.parse()
            if readonly and command[0] not in left_out:
                three.send(*command)
                second = three.parse()
                two.send(*command)
                again = two.parse()  # an element may expire in between
                if not any(same(told(x), told(second)) or str(x) == str(second) for x in (first, again)):
                    differing[command[0]] = command, first, second
        if time.monotonic() >= end:
            break
        fill(two)
    assert not differing, "\n".join(f"{command[:8]}: {str(first)[:300]} and {str(second)[:300]}" for command, first, second in differing.values())
