"""Shared code of the suites beside Redis 8: the two servers, requests to vector sets, rows of a table, and the program around them."""

import argparse
import os
import pathlib
import signal
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

import report
from client import names, pipelined
from report import Bar
from resp import encode, pairs
from servers import Server, eventually, info

SIDES = ["ours", "peer"]
PING = encode(["PING"])


def share_found(replies, truth):
    """Mean recall of the queries for which there is something to find."""
    found = [{int(name[1:]) for name in names(reply)} for reply in replies]
    return statistics.mean(len(f & t) / len(t) for f, t in zip(found, truth) if t)


def vadd(key, name, vector, *options):
    return encode(["VADD", key, "FP32", vector.tobytes(), name, *options])


def vsims(key, queries, *options):
    return [encode(["VSIM", key, "FP32", q.tobytes(), "COUNT", 10, *options]) for q in queries]


def insertions(key, vectors, options=(), attributes=None, first=0, batch=250):
    """Pipelined VADDs, as (count, bytes); names count from the first."""
    own = attributes or [()] * len(vectors)
    made = [vadd(key, f"e{i}", v, *options, *a) for i, (v, a) in enumerate(zip(vectors, own), first)]
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

    def load(self, key, vectors, options=(), attributes=None, fresh=True, first=0):
        """Inserts a second, from the first byte sent until all is linked."""
        batches = insertions(key, vectors, options, attributes, first)
        if fresh:
            self.ask("FLUSHALL")
        with Bar(total=len(vectors), desc=f"{self.server.kind}: VADD {' '.join(map(str, options))}") as bar:
            start = time.perf_counter()
            pipelined(self.port, batches, bar.update)
            self.settle(key)
        return len(vectors) / (time.perf_counter() - start)


class Suite:
    """A program that measures both servers. A subclass has a method for each of its `PARTS`."""

    NAME = ""  # how its files begin
    PARTS = []
    SETS = []  # of vectors, see data.py; the first if none is chosen
    MORE = []  # titles of columns behind the comparison

    def __init__(self, options, vectors, queries):
        self.options, self.vectors, self.queries = options, vectors, queries
        self.sides = {}
        self.result = {"elements": len(vectors), "rows": []}

    @staticmethod
    def sizes(options):
        """Sets the sizes that the options leave open."""
        raise NotImplementedError

    def about(self):
        """What the table says of the data."""
        raise NotImplementedError

    def start(self):
        for name, kind in zip(SIDES, (self.options.server, "peer")):
            self.sides[name] = Side(kind)
        ours, peer = (f"{'Valkey' if side.server.valkey else 'Redis'} {side.server.full_version}" for side in self.sides.values())
        options = {k: v for k, v in vars(self.options).items() if k != "output"}
        self.result["machine"] = {**report.machine(), "ours": ours, "peer": peer, "options": options}

    def both(self):
        return self.sides.items()

    def row(self, part, what, ours, peer, unit, *more):
        """A row of the table; `peer` is None where there is nothing to compare with, `unit` empty where no side is better."""
        self.result["rows"].append((part, what, ours, peer, unit, *more))

    def alternate(self, rounds, measure):
        """{side: [what `measure(side)` returned in each round]}, the sides in turn."""
        results = {name: [] for name in SIDES}
        for _ in range(rounds):
            for name, side in self.both():
                results[name].append(measure(side))
        return results

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
        yield from report.about(machine)
        yield f"{self.about()}; medians of rounds: {self.options.rounds}"
        yield ""
        rows = [[part, what, ours, peer, unit, report.compared(ours, peer, unit), *more] for part, what, ours, peer, unit, *more in self.result["rows"]]
        yield from report.markdown(["part", "what", "vset", machine["peer"], "", "vset is", *self.MORE], rows)

    @classmethod
    def arguments(cls, about):
        parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(cls.PARTS)}; all if none is given")
        parser.add_argument("--data", choices=cls.SETS, default=cls.SETS[0], help="see data.py")
        parser.add_argument("--elements", type=int, help="size of the set")
        parser.add_argument("--server", default="redis70", help="that loads the module: see tests/servers.py")
        report.common(parser)
        options = parser.parse_args()
        if unknown := set(options.parts) - set(cls.PARTS):
            parser.error(f"no such part: {', '.join(sorted(unknown))}")
        options.parts = options.parts or cls.PARTS
        cls.sizes(options)
        return options

    @classmethod
    def main(cls, about, draw=None):
        """The program: measures the parts that are asked for, and keeps the table, the numbers and pictures of them."""
        options = cls.arguments(about)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the servers are stopped, too
        suite = cls(options)
        try:
            suite.start()
            suite.run()
        finally:
            suite.close()
        stem = f"{cls.NAME}-{options.data}-{len(suite.vectors)}"
        if options.parts != cls.PARTS:
            stem += f"-{'-'.join(options.parts)}"
        report.write(options.output, stem, suite.result, suite.table(), draw)
