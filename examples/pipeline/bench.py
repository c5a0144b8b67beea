#!/usr/bin/env python3
"""The benchmark harness: recall@k against brute force and latencies by EF, as a table, a JSON file and a plot."""

import argparse
import asyncio
import json
import pathlib
import time

import numpy as np
import redis

from search import Searcher
from store import Definition, add_arguments

WIDTHS = (10, 20, 40, 80, 160, 320)


def stored(urls, definition):
    """Keys and vectors of all documents."""
    keys, vectors = [], []
    for url in urls:
        client = redis.Redis.from_url(url)
        for key in client.scan_iter(match=definition.prefix + "*", count=1000):
            keys.append(key.decode())
        own = keys[len(vectors) :]
        for at in range(0, len(own), 1000):
            pipe = client.pipeline(transaction=False)
            for key in own[at : at + 1000]:
                pipe.hget(key, definition.vector["field"])
            vectors += [np.frombuffer(blob, "<f4") for blob in pipe.execute()]
    return keys, np.array(vectors)


async def measure(urls, definition, queries=200, k=10, widths=WIDTHS, seed=1):
    """For each EF: recall@k, and milliseconds of a query at a time at several percentiles."""
    keys, vectors = stored(urls, definition)
    rng = np.random.default_rng(seed)
    # Near documents, but none of them.
    asked = vectors[rng.choice(len(vectors), queries)] + 0.02 * rng.normal(size=(queries, vectors.shape[1]))
    unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)
    nearest = np.argsort(-(unit(asked) @ unit(vectors).T), axis=1)[:, :k]
    truth = [{keys[i] for i in row} for row in nearest]
    searcher = Searcher(urls, definition)
    rows = []
    try:
        for ef in widths:
            times, shared = [], 0
            for vector, expected in zip(asked.astype("<f4"), truth):
                began = time.perf_counter()
                found = await searcher.vector(vector.tobytes(), k, ef=ef, timeout=10_000)
                times.append(1000 * (time.perf_counter() - began))
                shared += len(expected & {key for key, _ in found})
            p50, p95, p99 = np.percentile(times, (50, 95, 99)).round(3).tolist()
            rows.append({"ef": ef, "recall": shared / (queries * k), "p50": p50, "p95": p95, "p99": p99})
    finally:
        await searcher.close()
    return {"documents": len(keys), "shards": len(urls), "queries": queries, "k": k, "rows": rows}


def table(result):
    lines = [f"{'EF':>5} {'recall':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}"]
    lines += [f"{r['ef']:>5} {r['recall']:>7.3f} {r['p50']:>8.2f} {r['p95']:>8.2f} {r['p99']:>8.2f}" for r in result["rows"]]
    return "\n".join(lines)


def plot(result, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    widths = [row["ef"] for row in result["rows"]]
    axes.plot(widths, [row["recall"] for row in result["rows"]], "o-", color="tab:blue")
    axes.set(xscale="log", xlabel="EF", xticks=widths, xticklabels=widths, title=f"{result['documents']:,} documents on {result['shards']} shards")
    axes.set_ylabel(f"recall@{result['k']}", color="tab:blue")
    right = axes.twinx()
    right.plot(widths, [row["p50"] for row in result["rows"]], "s--", color="tab:orange")
    right.set_ylabel("milliseconds, median", color="tab:orange")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def write(result, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recall.json").write_text(json.dumps(result, indent=1) + "\n")
    plot(result, folder / "recall.png")
    return folder / "recall.png"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--out", default="target/pipeline")
    args = parser.parse_args()
    result = asyncio.run(measure(args.shards.split(","), Definition()))
    print(table(result))
    print(write(result, args.out))


if __name__ == "__main__":
    main()
