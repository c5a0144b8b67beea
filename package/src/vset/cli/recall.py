"""`vset recall`: recall and latency of searches in a live set."""

from __future__ import annotations

import argparse
import array
import pathlib
import statistics
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .common import Failure, Subparsers, add_command, connect, fetch, number, numbers, quantile, shown

if TYPE_CHECKING:
    import redis

TEXT = """Measures the recall of a live vector set: the share of the exact answer (VSIM … TRUTH) that VSIM finds, by EF.

    vset recall redis://localhost:6379 words --plot recall.png
"""

Results = dict[int | str, tuple[list[float], list[float]]]


def register(commands: Subparsers) -> None:
    """Adds the command."""
    made = add_command(commands, "recall", run, "measure the recall of a vector set", TEXT)
    made.add_argument("server", help="redis://[user:password@]host:port/db")
    made.add_argument("key")
    made.add_argument("--queries", type=number(1, 1_000_000), default=200)
    made.add_argument("--count", type=number(1, 1_000_000), default=10, help="neighbours to ask for")
    made.add_argument("--ef", type=numbers(1, 1_000_000), default="10,20,50,100,200,500", help="values of EF, by commas")
    made.add_argument("--mix", type=number(1, 1000), default=1, help="ask for the mean of so many members, which is no member")
    made.add_argument("--filter", help="FILTER expression for all queries")
    made.add_argument("--plot", metavar="FILE", help="draw it, too, with matplotlib")


def queries(client: redis.Redis, key: str, count: int, mix: int) -> Iterator[bytes]:
    """Vectors to ask for: of members, or the mean of some."""
    members = client.execute_command("VRANDMEMBER", key, -count * mix)
    vectors = [[float(x) for x in v] for v in fetch(client, [("VEMB", key, name) for name in members]) if v]
    for at in range(0, len(vectors), mix):
        group = vectors[at : at + mix]
        mean = array.array("f", (sum(column) / len(group) for column in zip(*group)))
        if sys.byteorder == "big":
            mean.byteswap()
        yield mean.tobytes()


def ask(client: redis.Redis, key: str, query: bytes, count: int, *options: Any) -> tuple[set[bytes], float]:
    """The names, and the seconds it took."""
    start = time.perf_counter()
    found = client.execute_command("VSIM", key, "FP32", query, "COUNT", count, *options)
    return set(found), time.perf_counter() - start


def measure(client: redis.Redis, key: str, asked: list[bytes], efs: list[int], count: int, extra: list[str]) -> Results:
    """EF (or TRUTH): recalls and seconds of all queries."""
    labels: list[int | str] = ["TRUTH", *efs]
    results: Results = {label: ([], []) for label in labels}
    for query in shown(asked, "measuring", "queries"):
        exact, seconds = ask(client, key, query, count, "TRUTH", *extra)
        for label, (recalls, times) in results.items():
            if label != "TRUTH":
                found, seconds = ask(client, key, query, count, "EF", label, *extra)
                recalls.append(len(found & exact) / len(exact) if exact else 1.0)
            else:
                recalls.append(1.0)
            times.append(seconds)
    return results


def drawable(path: str) -> None:
    """Fails where a plot could not be kept, before minutes of work."""
    from matplotlib.backend_bases import FigureCanvasBase  # type: ignore[import-not-found]

    file = pathlib.Path(path)
    if not file.parent.is_dir():
        raise Failure(f"there is no folder {file.parent}")
    if file.suffix and file.suffix[1:].lower() not in FigureCanvasBase.get_supported_filetypes():
        raise Failure(f"matplotlib writes no {file.suffix} files", usage=True)


def plot(results: Results, efs: list[int], count: int, path: str) -> None:
    """Draws recall over EF."""
    import matplotlib  # type: ignore[import-not-found]

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot(efs, [statistics.mean(results[ef][0]) for ef in efs], marker="o")
    axes.set(xlabel="EF", ylabel=f"recall@{count}", xscale="log")
    axes.grid(True)
    figure.savefig(path)


def run(options: argparse.Namespace) -> int:
    """Measures and prints a table."""
    client = connect(options.server)
    card = client.execute_command("VCARD", options.key)
    if not card:
        raise Failure(f"there is no vector set {options.key}")
    if options.plot:
        drawable(options.plot)
    asked = list(queries(client, options.key, options.queries, options.mix))
    extra = ["FILTER", options.filter] if options.filter else []
    results = measure(client, options.key, asked, options.ef, options.count, extra)

    print(f"{options.key}: {card:,} elements, {len(asked)} queries for {options.count}")
    print(f"{'EF':>6} {'recall':>8} {'worst':>8} {'median ms':>10} {'p99 ms':>8}")
    for label in [*options.ef, "TRUTH"]:
        recalls, times = results[label]
        median, p99 = (1000 * quantile(times, share) for share in (0.5, 0.99))
        print(f"{label:>6} {statistics.mean(recalls):8.4f} {min(recalls):8.2f} {median:10.3f} {p99:8.3f}")
    if options.plot:
        plot(results, options.ef, options.count, options.plot)
    return 0
