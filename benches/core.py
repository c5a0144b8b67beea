#!/usr/bin/env python3
"""Compares the engine, in-process, with hnswlib, usearch and faiss: build, memory, recall over latency, by one thread.

All get the same file, of which the last 500 vectors are queries, and M 16, efConstruction 200. Each runs in a process
of its own; these take turns, so that one alone works at a time. Times are means of the 500 queries, and medians of
rounds. Bytes are what the process holds in addition after the build.
"""

import argparse
import json
import os
import re
import subprocess
import sys

import numpy as np

import data
import plots
import report
from report import EFS, LEVELS, Bar, at_recall, compared, middle

QUERIES = 500  # as in core.rs
# name: (what core.rs calls the encoding, or which class of libraries.py it is; whom it is compared with)
CONTENDERS = {
    "vset Q8": ("int8", "vset Q8"),
    "usearch i8": ("usearch-i8", "vset Q8"),
    "faiss SQ8": ("faiss-sq8", "vset Q8"),
    "vset f32": ("f32", "vset f32"),
    "hnswlib f32": ("hnswlib", "vset f32"),
    "usearch f32": ("usearch-f32", "vset f32"),
    "faiss f32": ("faiss-f32", "vset f32"),
    "vset BIN": ("bin", "vset BIN"),
    "usearch b1": ("usearch-b1", "vset BIN"),
}


def engine():
    """Builds core.rs; the path of its binary."""
    command = "cargo bench --no-default-features --target-dir target/core --bench core --no-run --message-format json"
    root = report.HERE.parent
    lines = subprocess.run(command.split(), cwd=root, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    made = [message for message in map(json.loads, lines) if message.get("executable")]
    return next(message["executable"] for message in made if message["target"]["name"] == "core")


class Contender:
    """A process that has read the vectors. It builds, then searches."""

    def __init__(self, name, binary, path, dims, count):
        what, _ = CONTENDERS[name]
        ours = name.startswith("vset")
        command = [binary] if ours else [sys.executable, report.HERE / "libraries.py", what]
        command += [path, dims, count] + ["-"] * ours
        environment = {**os.environ, "VSET_BENCH_ENCODING": what, "VSET_BENCH_THREADS": "0"}
        pipe = subprocess.PIPE
        self.name, self.count = name, count
        self.process = subprocess.Popen(list(map(str, command)), stdin=pipe, stdout=pipe, text=True, env=environment)
        self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}")
        return json.loads(line)

    def tell(self, what):
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()

    def held(self):
        """Bytes that this process has written to, and holds alone."""
        with open(f"/proc/{self.process.pid}/smaps_rollup") as file:
            return 1024 * int(re.search(r"Private_Dirty:\s+(\d+)", file.read())[1])

    def build(self):
        """Elements a second, and bytes an element."""
        before = self.held()
        self.tell("build")
        with Bar(total=self.count, desc=f"{self.name}: build") as bar:
            while "seconds" not in (reply := self.read()):
                bar.update(reply["done"] - bar.n)
        return self.count / reply["seconds"], (self.held() - before) / self.count

    def search(self, ef):
        self.tell(ef)
        return self.read()

    def close(self):
        self.process.kill()
        self.process.wait()


def race(contenders, binary, name, elements, dims=None, rounds=3, builds=1):
    """{contender: its curve}: lists by EF of recall, mean µs and, of ours, vectors compared with a query."""
    path, truth, dims, count = prepared(name, elements, dims)
    result = {c: {"build": [], "bytes": [], "ef": EFS, "recall": [], "mean": []} for c in contenders}
    running = []
    try:
        for last in [False] * (builds - 1) + [True]:
            for contender in contenders:
                running.append(one := Contender(contender, binary, path, dims, count))
                rate, size = one.build()
                result[contender]["build"].append(rate)
                result[contender]["bytes"].append(size)
                if not last:
                    running.pop().close()
        for ef in Bar(EFS, desc="widths of search"):
            times = {one.name: [] for one in running}
            for turn in range(rounds + 1):
                for one in running:
                    reply = one.search(ef)
                    if turn:  # the first only warms up
                        times[one.name].append(reply["mean"])
                    curve = result[one.name]
                    if turn == 1:
                        found = zip(reply["found"], truth)
                        curve["recall"].append(float(np.mean([len(set(f) & t) / len(t) for f, t in found])))
                        if "evaluated" in reply:
                            curve.setdefault("evaluated", []).append(reply["evaluated"])
            for one in running:
                result[one.name]["mean"].append(middle(times[one.name]))
    finally:
        for one in running:
            one.close()
    for curve in result.values():
        curve["build"], curve["bytes"] = middle(curve["build"]), middle(curve["bytes"])
    return {"dims": dims, "elements": count, "curves": result}


def prepared(name, elements, dims):
    """The path of a file of vectors and, behind them, queries; the true neighbours of these; dimensions, elements."""
    vectors, queries = data.sample(name, elements, QUERIES, dims)
    count, dims = vectors.shape
    path = data.CACHE / f"race-{name}-{dims}-{count}.f32"
    np.concatenate([vectors, queries]).astype("<f4").tofile(path)
    return path, data.nearest(vectors, queries), dims, count


def table(runs):
    for name, run in runs.items():
        yield ""
        yield f"{name}: {run['elements']:,} vectors of {run['dims']} dimensions"
        yield ""
        curves = run["curves"]
        levels = [level for level in LEVELS if any(max(c["recall"]) >= level for c in curves.values())]
        header = ["", "build/s", "bytes an element", "best recall@10", *(f"µs at {level}" for level in levels)]
        rows = []
        for contender, curve in curves.items():
            times = [at_recall(curve, level, "mean") for level in levels]
            rows.append([contender, curve["build"], curve["bytes"], max(curve["recall"]), *times])
        yield from report.markdown(header, rows)
        yield ""
        yield "vset is, beside the others of its class:"
        yield ""
        rows = []
        for contender, curve in curves.items():
            ours = curves.get(CONTENDERS[contender][1], curve)
            if ours is curve:
                continue
            times = [compared(at_recall(ours, level, "mean"), at_recall(curve, level, "mean"), "µs") for level in levels]
            rows.append([contender, compared(ours["build"], curve["build"], "/s"), compared(ours["bytes"], curve["bytes"], "B"), *times])
        yield from report.markdown(["beside", "build", "bytes", *header[4:]], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", metavar="DATA", help=f"of {', '.join(data.SETS)}; both if none is given")
    parser.add_argument("--elements", type=int, help="at most (100000; quick: 10000)")
    parser.add_argument("--builds", type=int, default=1, help="how often each builds, in turn")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="CONTENDER")
    report.common(parser)
    options = parser.parse_args()
    elements = options.elements or (10_000 if options.quick else 100_000)
    result = {"machine": report.machine(), "runs": {}}
    binary = engine()
    for name in options.data or data.SETS:
        print(f"core, {name} ...", file=sys.stderr, flush=True)
        # No more sentences than are embedded in two minutes.
        most = min(elements, data.FEWEST_SENTENCES - QUERIES) if name == "sentences" else elements
        result["runs"][name] = race(options.only, binary, name, most, rounds=options.rounds, builds=options.builds)
    lines = [*report.about(result["machine"]), *table(result["runs"])]
    report.write(options.output, f"core-{elements}", result, lines, plots.draw_core)


if __name__ == "__main__":
    main()
