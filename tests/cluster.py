"""A cluster of real servers in temporary folders, put together by commands."""

import binascii
import contextlib
import time

from resp import ReplyError
from servers import Server, eventually, in_sync, info

SLOTS = 16384
# Milliseconds of silence after which a node counts as dead: on a busy machine those with little patience are replaced though they live.
PATIENCE = 30_000


class Cluster:
    """So many masters, with the slots divided among them, and replicas of the first, or of each in turn."""

    def __init__(self, kind, masters, replicas=0, each=False):
        self.each = each
        config = [("cluster-enabled", "yes"), ("cluster-node-timeout", PATIENCE), ("cluster-require-full-coverage", "no")]
        config += [("cluster-replica-validity-factor", 0)]  # a replica takes over, however late
        if kind == "valkey91":
            config += [("cluster-manual-failover-timeout", 120_000)]  # ends the last step of a slot's move, too
        self.servers = []
        try:
            for _ in range(masters + replicas):
                self.servers.append(Server(kind, *config))
            self.masters, self.replicas = self.servers[:masters], self.servers[masters:]
            self.join()
        except BaseException:
            self.remove()
            raise

    def at(self, server):
        """The one connection to a server: polling with new ones would use up the server's number of clients."""
        if not server.connections:
            server.connect()
        return server.connections[0]

    def join(self):
        share = -(-SLOTS // len(self.masters))
        for i, master in enumerate(self.masters):
            slots = range(i * share, min((i + 1) * share, SLOTS))
            conn = self.at(master)
            conn("CLUSTER", "ADDSLOTS", *slots)
            if i:
                conn("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        first = self.servers[0]
        for server in self.servers[1:]:
            self.at(server)("CLUSTER", "MEET", "127.0.0.1", first.port, first.bus_port)
        eventually(lambda: all(self.healthy(s) for s in self.servers))
        for i, replica in enumerate(self.replicas):
            conn = self.at(replica)
            master = self.masters[i % len(self.masters)] if self.each else first
            conn("CLUSTER", "REPLICATE", self.id(master))
            self.await_replica(replica, master)

    def await_replica(self, replica, master):
        """Returns when it is in step, and every server has heard of it: a master hears no FAILOVER of a stranger."""
        eventually(lambda: info(self.at(replica), "replication").get("master_link_status") == "up")
        line = f"slave {self.id(master)}"
        for server in self.servers:
            eventually(lambda: any(self.id(replica) in n and line in n for n in self.nodes(server)))
        in_sync(master, replica)

    def take_over(self, replica):
        """By its own request. Servers give that up after some seconds, so it is repeated."""
        conn = self.at(replica)
        assert conn("CLUSTER", "FAILOVER") == "OK"
        asked = time.monotonic()

        def done():
            nonlocal asked
            if time.monotonic() > asked + 10:
                conn.pipeline([["CLUSTER", "FAILOVER"]])
                asked = time.monotonic()
            return conn("ROLE")[0] == b"master"

        eventually(done)

    def kill(self, victim, heir):
        """Ends a master at once; its replica takes over."""
        victim.kill()
        with self.impatient():
            eventually(lambda: self.at(heir)("ROLE")[0] == b"master")

    @contextlib.contextmanager
    def impatient(self):
        """Nodes that are dead are soon taken for dead; in the end those that live are not."""
        alive = [server for server in self.servers if server.alive()]

        def be_patient_for(milliseconds):
            for server in alive:
                self.at(server)("CONFIG", "SET", "cluster-node-timeout", milliseconds)

        be_patient_for(2000)
        yield
        be_patient_for(PATIENCE)
        eventually(lambda: not any("fail" in self.flags(server, other) for server in alive for other in alive))

    def flags(self, server, other):
        """What a node says of another, such as `master,fail`."""
        return next(line.split()[2] for line in self.nodes(server) if f":{other.port}@" in line)

    def nodes(self, server):
        return self.at(server)("CLUSTER", "NODES").decode().splitlines()

    def healthy(self, server):
        """Whether it knows all others, and who has each slot."""
        conn = self.at(server)
        state = dict(line.split(":") for line in conn("CLUSTER", "INFO").decode().split())
        known = self.nodes(server)
        good = state["cluster_state"] == "ok" and int(state["cluster_slots_ok"]) == SLOTS
        return good and len(known) == len(self.servers) and all(n.split()[7] == "connected" and "handshake" not in n for n in known)

    def id(self, server):
        return self.at(server)("CLUSTER", "MYID").decode()

    def run(self, *command):
        """Follows redirections, as a client does."""
        server, asking = self.masters[0], False
        for _ in range(5):
            conn = self.at(server)
            try:
                if asking:
                    conn("ASKING")
                return conn(*command)
            except ReplyError as error:
                what, _, address = (str(error).split() + ["", ""])[:3]
                if what not in ("MOVED", "ASK"):
                    raise
                port = int(address.rpartition(":")[2])
                server, asking = next(s for s in self.servers if s.port == port), what == "ASK"
        raise AssertionError("redirected in a circle")

    def pipeline(self, commands):
        """Runs each command at the master that owns its first key."""
        ranges = [(first, last, node[1]) for first, last, node, *_ in self.at(self.masters[0])("CLUSTER", "SLOTS")]
        by_port = {}
        for command in commands:
            key = command[1] if isinstance(command[1], bytes) else command[1].encode()
            slot = binascii.crc_hqx(key, 0) % SLOTS  # of keys without a tag
            by_port.setdefault(next(port for first, last, port in ranges if first <= slot <= last), []).append(command)
        for port, some in by_port.items():
            server = next(s for s in self.servers if s.port == port)
            refused = [r for r in self.at(server).pipeline(some) if isinstance(r, ReplyError)]
            assert not refused, refused[0]

    def owner(self, key):
        """The master that has a key's slot, as the first master sees it, and the slot."""
        conn = self.at(self.masters[0])
        slot = conn("CLUSTER", "KEYSLOT", key)
        for first, last, node, *_ in conn("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(s for s in self.servers if s.port == node[1]), slot
        raise AssertionError(f"no node has slot {slot}")

    def remove(self):
        with contextlib.ExitStack() as stack:  # all of them, whatever becomes of one
            for server in self.servers:
                stack.callback(server.remove)
