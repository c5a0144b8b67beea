#!/usr/bin/env python3
"""One server with as many vectors as a machine holds: build, bytes, latency over recall, saving, loading, one process.

    python benches/large.py                                              a million of 384 dimensions
    python benches/large.py --data words --dims 96 --elements 10000000   ten million: about 5 GB

Vectors are real ones with noise, a new one each time: a random vector of the set plus a normal one of `--noise` times its length,
cut to `--dims`. Neither they nor what is sent is ever held as a whole, and the exact neighbours are found as they go by.
"""

import argparse
import time

import numpy as np

from suite import PING, Side, share_found, vsims  # first: it puts the tests' folder on the path

import data
import report
from client import Probe, pipelined, timed
from report import EFS, Bar, at_recall, middle, quantile
from resp import encode
from servers import info

BLOCK = 10_000
LEVELS = [0.9, 0.95, 0.98]


class Source:
    """Unit vectors, the same for the same options."""

    def __init__(self, options):
        self.base = data.load(options.data)[:, : options.dims]
        self.base = self.base / np.maximum(np.linalg.norm(self.base, axis=1, keepdims=True), 1e-9)
        self.dims, self.scale = self.base.shape[1], options.noise / np.sqrt(self.base.shape[1])

    def block(self, number, count=BLOCK):
        random = np.random.default_rng([data.SEED, number])
        vectors = self.base[random.integers(len(self.base), size=count)]
        vectors = vectors + random.standard_normal((count, self.dims), dtype="f4") * np.float32(self.scale)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("<f4")


class Nearest:
    """The ten nearest of each query among all blocks so far."""

    def __init__(self, queries):
        self.queries = queries
        self.scores = np.full((len(queries), 10), -2, "f4")
        self.rows = np.full((len(queries), 10), -1)

    def add(self, first, vectors):
        scores = np.hstack([self.scores, self.queries @ vectors.T])
        rows = np.hstack([self.rows, np.broadcast_to(np.arange(first, first + len(vectors)), (len(self.queries), len(vectors)))])
        best = np.argpartition(-scores, 9, axis=1)[:, :10]
        self.scores, self.rows = np.take_along_axis(scores, best, 1), np.take_along_axis(rows, best, 1)

    def truth(self):
        return [set(row) for row in self.rows.tolist()]


def batches(source, elements, nearest, spent):
    """VMADDs of 250, as (lines of replies, bytes); what making them takes is added to `spent`."""
    for first in range(0, elements, BLOCK):
        began = time.perf_counter()
        vectors = source.block(first // BLOCK, min(BLOCK, elements - first))
        nearest.add(first, vectors)
        made = []
        for at in range(0, len(vectors), 250):
            part = vectors[at : at + 250]
            words = [word for i, vector in enumerate(part, first + at) for word in (f"e{i}", vector.tobytes())]
            made.append((1, encode(["VMADD", "k", "FP32", *words])))
        spent.append(time.perf_counter() - began)
        yield from made


def curve(side, queries, truth, rounds):
    """Recall and the median time of a query in µs, over EF."""
    found = {"recall": [], "median": [], "p99": []}
    for ef in EFS:
        times = []
        for _ in range(rounds):
            replies, some = timed(side.port, vsims("k", queries, "EF", ef))
            times += some
        found["recall"].append(share_found(replies, truth))
        found["median"].append(middle(times) * 1e6)
        found["p99"].append(quantile(times, 0.99) * 1e6)
    return found


def save(side):
    """Seconds of a BGSAVE, and milliseconds that the fork took."""
    start = time.perf_counter()
    side.ask("BGSAVE")
    while info(side.ask, "persistence")["rdb_bgsave_in_progress"] != "0":
        time.sleep(0.01)
    seconds = time.perf_counter() - start
    assert info(side.ask, "persistence")["rdb_last_bgsave_status"] == "ok"
    return seconds, int(info(side.ask, "stats")["latest_fork_usec"]) / 1000


def measure(options):
    source, side = Source(options), Side(options.server)
    queries = source.block(1 << 30, options.queries)
    nearest, spent = Nearest(queries), []
    empty = int(info(side.ask, "memory")["used_memory"])
    probe = Probe(side.port, [PING], 0.001)
    start = time.perf_counter()
    with Bar(total=options.elements // 250) as bar:
        pipelined(side.port, batches(source, options.elements, nearest, spent), bar.update)
    side.settle("k")
    built = time.perf_counter() - start
    pings = probe.end()
    truth, found = nearest.truth(), {}
    yield "build, from the first byte until all is linked", options.elements / built, "/s"
    yield "of that time the client made vectors, beside the server", sum(spent) / built * 100, "%"
    yield "PING of another client at the same time, median", middle(pings) * 1e6, "µs"
    yield "PING p99", quantile(pings, 0.99) * 1e3, "ms"
    yield "PING, the longest", max(pings) * 1e3, "ms"
    yield "bytes an element", (side.used() - empty) / options.elements, "B"
    found = curve(side, queries, truth, options.rounds)
    for level in LEVELS:
        yield f"VSIM at recall@10 of {level}", at_recall(found, level, "median"), "µs"
    for ef in (50, 200):
        at = EFS.index(ef)
        yield f"EF {ef}: recall@10", found["recall"][at], ""
        yield f"EF {ef}: VSIM, median", found["median"][at], "µs"
        yield f"EF {ef}: VSIM, p99", found["p99"][at], "µs"
    seconds, fork = save(side)
    yield "fork", fork, "ms"
    yield "BGSAVE", seconds, "s"
    yield "the file", (side.server.folder / "dump.rdb").stat().st_size / 1e6, "MB"
    start = time.perf_counter()
    side.server.restart()
    yield "restart: until it answers", time.perf_counter() - start, "s"
    side.port, side.ask = side.server.port, side.server.connect(timeout=900)
    again = curve(side, queries, truth, 1)
    yield "EF 200 after the restart: recall@10", again["recall"][EFS.index(200)], ""
    side.server.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="sentences", choices=data.SETS)
    parser.add_argument("--dims", type=int, help="of each vector, the first ones (all)")
    parser.add_argument("--elements", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--noise", type=float, default=0.4)
    parser.add_argument("--server", default="valkey91")
    report.common(parser)
    options = parser.parse_args()
    if options.quick:
        options.elements = min(options.elements, 50_000)
    machine = report.machine()
    rows = []
    for what, value, unit in measure(options):
        print(f"{what}: {report.number(value)} {unit}", flush=True)
        rows.append((what, value, unit))
    kind = f"{options.elements:,} vectors like {options.data}, {options.dims or data.SETS[options.data][1]} dimensions, Q8, in {options.server}"
    lines = [*report.about(machine), kind, "", *report.markdown(["what", "measured", "unit"], rows)]
    stem = f"large-{options.data}-{options.elements}"
    report.write(options.output, stem, {"machine": machine, "rows": rows}, lines)


if __name__ == "__main__":
    main()
