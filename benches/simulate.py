#!/usr/bin/env python3
"""Computes the size and speed of a cluster of many vectors from measurements of one node: shards, memory, build time, latency by k,
the tail of a fan-out, bytes on the bus.

    python benches/simulate.py                          # 100 million vectors of 768 dimensions
    python benches/simulate.py --elements 1e9 --dim 384 --node-memory 128

Measured (benches/results): comparisons and time of a search by number of elements and EF, time of a comparison by dimensions, bytes
and insertions a second, the spread of latencies. Assumed, and options: what a node has, how fast rows beyond the caches come from
memory, the way over the bus (benches/cluster.py measures it). Nothing here was run with that many vectors.
"""

import argparse
import json
import math
import pathlib
import re
import statistics

RESULTS = pathlib.Path(__file__).resolve().parent / "results/2026-11-21-amd-epyc"
GIB = 1 << 30
NORMAL = statistics.NormalDist()

# A message on the bus begins with the cluster's own head; Valkey 8 and later send a light one.
HEADS = {"Redis": 2256, "Valkey 8 and later": 16}
# Of a piece, a question without its words, an answer without its rows, a row without key and fields (src/search/cluster).
PIECE, QUESTION, ANSWER, ROW = 13, 22, 60, 40


def line(points):
    """Slope and intercept of the line of least squares."""
    xs, ys = zip(*points)
    mx, my = statistics.fmean(xs), statistics.fmean(ys)
    slope = sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x in xs)
    return slope, my - slope * mx


class Measured:
    """One node, as benches/results has it."""

    def __init__(self):
        scale = json.loads((RESULTS / "scale.json").read_text())["runs"]
        self.runs = {run["elements"]: run["curves"]["vset Q8"] for run in scale if run["data"] == "synthetic"}
        self.largest = max(self.runs)
        kernels = "\n".join(json.loads((RESULTS / "kernels.json").read_text())["lines"])
        found = re.findall(r"^int8 +(\d+):.*?avx512 +([\d.]+)", kernels, re.M)
        self.kernel = line([(int(dim), float(ns)) for dim, ns in found])
        server = json.loads((RESULTS / "server-sentences-30000-load-waiting-query-memory.json").read_text())
        curve = server["query"]["Q8"]["ours"]
        at = curve["ef"].index(100)
        # Latencies are taken to be lognormal, with the 99th percentile that was measured.
        self.sigma = math.log(curve["p99"][at] / curve["median"][at]) / NORMAL.inv_cdf(0.99)
        # Linked by two cores.
        self.inserts = self.runs[self.largest]["build"]

    def compared(self, elements, ef):
        """Vectors that a search looks at: a line in the logarithm of the elements, for each EF a line in EF."""
        by_size = []
        for size, curve in self.runs.items():
            # EF 10 to 300; what finds everything by a scan is left out.
            slope, base = line([(e, c) for e, c in zip(curve["ef"], curve["evaluated"]) if e <= 300 and c < size])
            by_size.append((math.log2(size), slope * ef + base))
        slope, base = line(by_size)
        return slope * math.log2(elements) + base

    def comparison(self, dim, bandwidth):
        """Nanoseconds a vector: as measured of 100 dimensions where rows are beyond the caches, and what more dimensions add."""
        curve = self.runs[self.largest]
        at = curve["ef"].index(100)
        base = 1000 * curve["mean"][at] / curve["evaluated"][at]
        kernel = self.kernel[0] * (dim - 100)
        return base + kernel + (dim - 100) / bandwidth

    def search(self, elements, dim, ef, bandwidth):
        """Microseconds of a search in a graph."""
        return self.compared(elements, ef) * self.comparison(dim, bandwidth) / 1000


def slowest(median, sigma, shards, share):
    """The quantile of the slowest of so many: all are below t with the chance F(t)^N."""
    return median * math.exp(sigma * NORMAL.inv_cdf(share ** (1 / shards)))


def bus_bytes(head, shards, dim, k, words, row):
    """Of a query: to each other shard a question, from each k rows."""

    def sent(bytes_):
        return bytes_ + max(1, math.ceil(bytes_ / 65536)) * (head + PIECE)

    return (shards - 1) * (sent(QUESTION + words + 4 * dim) + sent(ANSWER + k * (ROW + row)))


def size(bytes_):
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if bytes_ < 1024 or unit == "TiB":
            return f"{bytes_:,.0f} {unit}" if unit in ("B", "KiB") else f"{bytes_:,.1f} {unit}"
        bytes_ /= 1024


def table(head, rows):
    print("| " + " | ".join(head) + " |\n" + "|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=float, default=1e8)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--node-memory", type=float, default=64, help="GiB of a node")
    parser.add_argument("--fill", type=float, default=0.6, help="the share of it that documents and index may fill")
    parser.add_argument("--cores", type=int, default=8, help="of a node")
    parser.add_argument("--replicas", type=int, default=1, help="of each shard")
    parser.add_argument("--document", type=float, default=200, help="bytes of a document's other fields, its key and the hash itself")
    parser.add_argument("--bandwidth", type=float, default=10, help="bytes a nanosecond from memory, for a core")
    parser.add_argument("--way", type=float, default=400, help="microseconds of a question's way to a shard and back, without the network")
    parser.add_argument("--network", type=float, default=100, help="microseconds that a network adds to it")
    parser.add_argument("--exact", type=float, default=1.0, help="microseconds to read a document for its exact distance")
    return parser.parse_args()


def main():
    args, one = options(), Measured()
    elements = int(args.elements)
    index = args.dim + 7.5 * 16 + 60 + 100
    document = 4 * args.dim + args.document
    node = args.node_memory * GIB * args.fill
    shards = max(1, math.ceil(elements * (index + document) / node))
    share = elements / shards
    # Linking costs what searches with EF_CONSTRUCTION 200 cost; the measured rate is that of a million of 100 dimensions on two cores.
    growth = one.search(share, args.dim, 200, args.bandwidth) / one.search(one.largest, 100, 200, args.bandwidth)
    inserts = one.inserts * args.cores / 2 / growth

    print(f"{elements:,} vectors of {args.dim} dimensions, nodes of {args.node_memory:.0f} GiB and {args.cores} cores\n")
    table(
        ["shards", "nodes", "vectors a shard", "index", "documents", "in all", "built in"],
        [
            [
                shards,
                shards * (1 + args.replicas),
                f"{share:,.0f}",
                size(elements * index),
                size(elements * document),
                size(elements * (index + document) * (1 + args.replicas)),
                f"{share / inserts / 60:,.0f} min",
            ]
        ],
    )
    rows = []
    for k in (10, 100, 1000):
        ef = max(100, 2 * k)
        looked = k + min(k // 2, 100) + 8
        for count in sorted({1, 4, 16, shards, 4 * shards}):
            here = one.search(elements / count, args.dim, ef, args.bandwidth) + looked * args.exact
            way = args.way + args.network if count > 1 else 0
            p50, p99 = slowest(here, one.sigma, count, 0.5) + way, slowest(here, one.sigma, count, 0.99) + way
            # Each merged row costs about a microsecond, on one thread.
            merged = count * k if count > 1 else 0
            bytes_ = [size(bus_bytes(head, count, args.dim, k, 60, 24)) for head in HEADS.values()]
            mark = " (this size)" if count == shards else ""
            rows.append([k, ef, f"{count}{mark}", f"{here:,.0f} µs", f"{p50 + merged:,.0f} µs", f"{p99 + merged:,.0f} µs", *bytes_])
    table(["k", "EF", "shards", "search of one", "median", "p99 of the slowest", *(f"bus bytes, {name}" for name in HEADS)], rows)
    queries = args.cores * 1e6 / one.search(share, args.dim, 100, args.bandwidth)
    print(f"Queries a second of all shards together, EF 100, by processors alone: {queries:,.0f}, with replicas asked too {queries * (1 + args.replicas):,.0f}.")


if __name__ == "__main__":
    main()
