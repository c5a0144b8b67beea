"""`vset bench`: inserts, queries and recall on this machine or against a server."""

from __future__ import annotations

import argparse
import array
import contextlib
import os
import random
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import serve
from .common import Subparsers, add_command, connect, fetch, number, pairs, progress, quantile, shown

if TYPE_CHECKING:
    import redis

TEXT = """Measures inserts, queries and recall with made-up vectors: in a temporary server, or in the one at URL, under a key
that is removed at the end. The vectors stand in clusters, as those of texts do; they are the same for equal --seed.

This client is Python: eight clients of a compiled language reach several times as many queries a second.
"""

BATCH = 500
CLUSTERS = 100


def register(commands: Subparsers) -> None:
    """Adds the command."""
    made = add_command(commands, "bench", run, "measure inserts, queries and recall", TEXT)
    made.add_argument("server", nargs="?", help="redis://[user:password@]host:port/db (default: a temporary server)")
    made.add_argument("--elements", type=number(100, 100_000_000), default=10_000)
    made.add_argument("--dim", type=number(2, 65_536), default=128)
    made.add_argument("--queries", type=number(1, 10_000_000), default=1000)
    made.add_argument("--count", type=number(1, 1_000_000), default=10, help="neighbours to ask for")
    made.add_argument("--ef", type=number(1, 1_000_000), default=100)
    made.add_argument("--clients", type=number(1, 1000), default=4, help="connections that ask at a time")
    made.add_argument("--quantization", choices=["Q8", "NOQUANT", "F16", "BIN"], default="Q8")
    made.add_argument("--seed", type=number(0), default=1)
    made.add_argument("--module", metavar="FILE", help="this libvset.so, for a temporary server")


def made_up(count: int, dim: int, seed: int, start: int) -> Iterator[bytes]:
    """FP32 vectors in clusters; `start` tells those of a set from those of queries."""
    centres = random.Random(seed)
    middles = [[centres.gauss(0, 1) for _ in range(dim)] for _ in range(CLUSTERS)]
    own = random.Random(seed + start + 1)
    for _ in range(count):
        vector = array.array("f", [x + own.gauss(0, 0.6) for x in own.choice(middles)])
        if sys.byteorder == "big":
            vector.byteswap()
        yield vector.tobytes()


def load(client: redis.Redis, key: str, options: argparse.Namespace) -> tuple[float, float]:
    """Seconds until all were stored, and until all were linked."""
    spent, done, settled = 0.0, 0, 0.0
    batch: list[tuple[Any, ...]] = []
    with progress(options.elements, "inserting", "elements") as bar:
        for vector in made_up(options.elements, options.dim, options.seed, 0):
            batch.append(("VADD", key, "FP32", vector, f"e{done}", options.quantization))
            done += 1
            if len(batch) == BATCH or done == options.elements:
                start = time.perf_counter()
                fetch(client, batch)
                spent += time.perf_counter() - start
                bar.update(len(batch))
                batch = []
    start = time.perf_counter()
    while pairs(client.execute_command("VINFO", key)).get("pending", 0):
        time.sleep(0.005)
    settled = time.perf_counter() - start
    return spent, spent + settled


def ask(client: redis.Redis, key: str, query: bytes, *options: Any) -> tuple[set[bytes], float]:
    """The names, and the seconds it took."""
    start = time.perf_counter()
    found = client.execute_command("VSIM", key, "FP32", query, *options)
    return set(found), time.perf_counter() - start


def side_by_side(client: redis.Redis, key: str, queries: list[bytes], clients: int, arguments: list[Any]) -> float:
    """Seconds for all queries, asked by several connections at a time."""
    rest, failed = iter(queries), []
    lock = threading.Lock()

    def work() -> None:
        try:
            while True:
                with lock:
                    query = next(rest, None)
                if query is None:
                    return
                ask(client, key, query, *arguments)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - start


def run(options: argparse.Namespace) -> int:
    """Measures and prints."""
    with contextlib.ExitStack() as stack:
        url = options.server or stack.enter_context(serve.temporary(library=options.module))
        client = connect(url)
        key = f"vset:bench:{os.getpid()}:{random.getrandbits(32):x}"
        stack.callback(client.unlink, key)
        measure(client, key, options)
    return 0


def measure(client: redis.Redis, key: str, options: argparse.Namespace) -> None:
    """Fills a set, asks it, and prints what came out."""
    server = client.info("server")
    kind = f"Valkey {server['valkey_version']}" if "valkey_version" in server else f"Redis {server['redis_version']}"
    print(f"{kind}, {options.elements:,} elements of {options.dim} dimensions, {options.quantization}", flush=True)
    stored, linked = load(client, key, options)
    print(f"inserts   {options.elements / stored:>10,.0f} a second, {options.elements / linked:,.0f} until all were linked")
    queries = list(made_up(options.queries, options.dim, options.seed, 1))
    arguments = ["COUNT", options.count, "EF", options.ef]
    times = [1000 * ask(client, key, query, *arguments)[1] for query in shown(queries, "asking", "queries")]
    print(f"latency   {statistics.median(times):>10.3f} ms median, {quantile(times, 0.99):.3f} ms p99, one client")
    seconds = side_by_side(client, key, queries, options.clients, arguments)
    print(f"queries   {len(queries) / seconds:>10,.0f} a second, {options.clients} clients")
    found = []
    for query in shown(queries[:200], "comparing", "queries"):
        exact, _ = ask(client, key, query, "COUNT", options.count, "TRUTH")
        found.append(len(ask(client, key, query, *arguments)[0] & exact) / len(exact))
    print(f"recall    {statistics.mean(found):>10.4f} of the true {options.count} nearest, at EF {options.ef}")
    size = client.execute_command("MEMORY", "USAGE", key)
    print(f"memory    {size / options.elements:>10,.0f} bytes an element (as 32-bit floats: {4 * options.dim})")
