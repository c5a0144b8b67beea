"""FT.* over a cluster while slots move, links break, primaries die and nodes join: answers stay those of one node."""

import random
import signal
import threading

from resp import ReplyError, error
from search_cluster import COUNT, cluster, kind, other  # noqa: F401
from servers import Server, eventually


class Asking:
    """Asks all the time while the test goes on, and keeps what was wrong."""

    def __init__(self, cluster, may_fail=False):
        self.wrong, self.errors, self.answers, self.stop = [], [], 0, threading.Event()
        self.may_fail = may_fail
        self.connections = [server.connect() for server in cluster.servers[:1]]
        self.thread = threading.Thread(target=self.run)

    def run(self):
        conn = self.connections[0]
        while not self.stop.is_set():
            for command in (
                ["FT.SEARCH", "i", "@n:[0 +inf]", "NOCONTENT", "LIMIT", 0, 2 * COUNT],
                ["FT.AGGREGATE", "i", "*", "GROUPBY", 1, "@g", "REDUCE", "COUNT", 0, "AS", "c"],
            ):
                try:
                    reply = conn(*command)
                except ReplyError as refused:
                    self.errors.append(str(refused))
                    continue
                except Exception as broken:
                    self.wrong.append(repr(broken))
                    return
                self.answers += 1
                if command[0] == "FT.SEARCH":
                    keys = reply[1:]
                    if len(keys) != COUNT or len(set(keys)) != COUNT:
                        self.wrong.append(f"{len(keys)} keys, {len(set(keys))} of them different")
                else:
                    counts = [int(dict(zip(row[::2], row[1::2]))[b"c"]) for row in reply[1:]]
                    if sum(counts) != COUNT:
                        self.wrong.append(f"counts {counts}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        assert not self.wrong, self.wrong[:5]
        assert self.may_fail or not self.errors, self.errors[:5]
        assert self.answers


def move(cluster, slot, source, target):
    """As redis-cli --cluster reshard does."""
    s, t = cluster.at(source), cluster.at(target)
    t("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id(source))
    s("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id(target))
    while keys := s("CLUSTER", "GETKEYSINSLOT", slot, 1):
        s("MIGRATE", "127.0.0.1", target.port, "", 0, 60_000, "KEYS", *keys)
    for conn in (t, s, *(cluster.at(master) for master in cluster.masters)):
        conn("CLUSTER", "SETSLOT", slot, "NODE", cluster.id(target))


def slots_of(cluster, keys, owner):
    """Different slots of keys that a node has."""
    found = {cluster.owner(key)[1] for key in keys if cluster.owner(key)[0] is owner}
    return sorted(found)


def test_slots_move_and_nodes_join(other, kind):
    source, target = other.masters[0], other.masters[1]
    slots = slots_of(other, [f"d:{i}" for i in range(60)], source)[:8]
    with Asking(other):
        for slot in slots:
            move(other, slot, source, target)
    if kind == "valkey91":
        slots = slots_of(other, [f"d:{i}" for i in range(200)], target)[:3]
        with Asking(other):
            for slot in slots:
                conn = other.at(target)
                assert conn("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", other.id(source)) == "OK"
                eventually(lambda: b"success" in conn("CLUSTER", "GETSLOTMIGRATIONS")[0])
    joined = Server(kind, *source.config)
    other.servers.append(joined)
    other.at(joined)("CLUSTER", "MEET", "127.0.0.1", source.port, source.bus_port)
    eventually(lambda: all(other.healthy(server) for server in other.servers))
    conn = other.at(joined)
    eventually(lambda: conn("FT._LIST") == [b"i"])
    # The others drop messages of a node that they have only just met: it asks again.
    assert conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "TIMEOUT", 20_000) == [COUNT]
    other.masters.append(joined)
    slots = slots_of(other, [f"d:{i}" for i in range(100)], other.masters[2])[:3]
    with Asking(other):
        for slot in slots:
            move(other, slot, other.masters[2], joined)
    assert conn("FT.CHECK", "i") > 0


def test_links_break(cluster):
    """What was on a link that breaks is sent again, and counts once."""
    rng = random.Random(4)

    def directions(a, b):
        links = [dict(zip(link[::2], link[1::2])) for link in cluster.at(a)("CLUSTER", "LINKS")]
        return {link[b"direction"] for link in links if link[b"node"].decode() == cluster.id(b)}

    with Asking(cluster) as asking:
        for _ in range(20):
            a, b = rng.sample(cluster.servers, 2)
            # Redis 7.0 does not survive that a link is to be killed that is not there.
            eventually(lambda: len(directions(a, b)) == 2)
            cluster.at(a)("DEBUG", "CLUSTERLINK", "KILL", rng.choice(["TO", "FROM"]), cluster.id(b))
            before = asking.answers
            eventually(lambda: asking.answers > before or asking.wrong)


def test_primaries_die(other):
    eventually(lambda: all(other.at(r)("DBSIZE") == other.at(m)("DBSIZE") for m, r in zip(other.masters, other.replicas)))
    victim, heir = other.masters[2], other.replicas[2]
    with Asking(other, may_fail=True) as asking:
        other.kill(victim, heir)
        before = asking.answers
        eventually(lambda: asking.answers > before + 4)
    conn = other.at(other.masters[0])
    assert conn("FT.CREATE", "later", "SCHEMA", "x", "TAG") == "OK"
    eventually(lambda: sorted(other.at(heir)("FT._LIST")) == [b"i", b"later"])
    heir.kill()
    address = f"127.0.0.1:{heir.port}"
    with other.impatient():
        eventually(lambda: "fail" in other.flags(other.masters[0], heir).split(","))
    with error(f"ERR shard {address} did not answer"):
        conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "TIMEOUT", 5000)  # for the others to answer
    some = conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "PARTIAL")[0]
    assert 0 < some < COUNT
    conn("CONFIG", "SET", "vectorset.search-partial", "yes")
    assert conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0) == [some]
    reply = other.masters[0].connect(protocol=3)("FT.SEARCH", "i", "*", "LIMIT", 0, 0)
    assert reply["warning"] == ["Some shards did not answer: results are partial"]
    assert reply["total_results"] == some
    # One that was away learns what happened.
    assert conn("FT.DROPINDEX", "later") == "OK"
    heir.start()
    eventually(lambda: other.at(heir)("FT._LIST") == [b"i"])


def test_a_frozen_node_ends_no_patience(other):
    conn, frozen = other.at(other.masters[0]), other.masters[1]
    frozen.process.send_signal(signal.SIGSTOP)
    try:
        try:
            reply = conn("FT.SEARCH", "i", "*", "LIMIT", 0, 0, "TIMEOUT", 5000)  # for the others to answer
            assert reply == [COUNT]  # a replica has answered in its place
        except ReplyError as refused:
            assert str(refused) == f"ERR shard 127.0.0.1:{frozen.port} did not answer"
        assert conn("PING") == "PONG"
    finally:
        frozen.process.send_signal(signal.SIGCONT)
