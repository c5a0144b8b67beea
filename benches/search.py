#!/usr/bin/env python3
"""Search over documents (FT.*) on a server that has the module, beside the vector sets of Redis 8 in the same session.

load      pipelined HSET into an index until all is linked, and how long another client waits during it; beside VADD
memory    bytes an index takes for a document, without the hash; beside an element's
query     KNN of ten: recall and latency over EF, and 1, 8 and 50 clients at EF 50; beside VSIM
filtered  KNN of documents of which 70 % to 0.1 % match
classic   queries without a vector: tags, ranges, both, words; aggregation
update    HSET of a tag, of a number, and of the unchanged vector, on indexed documents
restart   SAVE and restart until the first correct answer

Vector sets of Redis 8.2.3 are the baseline: times are compared with its VSIM at EF 50, rates with its VADD, bytes with those of an
element, measured in the same run. `aim` is the target; `RediSearch is` shows what RediSearch 8.10 reached beside the same
baseline on another day. Rounds alternate between the two; what is shown are medians of rounds. Nothing here fails because something
is slow.
"""

import statistics
import time

import numpy as np

from suite import PING, SIDES, Suite, insertions, share_found, vsims  # first: it puts the tests' folder on the path

import data
from client import Clients, Probe, ask, connect, pipelined, timed
from data import nearest
from report import Bar, compared, middle, quantile
from resp import encode
from servers import eventually, info

EFS = [10, 20, 50, 100]
SHARES = [0.7, 0.1, 0.01, 0.001]
WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon".split()
SCHEMA = ["g", "TAG", "s", "TAG", "n", "NUMERIC", "SORTABLE", "t", "TEXT"]

# What we want to reach and what RediSearch 8.10 reached, both divided by the yardstick.
AIMS = {
    "load": (8, 2.44), "bytes": (0.62, 2.06), "knn": (0.2, 0.48), "clients": (6, 1.37), "tag": (0.18, 0.36), "range": (0.31, 1.54),
    "both": (0.35, 0.70), "or-not": (0.68, 1.36), "group": (9.9, 31), "update": (36, 1.47),
    0.7: (0.86, 24.7), 0.1: (0.62, 1.85), 0.01: (0.15, 0.32), 0.001: (0.12, 0.25),
}  # fmt: skip


def asked(port, requests):
    """One request after the other: the replies' keys, and the times of each in seconds."""
    found, times = [], []
    with connect(port) as connection:
        for request in requests:
            start = time.perf_counter()
            reply = ask(connection, request)
            times.append(time.perf_counter() - start)
            found.append({int(line[2:]) for line in reply.split(b"\r\n") if line[:2] == b"d:"})
    return found, times


def recall(found, truth):
    return statistics.mean(len(f & t) / len(t) for f, t in zip(found, truth) if t)


class Search(Suite):
    NAME = "search"
    PARTS = ["load", "memory", "query", "filtered", "classic", "update", "restart"]
    SETS = ["sentences", "words", "synthetic"]
    MORE = ["aim", "RediSearch is"]

    @staticmethod
    def sizes(options):
        options.elements = options.elements or (5000 if options.quick else 30_000)
        options.queries = 200 if options.quick else 500
        options.seconds = 0.5 if options.quick else 3

    def __init__(self, options):
        super().__init__(options, *data.sample(options.data, options.elements, options.queries, 384))
        random = np.random.default_rng(data.SEED)
        count = len(self.vectors)
        self.part = random.random(count)  # which documents a share matches
        self.numbers = random.permutation(count)
        self.texts = [" ".join(random.choice(WORDS, 8)) for _ in range(count)]
        self.truth = nearest(self.vectors, self.queries)
        self.filled = False

    def about(self):
        return f"{len(self.vectors):,} documents ({self.options.data}, {self.vectors.shape[1]} dimensions)"

    def start(self):
        super().start()
        self.ours, self.peer = self.sides["ours"], self.sides["peer"]

    def row(self, part, what, ours, peer, unit, aim=None):
        aims = [compared(x, 1, unit) for x in AIMS.get(aim, ())] or ["", ""]
        super().row(part, what, ours, peer, unit, *aims)

    def documents(self, vectors=True):
        """Pipelined HSETs of all documents, as (count, bytes)."""
        made = []
        for i, vector in enumerate(self.vectors):
            shares = ",".join(f"s{n}" for n, share in enumerate(SHARES) if self.part[i] < share)
            fields = ["g", f"g{i % 10}", "s", shares or "none", "n", self.numbers[i], "t", self.texts[i]]
            made.append(encode(["HSET", f"d:{i}", *fields, *(["v", vector.tobytes()] if vectors else [])]))
        return [(len(part), b"".join(part)) for part in (made[at : at + 250] for at in range(0, len(made), 250))]

    def create(self, vectors=True):
        vector = ["v", "VECTOR", "HNSW", 10, "TYPE", "FLOAT32", "DIM", self.vectors.shape[1], "DISTANCE_METRIC", "COSINE", "M", 16,
                  "EF_CONSTRUCTION", 200]  # fmt: skip
        self.ours.ask("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", *SCHEMA, *(vector if vectors else []))

    def settle(self):
        """Returns when the scan is over and every vector is linked."""
        ends = ("search_vectors_pending", "search_indexes_scanning")
        counts = lambda: (int(count) for name, count in info(self.ours.ask, "everything").items() if name.endswith(ends))
        eventually(lambda: not any(counts()), timeout=900)

    def load_documents(self, vectors=True):
        """HSETs a second into an index, until all is linked."""
        self.ours.ask("FLUSHALL")
        self.create(vectors)
        batches = self.documents(vectors)
        with Bar(total=len(self.vectors), desc="HSET") as bar:
            start = time.perf_counter()
            pipelined(self.ours.port, batches, bar.update)
            self.settle()
        return len(self.vectors) / (time.perf_counter() - start)

    def fill(self):
        """Both sides hold the vectors."""
        if not self.filled:
            self.load_documents()
            self.peer.load("q", self.vectors)
            self.filled = True

    def load(self):
        keep = {"ours": [], "peer": []}
        for _ in range(self.options.rounds):
            for name, load in (("ours", self.load_documents), ("peer", lambda: self.peer.load("q", self.vectors))):
                self.sides[name].ask("FLUSHALL")
                probe = Probe(self.sides[name].port, [PING], 0.001)
                rate = load()
                keep[name].append((rate, quantile(probe.end(), 0.99)))
        self.filled = True
        rates, pings = ([middle(column) for column in zip(*keep[name])] for name in SIDES)
        self.row("load", "HSET, VADD until linked", rates[0], pings[0], "/s", "load")
        self.row("load", "PING p99 during load", rates[1] * 1e6, pings[1] * 1e6, "µs")
        plain = middle(self.load_documents(vectors=False) for _ in range(self.options.rounds))
        self.row("load", "HSET without vectors", plain, None, "/s")
        self.filled = False

    def memory(self):
        self.filled = False
        for _, side in self.sides.items():
            side.ask("FLUSHALL")
        pipelined(self.ours.port, self.documents(), lambda _: None)
        before = self.ours.used()
        self.create()
        self.settle()
        ours = (self.ours.used() - before) / len(self.vectors)
        before = self.peer.used()
        self.peer.load("q", self.vectors, fresh=False)
        peer = (self.peer.used() - before) / len(self.vectors)
        self.filled = True
        self.row("memory", "bytes a document, an element", ours, peer, "B", "bytes")

    def search(self, query, *options):
        return encode(["FT.SEARCH", "i", query, "NOCONTENT", *options])

    def knn(self, ef, before="*"):
        query = f"{before}=>[KNN 10 @v $b EF_RUNTIME {ef} AS d]"
        return [self.search(query, "PARAMS", 2, "b", q.tobytes(), "DIALECT", 2) for q in self.queries]

    def yardstick(self):
        """Seconds of the peer's VSIM at EF 50."""
        if not hasattr(self, "kept"):
            self.fill()
            requests = vsims("q", self.queries, "EF", 50)
            self.kept = middle(quantile(timed(self.peer.port, requests)[1], 0.5) for _ in range(self.options.rounds))
        return self.kept

    def query(self):
        self.fill()
        for ef in EFS:
            ours, theirs = self.knn(ef), vsims("q", self.queries, "EF", ef)
            times = {"ours": [], "peer": []}
            for _ in range(self.options.rounds):
                found, each = asked(self.ours.port, ours)
                times["ours"].append(quantile(each, 0.5))
                replies, each = timed(self.peer.port, theirs)
                times["peer"].append(quantile(each, 0.5))
            self.row("query", f"recall, EF {ef}", recall(found, self.truth), share_found(replies, self.truth), "")
            self.row("query", f"KNN, VSIM, EF {ef}", *(middle(times[name]) * 1e6 for name in SIDES), "µs", "knn" if ef == 50 else None)
        requests = {self.ours.port: self.knn(50), self.peer.port: vsims("q", self.queries, "EF", 50)}
        for clients in (1, 8, 50):
            rates = {"ours": [], "peer": []}
            for _ in range(self.options.rounds):
                for name, side in self.sides.items():
                    times, seconds, _ = Clients(side.port, requests[side.port], clients, self.options.seconds).result()
                    rates[name].append(len(times) / seconds)
            aim = "clients" if clients == 8 else None
            self.row("query", f"clients: {clients}", *(middle(rates[name]) for name in SIDES), "/s", aim)

    def measured(self, part, what, requests, aim=None, truth=None):
        """The median of requests to our server beside the yardstick."""
        yardstick = self.yardstick()
        rounds = [asked(self.ours.port, requests) for _ in range(self.options.rounds)]
        self.row(part, what, middle(quantile(times, 0.5) for _, times in rounds) * 1e6, yardstick * 1e6, "µs", aim)
        if truth:
            self.row(part, f"recall, {what}", recall(rounds[0][0], truth), None, "")

    def filtered(self):
        self.fill()
        for n, share in enumerate(SHARES):
            rows = np.flatnonzero(self.part < share)
            truth = [{int(rows[i]) for i in found} for found in nearest(self.vectors[rows], self.queries, min(10, len(rows)))]
            self.measured("filtered", f"KNN, {share:.1%} match", self.knn(100, f"@s:{{s{n}}}"), share, truth)

    def classic(self):
        self.fill()
        count, random = len(self.vectors), np.random.default_rng(1)
        places = [(int(a), int(a) + count // 50) for a in random.integers(count, size=200)]
        queries = {
            "tag": [f"@g:{{g{a % 10}}}" for a, _ in places],
            "range": [f"@n:[{a} {b}]" for a, b in places],
            "both": [f"@g:{{g{a % 10}}} @n:[{a} {b}]" for a, b in places],
            "or-not": [f"(@g:{{g{a % 10}}} | @n:[{a} {b}]) -@g:{{g{b % 10}}}" for a, b in places],
            "word": [f"@t:{WORDS[a % 20]}" for a, _ in places],
            "words": [f"{WORDS[a % 20]} {WORDS[b % 20]}" for a, b in places],
            "phrase": [f'"{WORDS[a % 20]} {WORDS[b % 20]}"' for a, b in places],
            "prefix": [f"{WORDS[a % 20][:2]}*" for a, _ in places],
        }
        for what, texts in queries.items():
            self.measured("classic", what, [self.search(text) for text in texts], what)
        sort = [self.search(f"@g:{{g{a % 10}}}", "SORTBY", "n") for a, _ in places]
        self.measured("classic", "tag, SORTBY", sort)
        self.measured("classic", "tag with contents", [encode(["FT.SEARCH", "i", f"@g:{{g{a % 10}}}"]) for a, _ in places])
        reduce = ["GROUPBY", 1, "@g", "REDUCE", "COUNT", 0, "AS", "c", "REDUCE", "AVG", 1, "@n", "AS", "m"]
        self.measured("classic", "GROUPBY, COUNT and AVG over all", [encode(["FT.AGGREGATE", "i", "*", *reduce])] * 20, "group")

    def update(self):
        self.fill()
        count = min(len(self.vectors), 20_000)
        changes = {
            "a tag": [encode(["HSET", f"d:{i}", "g", f"g{(i + self.turn) % 10}"]) for i in range(count)],
            "a number": [encode(["HSET", f"d:{i}", "n", i + 1]) for i in range(count)],
            "the same vector": [encode(["HSET", f"d:{i}", "v", self.vectors[i].tobytes()]) for i in range(count)],
        }
        base = middle(self.peer_rate() for _ in range(self.options.rounds))
        for what, requests in changes.items():
            batches = [(len(part), b"".join(part)) for part in (requests[at : at + 250] for at in range(0, count, 250))]

            def rate():
                start = time.perf_counter()
                pipelined(self.ours.port, batches, lambda _: None)
                self.settle()
                return count / (time.perf_counter() - start)

            aim = "update" if what == "a tag" else None
            self.row("update", f"HSET of {what}", middle(rate() for _ in range(self.options.rounds)), base, "/s", aim)

    turn = 3

    def peer_rate(self):
        """The peer's VADDs a second into a set of a few thousand."""
        some = self.vectors[:3000]
        start = time.perf_counter()
        pipelined(self.peer.port, insertions("other", some), lambda _: None)
        rate = len(some) / (time.perf_counter() - start)
        self.peer.ask("DEL", "other")
        return rate

    def restart(self):
        self.fill()
        self.ours.ask("SAVE")
        self.ours.server.shutdown()
        start = time.perf_counter()
        self.ours.server.start()
        self.ours.ask = self.ours.server.connect(timeout=900)
        self.ours.port = self.ours.server.port
        found, _ = asked(self.ours.port, self.knn(50)[:1])
        seconds = time.perf_counter() - start
        self.row("restart", "until the first answer", seconds, None, "s")
        self.row("restart", "its recall", recall(found, self.truth), None, "")
        self.settle()
        self.row("restart", "until all is linked", time.perf_counter() - start, None, "s")


if __name__ == "__main__":
    Search.main(__doc__)
