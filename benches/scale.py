#!/usr/bin/env python3
"""How the engine grows, in-process, by one thread: build, bytes, latency, vectors compared, over the number of elements.

10,000 to 340,000 words of 100 dimensions; with --million also synthetic vectors of 100 dimensions, up to a million.
A search that grows with the logarithm of the number of elements lies on the dashed line.
"""

import argparse
import math
import sys

import core
import plots
import report
from report import at_recall

RECALL = 0.95
EF = 100


def table(runs):
    header = ["", "elements", "build/s", "bytes an element", f"recall@10 EF {EF}", f"µs EF {EF}", f"µs at {RECALL}"]
    header += [f"compared EF {EF}", f"compared at {RECALL}", "µs / log2 n"]
    at = report.EFS.index(EF)
    rows = []
    for run in runs:
        for name, curve in run["curves"].items():
            times = [at_recall(curve, RECALL, "mean")]
            compared = [None, None]
            if "evaluated" in curve:
                compared = [curve["evaluated"][at], at_recall(curve, RECALL, "evaluated")]
            growth = times[0] and times[0] / math.log2(run["elements"])
            measured = [curve["build"], curve["bytes"], curve["recall"][at], curve["mean"][at]]
            rows.append([f"{name}, {run['data']}", run["elements"], *measured, *times, *compared, growth])
    yield from report.markdown(header, sorted(rows, key=lambda row: (row[0], row[1])))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", action="store_true", help="synthetic vectors, too: 10,000 to 1,000,000")
    parser.add_argument("--sizes", type=int, nargs="+", help="other numbers of words")
    parser.add_argument("--only", nargs="+", default=["vset Q8", "hnswlib f32"], choices=core.CONTENDERS)
    report.common(parser)
    options = parser.parse_args()
    words = options.sizes or ([3000, 10_000, 30_000] if options.quick else [10_000, 30_000, 100_000, 340_000])
    plan = [("words", size, None, options.only) for size in words]
    if options.million:
        # The others take an hour for a million.
        plan += [("synthetic", size, 100, ["vset Q8"]) for size in (10_000, 30_000, 100_000, 340_000, 1_000_000)]
    result = {"machine": report.machine(), "runs": []}
    binary = core.engine()
    for name, elements, dims, contenders in plan:
        print(f"scale, {elements:,} {name} ...", file=sys.stderr, flush=True)
        run = core.race(contenders, binary, name, elements, dims, rounds=options.rounds)
        result["runs"].append({"data": name, **run})
    stem = "scale-quick" if options.quick else "scale"
    lines = [*report.about(result["machine"]), *table(result["runs"])]
    report.write(options.output, stem, result, lines, plots.draw_scale)


if __name__ == "__main__":
    main()
