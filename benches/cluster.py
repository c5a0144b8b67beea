#!/usr/bin/env python3
"""Latency of a KNN over a cluster of three nodes on this machine, beside one node with a third of the documents and beside a client that
asks three such nodes by itself, and what it takes of processors and threads: with a core for each node a query waits for the longest of its nodes, on fewer cores for all of them.

    VSET_MODULE=target/release/libvset.so python benches/cluster.py [documents] [dimensions] [server]
"""

import pathlib
import sys
import threading
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from cluster import Cluster  # noqa: E402
from resp import encode  # noqa: E402
from servers import Server  # noqa: E402

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
DIM = int(sys.argv[2]) if len(sys.argv) > 2 else 100
QUERIES = 500


def schema(conn):
    options = ["TYPE", "FLOAT32", "DIM", DIM, "DISTANCE_METRIC", "COSINE"]
    conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "v", "VECTOR", "HNSW", len(options), *options)


def documents(count):
    vectors = np.random.default_rng(1).standard_normal((count, DIM)).astype("<f4")
    return [["HSET", f"d:{i}", "v", vector.tobytes()] for i, vector in enumerate(vectors)]


def spent(server):
    """Seconds of processors that a server has used, and how often a thread of it went to sleep."""
    seconds = switches = 0
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        seconds += int((task / "schedstat").read_text().split()[0]) / 1e9
        status = (task / "status").read_text()
        switches += int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])
    return np.array([seconds, switches])


def times(action):
    taken = []
    for _ in range(QUERIES):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return "median %4.0f µs, p99 %5.0f µs" % tuple(1e6 * np.quantile(taken, [0.5, 0.99]))


def knn(rng, k):
    query = rng.standard_normal(DIM).astype("<f4").tobytes()
    return ["FT.SEARCH", "i", f"*=>[KNN {k} @v $q EF_RUNTIME 100]", "PARAMS", 2, "q", query, "NOCONTENT", "LIMIT", 0, k, "DIALECT", 2]


def measure(name, conn, other, servers):
    rng = np.random.default_rng(2)

    def ask(k):
        conn(*knn(rng, k))

    print(f"{name}, LIMIT 0 0: {times(lambda: conn('FT.SEARCH', 'i', '*', 'LIMIT', 0, 0))}", flush=True)
    for k in (10, 100):
        before = [spent(server) for server in servers]
        print(f"{name}, k {k}: {times(lambda k=k: ask(k))}", flush=True)
        each = [(spent(server) - began) / QUERIES for server, began in zip(servers, before)]
        print("   a query takes " + ", ".join("%.0f µs and %.1f sleeps" % (seconds * 1e6, sleeps) for seconds, sleeps in each), flush=True)
    stop = threading.Event()

    def keep_asking():
        while not stop.is_set():
            ask(10)

    thread = threading.Thread(target=keep_asking)
    thread.start()
    print(f"{name}, PING of another client while it is asked: {times(lambda: other('PING'))}", flush=True)
    stop.set()
    thread.join()


def scatter(kind):
    """What a client without a cluster would get: it asks three nodes with a third each at once, and waits for the last."""
    three = [Server(kind) for _ in range(3)]
    conns = [server.connect() for server in three]
    for conn in conns:
        schema(conn)
        conn.pipeline(documents(COUNT // 3))
    time.sleep(5)
    rng = np.random.default_rng(2)

    def ask(k):
        command = encode(knn(rng, k))
        for conn in conns:
            conn.socket.sendall(command)
        for conn in conns:
            conn.parse()

    for k in (10, 100):
        print(f"a client that asks three nodes at once, k {k}: {times(lambda k=k: ask(k))}", flush=True)
    for server in three:
        server.remove()


def main():
    kind = sys.argv[3] if len(sys.argv) > 3 else "valkey91"
    one = Server(kind)
    conn = one.connect()
    schema(conn)
    conn.pipeline(documents(COUNT // 3))
    time.sleep(5)
    print("PING of an idle server:", times(lambda: conn("PING")))
    measure("one node with a third", conn, one.connect(), [one])
    one.remove()
    scatter(kind)
    cluster = Cluster(kind, 3)
    conn = cluster.at(cluster.masters[0])
    schema(conn)
    cluster.pipeline(documents(COUNT))
    time.sleep(5)

    def bus():
        fields = conn("CLUSTER", "INFO").decode().split()
        return {name: int(value) for name, value in (field.split(":") for field in fields if "module" in field)}

    before = bus()
    measure("three nodes", conn, cluster.masters[0].connect(), cluster.masters)
    print("messages of modules on the bus:", before, "before,", bus(), "behind")
    cluster.remove()


if __name__ == "__main__":
    main()
