#!/usr/bin/env python3
"""Measures the recall of a live vector set: the share of the exact answer (VSIM … TRUTH) that VSIM finds, by EF.

    recall.py redis://localhost:6379 words --plot recall.png
"""

import argparse
import array
import statistics
import sys
import time

import redis


def bar(done, total):
    filled = 30 * done // total
    print(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done:,}/{total:,} queries", end="", file=sys.stderr, flush=True)


def queries(client, key, count, mix):
    """Vectors to ask for: of members, or the mean of some."""
    members = client.execute_command("VRANDMEMBER", key, -count * mix)
    pipe = client.pipeline(transaction=False)
    for name in members:
        pipe.execute_command("VEMB", key, name)
    vectors = [[float(x) for x in v] for v in pipe.execute() if v]
    for at in range(0, len(vectors), mix):
        group = vectors[at : at + mix]
        mean = array.array("f", (sum(column) / len(group) for column in zip(*group)))
        if sys.byteorder == "big":
            mean.byteswap()
        yield mean.tobytes()


def ask(client, key, query, count, *options):
    """The names, and the seconds it took."""
    start = time.perf_counter()
    found = client.execute_command("VSIM", key, "FP32", query, "COUNT", count, *options)
    return set(found), time.perf_counter() - start


def measure(client, key, asked, efs, count, extra):
    """EF (or TRUTH): recalls, seconds."""
    results = {label: ([], []) for label in ["TRUTH", *efs]}
    total, done = len(asked) * len(results), 0
    for query in asked:
        exact, seconds = ask(client, key, query, count, "TRUTH", *extra)
        for label, (recalls, times) in results.items():
            if label != "TRUTH":
                found, seconds = ask(client, key, query, count, "EF", label, *extra)
                recalls.append(len(found & exact) / len(exact) if exact else 1.0)
            else:
                recalls.append(1.0)
            times.append(seconds)
            done += 1
        bar(done, total)
    print(file=sys.stderr)
    return results


def plot(results, efs, count, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot(efs, [statistics.mean(results[ef][0]) for ef in efs], marker="o")
    axes.set(xlabel="EF", ylabel=f"recall@{count}", xscale="log")
    axes.grid(True)
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", help="redis://[user:password@]host:port/db")
    parser.add_argument("key")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--count", type=int, default=10, help="neighbours to ask for")
    parser.add_argument("--ef", default="10,20,50,100,200,500", help="values of EF, by commas")
    parser.add_argument("--mix", type=int, default=1, help="ask for the mean of so many members, which is no member")
    parser.add_argument("--filter", help="FILTER expression for all queries")
    parser.add_argument("--plot", metavar="FILE", help="draw it, too, with matplotlib")
    options = parser.parse_args()

    client = redis.Redis.from_url(options.server, protocol=2)
    card = client.execute_command("VCARD", options.key)
    if not card:
        sys.exit(f"no vector set {options.key}")
    asked = list(queries(client, options.key, options.queries, options.mix))
    efs = [int(ef) for ef in options.ef.split(",")]
    extra = ["FILTER", options.filter] if options.filter else []
    results = measure(client, options.key, asked, efs, options.count, extra)

    print(f"{options.key}: {card:,} elements, {len(asked)} queries for {options.count}")
    print(f"{'EF':>6} {'recall':>8} {'worst':>8} {'median ms':>10} {'p99 ms':>8}")
    for label in [*efs, "TRUTH"]:
        recalls, times = results[label]
        times = sorted(1000 * t for t in times)
        p99 = times[min(len(times) - 1, len(times) * 99 // 100)]
        print(f"{label:>6} {statistics.mean(recalls):8.4f} {min(recalls):8.2f} {statistics.median(times):10.3f} {p99:8.3f}")
    if options.plot:
        plot(results, efs, options.count, options.plot)


if __name__ == "__main__":
    main()
