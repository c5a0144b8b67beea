#!/usr/bin/env python3
"""Compares a server that has the module with Redis 8 and its own vector sets, side by side in one session.

Rounds alternate between the two; what is shown are medians of rounds, and ratios. Real vectors (see data.py), recall
against exact cosine similarity computed with numpy. Nothing here fails because something is slow.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

import data
import plots
from client import Clients, Probe, names, pipelined, timed
from resp import encode, pairs
from servers import MODULE, Server, eventually, info

EFS = [10, 20, 35, 50, 75, 100, 150, 200, 300, 400]
LEVELS = [0.8, 0.9, 0.95, 0.97, 0.98, 0.99]
SHARES = [0.7, 0.1, 0.02, 0.005, 0.001, 0.0001]
QUANTS = ["Q8", "NOQUANT", "BIN"]
PARTS = ["load", "query", "memory", "reload", "filtered", "mixed"]
SIDES = ["ours", "peer"]
PING = encode(["PING"])


def quantile(times, q):
    return float(np.quantile(times, q))


def middle(values):
    return statistics.median(values)


def nearest(vectors, queries, count=10):
    """Rows of the most similar vectors of each query."""
    similarity = queries @ vectors.T
    rows = np.argpartition(-similarity, min(count, similarity.shape[1] - 1), axis=1)[:, :count]
    return [set(row) for row in rows.tolist()]


def share_found(replies, truth):
    """Mean recall of the queries for which there is something to find."""
    found = [{int(name[1:]) for name in names(reply)} for reply in replies]
    return statistics.mean(len(f & t) / len(t) for f, t in zip(found, truth) if t)


def vadd(key, name, vector, *options):
    return encode(["VADD", key, "FP32", vector.tobytes(), name, *options])


def vsims(key, queries, *options):
    return [encode(["VSIM", key, "FP32", q.tobytes(), "COUNT", 10, *options]) for q in queries]


def insertions(key, vectors, options=(), attributes=None, batch=250):
    """Pipelined VADDs, as (count, bytes)."""
    made = [vadd(key, f"e{i}", v, *options, *(attributes[i] if attributes else ())) for i, v in enumerate(vectors)]
    return [(len(part), b"".join(part)) for part in (made[at : at + batch] for at in range(0, len(made), batch))]


class Side:
    """One of the servers, with a connection for what is not measured."""

    def __init__(self, kind):
        self.server = Server(kind)
        self.port = self.server.port
        self.ask = self.server.connect(timeout=900)

    def settle(self, key):
        """Returns when every element is linked."""
        eventually(lambda: not pairs(self.ask("VINFO", key)).get("pending", 0), timeout=900)

    def used(self):
        """Bytes in use once that has not changed for half a second: sets are freed by another thread."""
        readings = []
        while len(readings) < 6 or max(readings[-6:]) - min(readings[-6:]) > 50_000:
            readings.append(int(info(self.ask, "memory")["used_memory"]))
            time.sleep(0.1)
        return readings[-1]

    def load(self, key, vectors, options=(), attributes=None, fresh=True):
        """Inserts a second, from the first byte sent until all is linked."""
        batches = insertions(key, vectors, options, attributes)
        if fresh:
            self.ask("FLUSHALL")
        what, done = f"{self.server.kind}: {key} {' '.join(map(str, options))}".strip(), 0

        def tick(count):
            nonlocal done
            done += count
            data.progress(what, done, len(vectors))

        start = time.perf_counter()
        pipelined(self.port, batches, tick)
        self.settle(key)
        return len(vectors) / (time.perf_counter() - start)


class Suite:
    def __init__(self, options):
        self.options = options
        self.vectors, self.queries = data.sample(options.data, options.elements, options.queries)
        self.truth = nearest(self.vectors, self.queries)
        self.sides = {}
        self.result = {"elements": len(self.vectors)}
        self.rows = []  # the table: (part, what, ours, peer, unit)

    def start(self):
        for name, kind in zip(SIDES, (self.options.server, "peer")):
            self.sides[name] = Side(kind)
        self.result["machine"] = machine(self.options, self.sides)

    def row(self, part, what, ours, peer, unit):
        self.rows.append((part, what, ours, peer, unit))

    def both(self):
        return self.sides.items()

    def alternate(self, rounds, measure):
        """{side: [what `measure(side)` returned in each round]}, the sides in turn."""
        results = {name: [] for name in SIDES}
        for _ in range(rounds):
            for name, side in self.both():
                results[name].append(measure(side))
        return results

    def fill(self):
        """The set of queries, reloading and mixed load, if it is not there."""
        for _, side in self.both():
            if not side.ask("EXISTS", "q"):
                side.load("q", self.vectors)

    # The parts of the suite

    def load(self):
        """Pipelined VADD by one client until all is linked; PING, then VSIM, by another client meanwhile."""

        def observed(request, interval):
            def measure(side):
                side.ask("FLUSHALL")
                side.ask(*["VADD", "q", "FP32", self.vectors[0].tobytes(), "e0"])
                probe = Probe(side.port, request, interval)
                rate = side.load("q", self.vectors, fresh=False)
                times = probe.end()
                return rate, quantile(times, 0.5), quantile(times, 0.99), max(times)

            return measure

        pings = self.alternate(self.options.rounds, observed([PING], 0.001))
        queries = self.alternate(1, observed(vsims("q", self.queries), 0.005))
        keep = self.result["load"] = {}
        for name in SIDES:
            rate, *ping = map(middle, zip(*pings[name]))
            keep[name] = {"inserts_per_second": rate, "ping": ping, "vsim": list(queries[name][0][1:])}
        ours, peer = keep["ours"], keep["peer"]
        self.row("load", "VADD until linked", ours["inserts_per_second"], peer["inserts_per_second"], "/s")
        for what in ("ping", "vsim"):
            for i, measure in enumerate(("median", "p99", "max")):
                self.row("load", f"{what.upper()} {measure} meanwhile", ours[what][i] * 1e6, peer[what][i] * 1e6, "us")

    def query(self):
        """Recall and latency over EF by one client; throughput of several at equal recall."""
        self.fill()
        keep = self.result["query"] = {name: {"ef": EFS, "recall": [], "median": [], "p99": []} for name in SIDES}
        for step, ef in enumerate(EFS):
            requests = vsims("q", self.queries, "EF", ef)
            measured = self.alternate(self.options.rounds, lambda side: timed(side.port, requests))
            for name in SIDES:
                times = [times for _, times in measured[name]]
                keep[name]["recall"].append(share_found(measured[name][0][0], self.truth))
                keep[name]["median"].append(middle(quantile(t, 0.5) for t in times))
                keep[name]["p99"].append(middle(quantile(t, 0.99) for t in times))
            data.progress("widths of search", step + 1, len(EFS))
        for ef in (10, 50, 100, 400):
            i = EFS.index(ef)
            self.row("query", f"recall@10 EF {ef}", *(keep[n]["recall"][i] for n in SIDES), "")
            self.row("query", f"VSIM median EF {ef}", *(keep[n]["median"][i] * 1e6 for n in SIDES), "us")
        reachable = min(max(keep[name]["recall"]) for name in SIDES)
        levels = [level for level in LEVELS if level <= reachable] + [reachable]
        measures = ("ef", "median", "p99")
        at = {n: [{m: at_recall(keep[n], level, m) for m in measures} for level in levels] for n in SIDES}
        keep["equal_recall"] = {"levels": levels, **at}
        for i, level in enumerate(levels):
            self.row("query", f"VSIM median, recall {level:.3f}", *(at[n][i]["median"] * 1e6 for n in SIDES), "us")
        self.throughput(levels, at)

    def throughput(self, levels, at):
        """At the highest of the usual levels of recall that both reach, up to 0.95."""
        chosen = max((i for i, level in enumerate(levels) if level <= 0.95), default=0)
        efs = {name: max(10, round(at[name][chosen]["ef"])) for name in SIDES}
        requests = {name: vsims("q", self.queries, "EF", efs[name]) for name in SIDES}
        kinds = {side.port: name for name, side in self.both()}
        keep = self.result["throughput"] = {"recall": levels[chosen], "ef": efs}
        for clients in (1, 8, 50):

            def measure(side):
                return Clients(side.port, requests[kinds[side.port]], clients, self.options.seconds).result()

            measured = self.alternate(self.options.rounds, measure)
            for name in SIDES:
                rate, busy = map(middle, zip(*measured[name]))
                keep.setdefault(name, {})[clients] = {"per_second": rate, "client_core_share": busy}
            rates = [keep[name][clients]["per_second"] for name in SIDES]
            self.row("query", f"VSIM, clients: {clients}, recall {levels[chosen]:.3f}", *rates, "/s")
            data.progress(f"replies a second, {clients} clients", 3, 3)

    def memory(self):
        """Bytes an element takes, and recall at EF 400, for every format."""
        keep = self.result["memory"] = {}
        for which, dims in (("words", 100), ("sentences", 384)):
            vectors, queries = data.sample(which, self.options.memory_elements, self.options.queries)
            truth = nearest(vectors, queries)
            requests = vsims("m", queries, "EF", 400)
            for quant in QUANTS:
                size, recall = {}, {}
                for name, side in self.both():
                    side.ask("FLUSHALL")
                    before = side.used()
                    side.load("m", vectors, [quant])
                    size[name] = (side.used() - before) / len(vectors)
                    recall[name] = share_found(timed(side.port, requests)[0], truth)
                keep[f"{dims} {quant}"] = {"bytes": size, "recall": recall, "elements": len(vectors)}
                self.row("memory", f"bytes an element, {dims}-d {quant}", size["ours"], size["peer"], "B")
                self.row("memory", f"recall@10 EF 400, {dims}-d {quant}", recall["ours"], recall["peer"], "")
        for _, side in self.both():
            side.ask("FLUSHALL")

    def reload(self):
        """SAVE, then DEBUG RELOAD of what it wrote."""
        self.fill()

        def measure(side):
            start = time.perf_counter()
            side.ask("SAVE")
            saved = time.perf_counter()
            side.ask("DEBUG", "RELOAD", "NOSAVE")
            side.settle("q")
            return saved - start, time.perf_counter() - saved, (side.server.folder / "dump.rdb").stat().st_size

        measured = self.alternate(self.options.rounds, measure)
        keep = self.result["reload"] = {}
        for name in SIDES:
            keep[name] = dict(zip(("save", "reload", "file"), map(middle, zip(*measured[name]))))
        for what, unit, scale in (("save", "ms", 1e3), ("reload", "ms", 1e3), ("file", "MB", 1e-6)):
            self.row("reload", what, keep["ours"][what] * scale, keep["peer"][what] * scale, unit)

    def filtered(self):
        """Filters that let a part through: at random, or a cluster of vectors near to or far from the query."""
        random = np.random.default_rng(data.SEED)
        part = random.random(len(self.vectors))
        centres = self.vectors[random.choice(len(self.vectors), 20, replace=False)]
        cluster = (self.vectors @ centres.T).argmax(1)
        attributes = [("SETATTR", json.dumps({"p": round(p, 9), "c": f"k{c}"})) for p, c in zip(part.tolist(), cluster)]
        for _, side in self.both():
            side.load("f", self.vectors, attributes=attributes)
        queries = self.queries[: self.options.filtered_queries]
        own = (queries @ centres.T).argmax(1)
        cases = []  # (label, share, filters of the queries, which elements match as a function of the query)
        for share in SHARES:
            filters = [f".p < {share}"] * len(queries)
            cases.append((f"{share:.2%}", share, filters, lambda i, s=share: part.round(9) < s))
        for label, shift in (("its own cluster", 0), ("another cluster", 7)):
            wanted = (own + shift) % 20
            share = float(np.mean([np.mean(cluster == w) for w in wanted]))
            cases.append((label, share, [f'.c == "k{w}"' for w in wanted], lambda i, w=wanted: cluster == w[i]))
        keep = self.result["filtered"] = []
        similarity = queries @ self.vectors.T
        for step, (label, share, filters, matching) in enumerate(cases):
            truth = []
            for i, row in enumerate(similarity):
                rows = np.flatnonzero(matching(i))
                truth.append(set(rows[np.argsort(-row[rows])[:10]].tolist()))
            requests = [vsims("f", [q], "FILTER", f)[0] for q, f in zip(queries, filters)]
            case = {"label": label, "share": share, "random": step < len(SHARES)}
            measured = self.alternate(self.options.rounds, lambda side: timed(side.port, requests))
            for name in SIDES:
                recall = share_found(measured[name][0][0], truth) if any(truth) else None
                times = [t for _, t in measured[name]]
                case[name] = {"recall": recall, "median": middle(quantile(t, 0.5) for t in times)}
                case[name]["p99"] = middle(quantile(t, 0.99) for t in times)
            keep.append(case)
            if any(truth):
                self.row("filtered", f"recall@10, {label}", *(case[n]["recall"] for n in SIDES), "")
            self.row("filtered", f"median, {label}", *(case[n]["median"] * 1e6 for n in SIDES), "us")
            data.progress("filters", step + 1, len(cases))

    def mixed(self):
        """One client asks, several insert (each waits for its reply), one pings."""
        self.fill()
        questions = vsims("q", self.queries)
        random = np.random.default_rng(data.SEED)
        fresh = 0

        def measure(side, clients):
            nonlocal fresh
            picked = self.vectors[random.integers(len(self.vectors), size=20_000)]
            picked = picked + random.normal(0, 0.02, picked.shape).astype("f4")
            requests = [vadd("q", f"x{fresh + i}", v) for i, v in enumerate(picked)]
            fresh += len(requests)
            ping, asking = Probe(side.port, [PING], 0.001), Probe(side.port, questions, 0)
            rate, _ = Clients(side.port, requests, clients, self.options.seconds * 2).result()
            times, pings = asking.end(), ping.end()
            side.settle("q")
            return rate, quantile(times, 0.5), quantile(times, 0.99), quantile(pings, 0.99)

        keep = self.result["mixed"] = {}
        for step, clients in enumerate(counts := (1, 4, 8) if self.options.quick else (1, 2, 4, 8)):
            measured = self.alternate(self.options.rounds, lambda side: measure(side, clients))
            one = keep[clients] = {name: list(map(middle, zip(*measured[name]))) for name in SIDES}
            for i, (what, unit, scale) in enumerate(
                (("VADD", "/s", 1), ("VSIM median", "us", 1e6), ("VSIM p99", "us", 1e6), ("PING p99", "us", 1e6))
            ):
                self.row("mixed", f"{what}, {clients} inserting", one["ours"][i] * scale, one["peer"][i] * scale, unit)
            data.progress("numbers of inserting clients", step + 1, len(counts))

    def run(self):
        for part in self.options.parts:
            print(f"{part} ...", file=sys.stderr, flush=True)
            start = time.perf_counter()
            getattr(self, part)()
            print(f"{part}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        self.result["machine"]["load_at_end"] = os.getloadavg()

    def close(self):
        for side in self.sides.values():
            side.server.remove()

    def table(self):
        machine = self.result["machine"]
        loads = f"load {machine['load'][0]:.1f} at the start, {machine['load_at_end'][0]:.1f} at the end"
        yield f"{machine['cpu']}, {machine['cores']} cores, {loads}"
        yield f"ours: {machine['ours']} with the module; peer: {machine['peer']}"
        count, dims = self.vectors.shape
        yield f"{count:,} {self.options.data}, {dims} dimensions, medians of {self.options.rounds} rounds"
        yield ""
        yield f"{'part':9} {'what':36} {'ours':>11} {'peer':>11}       ours/peer"
        for part, what, ours, peer, unit in self.rows:
            ratio = f"{ours / peer:9.3f}" if peer and unit else ""
            yield f"{part:9} {what:36} {number(ours):>11} {number(peer):>11} {unit:5} {ratio}"


def number(x):
    return f"{x:,.3f}" if abs(x) < 10 else f"{x:,.1f}" if abs(x) < 1000 else f"{x:,.0f}"


def at_recall(curve, level, measure):
    """The measure where recall reaches the level: interpolated between widths of search, not below the first."""
    recall = np.maximum.accumulate(curve["recall"])
    keep = np.concatenate([[True], np.diff(recall) > 1e-9])
    return float(np.exp(np.interp(level, recall[keep], np.log(np.array(curve[measure])[keep]))))


def machine(options, sides):
    lscpu = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^Model name:\s*(.+)$", lscpu, re.MULTILINE)
    return {
        "cpu": found[1] if found else "unknown",
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        **{name: repr(side.server) for name, side in sides.items()},
        "module": MODULE.name,
        "options": {k: v for k, v in vars(options).items() if k != "output"},
    }


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="a small set: all parts in a few minutes")
    parser.add_argument("--data", choices=data.SETS, default="words", help="vectors of 100 or of 384 dimensions")
    parser.add_argument("--elements", type=int, help="size of the set (100000; quick: 20000)")
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement, the servers in turn")
    parser.add_argument("--server", default="redis70", help="that loads the module: see tests/servers.py")
    where = "folder of the JSON and the plots (benches/results/<date>-<cpu>)"
    parser.add_argument("--output", type=pathlib.Path, help=where)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    options.parts = options.parts or PARTS
    quick = options.quick
    options.elements = options.elements or (20_000 if quick else 100_000)
    options.queries = 300 if quick else 1000
    options.filtered_queries = 150 if quick else 500
    options.memory_elements = min(options.elements, 10_000 if quick else 100_000)
    options.seconds = 0.8 if quick else 3
    return options


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the servers are stopped, too
    suite = Suite(options)
    try:
        suite.start()
        suite.run()
    finally:
        suite.close()
    print("\n".join(suite.table()))
    cpu = re.sub(r"[^a-z0-9]+", "-", suite.result["machine"]["cpu"].lower()).strip("-")
    folder = options.output or HERE / "results" / f"{datetime.date.today()}-{cpu}"
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{'quick' if options.quick else 'full'}-{options.data}-{len(suite.vectors)}"
    (folder / f"{stem}.json").write_text(json.dumps(suite.result, indent=1, default=str) + "\n")
    plots.draw(suite.result, folder, stem)
    print(f"\nJSON and plots: {folder}/{stem}*", file=sys.stderr)


if __name__ == "__main__":
    main()
