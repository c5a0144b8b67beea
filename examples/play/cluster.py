"""A local cluster for `serve.py --nodes 3`: servers that share the slots, and how many keys each has."""

import time

import redis
from redis.cluster import RedisCluster
from words import Server

SLOTS = 16384


class Nodes:
    """So many servers as one cluster; the slots are divided evenly."""

    def __init__(self, path, module, count):
        self.servers, self.clients = [], []
        try:
            for _ in range(count):
                self.servers.append(Server(path, module, "--cluster-enabled", "yes"))
            for server in self.servers:
                server.client()  # waits until it answers
                self.clients.append(redis.Redis(port=server.port, protocol=2, decode_responses=True))
            self.join()
        except BaseException:
            self.stop()
            raise

    def join(self):
        share = -(-SLOTS // len(self.clients))
        for i, client in enumerate(self.clients):
            client.execute_command("CLUSTER ADDSLOTSRANGE", i * share, min((i + 1) * share, SLOTS) - 1)
            if i:
                client.execute_command("CLUSTER SET-CONFIG-EPOCH", i + 1)
        first = self.servers[0]
        for client in self.clients[1:]:
            client.execute_command("CLUSTER MEET", "127.0.0.1", first.port, first.bus_port)
        while not all(self.is_whole(client) for client in self.clients):
            time.sleep(0.05)

    def is_whole(self, client):
        """Whether a node knows all others, and who has each slot."""
        state = client.cluster("INFO")
        return state["cluster_state"] == "ok" and int(state["cluster_known_nodes"]) == len(self.clients)

    def port_of(self, key):
        """The port of the node that has a key's slot."""
        share = -(-SLOTS // len(self.clients))
        return self.servers[int(self.clients[0].execute_command("CLUSTER KEYSLOT", key)) // share].port

    def client(self):
        """One that finds the node of each key by itself."""
        return RedisCluster("127.0.0.1", self.servers[0].port, protocol=2, decode_responses=True)

    def status(self):
        """The keys of each node."""
        return [{"port": server.port, "keys": client.dbsize()} for server, client in zip(self.servers, self.clients)]

    def stop(self):
        for server in self.servers:
            server.stop()
