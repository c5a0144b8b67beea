"""Shared reporting of the benchmarks: numbers, the machine, files, progress bars."""

import datetime
import functools
import json
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import sys

import numpy as np
from tqdm import tqdm

HERE = pathlib.Path(__file__).resolve().parent
EFS = [10, 20, 35, 50, 75, 100, 150, 200, 300, 400]
LEVELS = [0.8, 0.9, 0.95, 0.97, 0.98, 0.99]

# Nothing is drawn where no terminal shows it.
Bar = functools.partial(tqdm, disable=None, leave=False)


def middle(values):
    return statistics.median(values)


def quantile(times, q):
    return float(np.quantile(times, q))


def number(x):
    if x is None:
        return "–"
    return f"{x:,.3f}" if abs(x) < 10 else f"{x:,.1f}" if abs(x) < 1000 else f"{x:,.0f}"


def at_recall(curve, level, measure):
    """The measure where recall reaches the level, if it does: between widths of search, or at the first."""
    recall = np.maximum.accumulate(curve["recall"])
    if recall[-1] < level:
        return None
    keep = np.concatenate([[True], np.diff(recall) > 1e-9])
    return float(np.exp(np.interp(level, recall[keep], np.log(np.array(curve[measure])[keep]))))


def commit():
    """The version of the sources, with the commit where there is one."""
    version = re.search(r'^version = "(.+)"', (HERE.parent / "Cargo.toml").read_text(), re.MULTILINE)[1]
    described = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True)
    return f"{version} ({described.stdout.strip()})" if described.returncode == 0 else version


def machine():
    """When, where, of what and how: what a result is worth little without."""
    lscpu = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^Model name:\s*(.+)$", lscpu, re.MULTILINE)
    return {
        "date": f"{datetime.date.today()}",
        "cpu": found[1] if found else "unknown",
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "version": commit(),
        "command": shlex.join(["python", f"benches/{pathlib.Path(sys.argv[0]).name}", *sys.argv[1:]]),
    }


def about(machine):
    """The head of a table."""
    yield f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores; load {machine['load'][0]:.1f} at the start, {os.getloadavg()[0]:.1f} at the end"
    yield ""
    yield f"vset {machine['version']}" + (f" in {machine['ours']}, beside {machine['peer']}" if "peer" in machine else "")
    yield ""
    yield f"`{machine['command']}`"
    yield ""


def compared(ours, peer, unit):
    """How the first compares with the second, in words; nothing without a unit that tells which is better.

    >>> compared(80, 670, "µs"), compared(100, 200, "/s"), compared(279, 870, "B"), compared(1.0, 1.01, "ms")
    ('8.4 × faster', '2.0 × slower', '3.1 × smaller', 'equal')
    """
    if not (ours and peer and unit):
        return ""
    ratio = ours / peer if unit == "/s" else peer / ours
    if abs(ratio - 1) < 0.02:
        return "equal"
    better, worse = ("smaller", "larger") if unit in ("B", "MB") else ("faster", "slower")
    times = max(ratio, 1 / ratio)
    return f"{times:.1f} × {better if ratio > 1 else worse}" if times < 10 else f"{times:,.0f} × {better if ratio > 1 else worse}"


def markdown(header, rows):
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(cell if isinstance(cell, str) else number(cell) for cell in row)} |"


def common(parser):
    """The options that all benchmarks have."""
    parser.add_argument("--quick", action="store_true", help="small sets: a few minutes")
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement, taken in turn")
    where = "folder of table, JSON and plots (benches/results/<date>-<cpu>)"
    parser.add_argument("--output", type=pathlib.Path, help=where)


def write(output, stem, result, lines, draw=None):
    """The table, also on the terminal, the JSON, and the plots that `draw(result, path without its ending)` makes."""
    cpu = re.sub(r"[^a-z0-9]+", "-", result["machine"]["cpu"].lower()).strip("-")
    folder = output or HERE / "results" / f"{datetime.date.today()}-{cpu}"
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(lines)
    print(text)
    (folder / f"{stem}.md").write_text(text + "\n")
    (folder / f"{stem}.json").write_text(json.dumps(result, indent=1, default=str) + "\n")
    if draw:
        draw(result, folder / stem)
    print(f"\nkept: {folder}/{stem}*", flush=True)
