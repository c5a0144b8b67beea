#!/usr/bin/env python3
"""Compares a server that has the module with Redis 8 and its own vector sets, side by side in one session.

load, waiting   pipelined inserts, and how long another client waits during them
query           recall and latency over EF, and throughput of 1, 8 and 50 clients, for every format
memory          bytes, inserts and recall for every format, 100 and 384 dimensions
reload          SAVE and loading what it wrote
filtered        filters that match 70 % to 0.01 % of the elements: one that recurs, and ones never seen before
mixed           1 to 8 clients that search, insert, or both, with PING at the same time
dims            64 to 3,072 dimensions

Rounds alternate between the two; what is shown are medians of rounds, and ratios. Real vectors (see data.py), recall
against exact cosine similarity computed with numpy. Nothing here fails because something is slow.
"""

import json
import time

import numpy as np

from suite import PING, SIDES, Suite, share_found, vadd, vsims  # first: it puts the tests' folder on the path

import data
import plots
from client import Clients, Probe, timed
from data import nearest
from report import EFS, LEVELS, Bar, at_recall, middle, quantile

SHARES = [0.7, 0.1, 0.02, 0.005, 0.001, 0.0001]
QUANTS = ["Q8", "NOQUANT", "BIN"]
DIMS = [64, 100, 384, 768, 1536, 3072]


class VectorSets(Suite):
    NAME = "server"
    PARTS = ["load", "waiting", "query", "memory", "reload", "filtered", "mixed", "dims"]
    SETS = ["words", "sentences"]

    @staticmethod
    def sizes(options):
        quick = options.quick
        options.elements = options.elements or (20_000 if quick else 100_000)
        options.queries = 300 if quick else 1000
        options.filtered_queries = 150 if quick else 500
        options.memory_elements = min(options.elements, 10_000 if quick else 100_000)
        options.dims_elements = min(options.elements, 3000 if quick else 10_000)
        options.seconds = 0.5 if quick else 3

    def __init__(self, options):
        super().__init__(options, *data.sample(options.data, options.elements, options.queries))
        self.truth = nearest(self.vectors, self.queries)
        self.filled = None  # how the set "q" is quantized

    def about(self):
        return f"{len(self.vectors):,} {self.options.data} of {self.vectors.shape[1]} dimensions, where nothing else is said"

    def fill(self, quant="Q8"):
        """The set of queries, reloading and mixed load, unless it is there."""
        if self.filled != quant:
            for _, side in self.both():
                side.load("q", self.vectors, [quant])
        self.filled = quant

    def load(self):
        """Into an empty set."""
        self.watched("load", self.vectors[:1], self.vectors[1:], self.queries)

    def waiting(self):
        """20,000 vectors of 384 dimensions into a set of 10,000."""
        vectors, queries = data.sample("sentences", 30_000, self.options.queries)
        self.watched("waiting", vectors[:10_000], vectors[10_000:], queries)

    def watched(self, part, base, vectors, queries):
        """Pipelined VADD by one client until all is linked; PING, or VSIM, by another client at the same time."""
        self.filled = None

        def observed(request, interval):
            def measure(side):
                side.load("w", base)
                probe = Probe(side.port, request, interval)
                rate = side.load("w", vectors, fresh=False, first=len(base))
                times = probe.end()
                return rate, quantile(times, 0.5), quantile(times, 0.99), max(times)

            return measure

        pings = self.alternate(self.options.rounds, observed([PING], 0.001))
        asked = self.alternate(self.options.rounds, observed(vsims("w", queries), 0.005))
        keep = self.result[part] = {"base": len(base), "elements": len(vectors), "dims": vectors.shape[1]}
        for name in SIDES:
            rate, *ping = map(middle, zip(*pings[name]))
            _, *vsim = map(middle, zip(*asked[name]))
            keep[name] = {"inserts_per_second": rate, "ping": ping, "vsim": vsim}
        ours, peer = keep["ours"], keep["peer"]
        self.row(part, "VADD until linked", ours["inserts_per_second"], peer["inserts_per_second"], "/s")
        for what in ("ping", "vsim"):
            for i, measure in enumerate(("median", "p99", "max")):
                self.row(part, f"{what.upper()} {measure} during load", ours[what][i] * 1e6, peer[what][i] * 1e6, "µs")

    def query(self):
        """For every format: recall and latency over EF by one client; throughput of several at equal recall."""
        self.result["query"], self.result["throughput"] = {}, {}
        for quant in QUANTS:
            self.fill(quant)
            curves = {name: {"ef": EFS, "recall": [], "median": [], "p99": []} for name in SIDES}
            for ef in Bar(EFS, desc=f"{quant}: widths of search"):
                requests = vsims("q", self.queries, "EF", ef)
                measured = self.alternate(self.options.rounds, lambda side: timed(side.port, requests))
                for name in SIDES:
                    times = [times for _, times in measured[name]]
                    curves[name]["recall"].append(share_found(measured[name][0][0], self.truth))
                    curves[name]["median"].append(middle(quantile(t, 0.5) for t in times))
                    curves[name]["p99"].append(middle(quantile(t, 0.99) for t in times))
            for ef in (10, 50, 100, 400):
                i = EFS.index(ef)
                self.row("query", f"{quant} recall@10 EF {ef}", *(curves[n]["recall"][i] for n in SIDES), "")
                self.row("query", f"{quant} VSIM median EF {ef}", *(curves[n]["median"][i] * 1e6 for n in SIDES), "µs")
            # A little below what both reach: at the very end a curve is flat, and its latency arbitrary.
            reachable = 0.99 * min(max(curves[name]["recall"]) for name in SIDES)
            levels = [level for level in LEVELS if level < reachable] + [reachable]
            for level in levels:
                times = [at_recall(curves[name], level, "median") * 1e6 for name in SIDES]
                self.row("query", f"{quant} VSIM median, recall {level:.3f}", *times, "µs")
            self.result["query"][quant] = curves
            # The highest of the usual levels that both reach, up to 0.95.
            level = max((level for level in levels if level <= 0.95), default=reachable)
            self.throughput(quant, level, {n: max(10, round(at_recall(curves[n], level, "ef"))) for n in SIDES})

    def throughput(self, quant, level, efs):
        requests = {name: vsims("q", self.queries, "EF", efs[name]) for name in SIDES}
        kinds = {side.port: name for name, side in self.both()}
        keep = self.result["throughput"][quant] = {"recall": level, "ef": efs, "ours": {}, "peer": {}}
        for clients in Bar((1, 8, 50), desc=f"{quant}: clients"):

            def measure(side):
                asking = Clients(side.port, requests[kinds[side.port]], clients, self.options.seconds)
                times, seconds, busy = asking.result()
                return len(times) / seconds, busy / seconds

            measured = self.alternate(self.options.rounds, measure)
            for name in SIDES:
                rate, busy = map(middle, zip(*measured[name]))
                keep[name][clients] = {"per_second": rate, "client_core_share": busy}
            rates = [keep[name][clients]["per_second"] for name in SIDES]
            self.row("query", f"{quant} VSIM, clients: {clients}, recall {level:.3f}", *rates, "/s")

    def memory(self):
        """Bytes an element takes, inserts a second, and recall at EF 400, for every format."""
        keep = self.result["memory"] = {}
        self.filled = None
        for which, dims, most in (("words", 100, 100_000), ("sentences", 384, 30_000)):
            vectors, queries = data.sample(which, min(self.options.memory_elements, most), self.options.queries)
            truth = nearest(vectors, queries)
            requests = vsims("m", queries, "EF", 400)
            for quant in QUANTS:
                size, rate, recall = {}, {}, {}
                for name, side in self.both():
                    side.ask("FLUSHALL")
                    before = side.used()
                    rate[name] = side.load("m", vectors, [quant])
                    size[name] = (side.used() - before) / len(vectors)
                    recall[name] = share_found(timed(side.port, requests)[0], truth)
                keep[f"{dims} {quant}"] = {"bytes": size, "inserts": rate, "recall": recall, "elements": len(vectors)}
                self.row("memory", f"bytes an element, {dims}-d {quant}", size["ours"], size["peer"], "B")
                self.row("memory", f"VADD, {dims}-d {quant}", rate["ours"], rate["peer"], "/s")
                self.row("memory", f"recall@10 EF 400, {dims}-d {quant}", recall["ours"], recall["peer"], "")
        for _, side in self.both():
            side.ask("FLUSHALL")

    def reload(self):
        """SAVE, then DEBUG RELOAD of what it wrote, for every format."""

        def measure(side):
            start = time.perf_counter()
            side.ask("SAVE")
            saved = time.perf_counter()
            side.ask("DEBUG", "RELOAD", "NOSAVE")
            side.settle("q")
            return saved - start, time.perf_counter() - saved, (side.server.folder / "dump.rdb").stat().st_size

        self.result["reload"] = {}
        for quant in Bar(QUANTS, desc="save and reload"):
            self.fill(quant)
            measured = self.alternate(self.options.rounds, measure)
            keep = self.result["reload"][quant] = {}
            for name in SIDES:
                keep[name] = dict(zip(("save", "reload", "file"), map(middle, zip(*measured[name]))))
            for what, unit, scale in (("save", "ms", 1e3), ("reload", "ms", 1e3), ("file", "MB", 1e-6)):
                self.row("reload", f"{quant} {what}", *(keep[n][what] * scale for n in SIDES), unit)

    def filtered(self):
        """Filters that let a part through: at random, or a cluster of vectors near to or far from the query.

        A filter that recurs is the same for all queries; a fresh one has a constant that was in none before.
        """
        self.filled = None
        random = np.random.default_rng(data.SEED)
        part = random.random(len(self.vectors)).round(9)
        centres = self.vectors[random.choice(len(self.vectors), 20, replace=False)]
        cluster = (self.vectors @ centres.T).argmax(1)
        attributes = [("SETATTR", json.dumps({"p": p, "c": f"k{c}"})) for p, c in zip(part.tolist(), cluster)]
        for _, side in self.both():
            side.load("f", self.vectors, attributes=attributes)
        queries = self.queries[: self.options.filtered_queries]
        own = (queries @ centres.T).argmax(1)
        similarity = queries @ self.vectors.T
        keep = self.result["filtered"] = []

        def below(constants):
            return [(f".p < {c:.15f}", part < c) for c in constants]

        # (label, how it was made, share of the elements, what makes a round's filters and the elements they match)
        cases = []
        for share in SHARES:
            cases.append((f"{share:.2%} recurring", "recurring", share, lambda s=share: below([s]) * len(queries)))
            once = lambda s=share: below(s * random.uniform(0.98, 1.02, len(queries)))
            cases.append((f"{share:.2%} fresh", "fresh", share, once))
        for label, shift in (("its own cluster", 0), ("another cluster", 7)):
            filters = [(f'.c == "k{w}"', cluster == w) for w in (own + shift) % 20]
            share = float(np.mean([matching.mean() for _, matching in filters]))
            cases.append((label, "cluster", share, lambda f=filters: f))
        for label, kind, share, make in Bar(cases, desc="filters"):
            measured = {name: {"recall": [], "median": [], "p99": []} for name in SIDES}
            for _ in range(self.options.rounds):
                filters = make()
                truth = [most_similar(row, matching) for row, (_, matching) in zip(similarity, filters)]
                requests = [vsims("f", [q], "FILTER", f)[0] for q, (f, _) in zip(queries, filters)]
                for name, side in self.both():
                    replies, times = timed(side.port, requests)
                    if any(truth):
                        measured[name]["recall"].append(share_found(replies, truth))
                    for measure, q in (("median", 0.5), ("p99", 0.99)):
                        measured[name][measure].append(quantile(times, q))
            case = {"label": label, "kind": kind, "share": share}
            for name in SIDES:
                case[name] = {m: middle(values) if values else None for m, values in measured[name].items()}
            keep.append(case)
            if case["ours"]["recall"] is not None:
                self.row("filtered", f"recall@10, {label}", *(case[n]["recall"] for n in SIDES), "")
            self.row("filtered", f"median, {label}", *(case[n]["median"] * 1e6 for n in SIDES), "µs")

    def mixed(self):
        """Clients that ask, as many that insert (each waits for replies), and both together, beside one that pings."""
        self.fill()
        for _, side in self.both():
            side.ask("SAVE")
        random = np.random.default_rng(data.SEED)
        # More than can be inserted in the time, as the second VADD of a name is another thing.
        picked = self.vectors[random.integers(len(self.vectors), size=int(30_000 * self.options.seconds))]
        picked = picked + random.normal(0, 0.02, picked.shape).astype("f4")
        requests = {"VSIM": vsims("q", self.queries), "VADD": [vadd("q", f"x{i}", v) for i, v in enumerate(picked)]}

        def measure(side, clients, kinds):
            if "VADD" in kinds:  # each begins with the same set
                side.ask("DEBUG", "RELOAD", "NOSAVE")
                side.settle("q")
            ping = Probe(side.port, [PING], 0.001)
            running = {k: Clients(side.port, requests[k], clients, self.options.seconds) for k in kinds}
            found = {}
            for kind, each in running.items():
                times, seconds, _ = each.result()
                found[f"{kind} a second"] = len(times) / seconds
                found[f"{kind} p99"] = quantile(times, 0.99)
            found["PING p99"] = quantile(ping.end(), 0.99)
            side.settle("q")
            return found

        keep = self.result["mixed"] = []
        loads = [["VSIM"], ["VADD"], ["VSIM", "VADD"]]
        for kinds, clients in Bar([(k, n) for k in loads for n in (1, 2, 4, 8)], desc="numbers of clients"):
            measured = self.alternate(self.options.rounds, lambda side: measure(side, clients, kinds))
            case = {"load": " and ".join(kinds), "clients": clients}
            for name in SIDES:
                case[name] = {m: middle(one[m] for one in measured[name]) for m in measured[name][0]}
            keep.append(case)
            for what in case["ours"]:
                scale, unit = (1, "/s") if what.endswith("second") else (1e6, "µs")
                values = [case[name][what] * scale for name in SIDES]
                self.row("mixed", f"{case['load']}, clients: {clients}: {what}", *values, unit)
        self.filled = None

    def dims(self):
        """Synthetic vectors of 64 to 3,072 dimensions, see data.py: inserts, bytes, recall and latency at EF 100."""
        self.filled = None
        keep = self.result["dims"] = {}
        for dims in Bar(DIMS, desc="dimensions"):
            vectors, queries = data.sample("synthetic", self.options.dims_elements, self.options.queries, dims)
            truth, requests = nearest(vectors, queries), vsims("d", queries, "EF", 100)

            def build(side):
                side.ask("FLUSHALL")
                before = side.used()
                rate = side.load("d", vectors)
                return rate, (side.used() - before) / len(vectors)

            built = self.alternate(self.options.rounds, build)
            asked = self.alternate(self.options.rounds, lambda side: timed(side.port, requests))
            keep[dims] = {}
            for name in SIDES:
                rate, size = map(middle, zip(*built[name]))
                median = middle(quantile(times, 0.5) for _, times in asked[name])
                recall = share_found(asked[name][0][0], truth)
                keep[dims][name] = {"inserts": rate, "bytes": size, "median": median, "recall": recall}
            for what, measure, scale, unit in (
                ("VADD until linked", "inserts", 1, "/s"),
                ("bytes an element", "bytes", 1, "B"),
                ("VSIM median EF 100", "median", 1e6, "µs"),
                ("recall@10 EF 100", "recall", 1, ""),
            ):
                self.row("dims", f"{dims}: {what}", *(keep[dims][n][measure] * scale for n in SIDES), unit)
        for _, side in self.both():
            side.ask("FLUSHALL")


def most_similar(similarities, matching):
    """The ten most similar of the rows that match."""
    rows = np.flatnonzero(matching)
    if len(rows) > 10:
        rows = rows[np.argpartition(-similarities[rows], 10)[:10]]
    return set(rows.tolist())


if __name__ == "__main__":
    VectorSets.main(__doc__, plots.draw_server)
