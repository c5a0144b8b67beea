#!/usr/bin/env python3
"""Builds two commits and reports what is slower or larger in the second: python benches/compare.py v0.1.0 HEAD

Parts of the suites `server` and `search`, with small sets, are run for one and the other in turn, each beside the same Redis 8. A row
is named where the medians differ by more than the noise: the spread of the first commit's rounds, and 5 % at least. The suites
are those of this checkout, so the commits may be older than a suite.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import report
from report import compared, middle

ROOT = report.HERE.parent
PARTS = ["server.load", "server.query", "server.memory", "search.load", "search.query", "search.filtered", "search.classic"]
LEAST = 0.05


def git(*words, **options):
    return subprocess.run(["git", *words], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE, **options).stdout.strip()


def built(commit):
    """The module of a commit, built in a separate folder that later comparisons reuse."""
    folder = ROOT / "target/compare" / commit
    library = folder / "libvset.so"
    if library.exists():
        return library
    sources = folder / "sources"
    if not sources.exists():
        git("worktree", "add", "--force", "--detach", sources, commit)
    try:
        subprocess.run(["cargo", "build", "--release", "--target-dir", folder / "target"], cwd=sources, check=True)
        os.replace(folder / "target/release/libvset.so", library)
    finally:
        git("worktree", "remove", "--force", sources)
    return library


def measured(library, parts):
    """{(suite, part, what): (value, unit)} of one round."""
    found = {}
    for suite in dict.fromkeys(part.split(".")[0] for part in parts):
        wanted = [part.split(".")[1] for part in parts if part.startswith(f"{suite}.")]
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, report.HERE / f"{suite}.py", "--quick", "--rounds", "1", "--output", folder, *wanted]
            subprocess.run(command, check=True, env={**os.environ, "VSET_MODULE": str(library)}, stdout=subprocess.DEVNULL)
            [result] = pathlib.Path(folder).glob("*.json")
            for part, what, ours, _, unit, *_ in json.loads(result.read_text())["rows"]:
                if ours is not None:
                    found[suite, part, what] = ours, unit
    return found


def judged(before, after, unit):
    """How the second's rounds compare with the first's, and whether that is worse, beyond the noise."""
    old, new = middle(before), middle(after)
    if not unit or not old:  # recall, which the text tells by itself
        return "", new < old - 0.01
    noise = max(LEAST, (max(before) - min(before)) / old)
    worse = (new < old / (1 + noise)) if unit == "/s" else (new > old * (1 + noise))
    return compared(new, old, unit), worse


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", help="a commit, a branch or a tag")
    parser.add_argument("after", nargs="?", default="HEAD")
    parser.add_argument("--parts", nargs="+", default=PARTS, metavar="SUITE.PART", help=f"({' '.join(PARTS)})")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    commits = [git("rev-parse", "--verify", f"{name}^{{commit}}") for name in (options.before, options.after)]
    libraries = [built(commit) for commit in commits]
    rounds = [[], []]
    for turn in range(options.rounds):
        print(f"round {turn + 1} of {options.rounds} ...", file=sys.stderr, flush=True)
        for library, kept in zip(libraries, rounds):
            kept.append(measured(library, options.parts))
    rows, slower = [], 0
    for key, (_, unit) in rounds[0][0].items():
        before, after = ([one[key][0] for one in kept if key in one] for kept in rounds)
        if before and after:
            verdict, worse = judged(before, after, unit)
            slower += worse
            rows.append([*key, middle(before), middle(after), unit, f"**{verdict or 'lower'}**" if worse else verdict])
    print("\n".join(report.about(report.machine())))
    print("\n".join(report.markdown(["suite", "part", "what", *(commit[:10] for commit in commits), "", "the second is"], rows)))
    print(f"\nworse, beyond the noise: {slower} of {len(rows)} rows" + (", in bold" if slower else ""))


if __name__ == "__main__":
    main()
