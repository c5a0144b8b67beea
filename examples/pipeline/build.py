#!/usr/bin/env python3
"""The index builder: blue-green. Beside idx:v1, which serves, it builds idx:v2, compares both, moves the alias `idx` and drops the old.

Readers ask the alias. To them FT.ALIASUPDATE is atomic: a query sees all of the old index or all of the new one. If the new index is not
as good as it should be, it is dropped, and nothing has changed.
"""

import argparse
import time

import numpy as np
import redis

from store import Definition, add_arguments


class Refused(Exception):
    pass


class Builder:
    """Builds on one shard; documents are there already, or come while it builds."""

    def __init__(self, client, definition, report=print):
        self.client, self.definition, self.report = client, definition, report

    def versions(self):
        names = [name.decode() for name in self.client.execute_command("FT._LIST")]
        return sorted(filter(None, map(self.definition.number, names)))

    def info(self, name):
        reply = self.client.execute_command("FT.INFO", name)
        pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2])
        text = lambda value: value.decode() if isinstance(value, bytes) else value
        return {text(key): text(value) for key, value in pairs}

    def serving(self):
        """The version that the alias stands for; none before the first."""
        try:
            return self.definition.number(self.info(self.definition.alias)["index_name"])
        except redis.ResponseError:
            return None

    def run(self, least=0.9):
        """Builds, compares, moves the alias, drops; the number of the version that serves now."""
        old, new = self.serving(), max(self.versions(), default=0) + 1
        name = self.definition.version(new)
        began = time.monotonic()
        self.client.execute_command(*self.definition.create(name))
        try:
            self.wait(name)
            self.report(f"{name}: {int(self.info(name)['num_docs']):,} documents in {time.monotonic() - began:.1f} s")
            if old:
                self.compare(self.definition.version(old), name, least)
        except BaseException:
            self.client.execute_command("FT.DROPINDEX", name)
            raise
        self.client.execute_command("FT.ALIASUPDATE", self.definition.alias, name)
        self.report(f"{self.definition.alias} → {name}")
        for number in self.versions():
            if number != new:
                self.client.execute_command("FT.DROPINDEX", self.definition.version(number))
                self.report(f"{self.definition.version(number)} dropped")
        return new

    def wait(self, name, timeout=3600):
        """Until all documents that were there are in."""
        end = time.monotonic() + timeout
        while float(self.info(name)["percent_indexed"]) < 1:
            if time.monotonic() > end:
                raise Refused(f"{name} is not complete after {timeout} s")
            time.sleep(0.05)

    def compare(self, old, new, least, queries=50, k=10):
        """Same documents, and nearly the same neighbours for vectors of the collection."""
        documents = [int(self.info(name)["num_docs"]) for name in (old, new)]
        if documents[1] < documents[0]:
            raise Refused(f"{new} has {documents[1]:,} documents, {old} has {documents[0]:,}")
        # Of graphs the width of the search is asked for, so that it does not decide.
        widths = {name: " EF_RUNTIME 200" if "HNSW" in str(self.info(name)["attributes"]) else "" for name in (old, new)}
        shared = []
        for vector in self.samples(old, queries):
            asked = [set(self.nearest(name, vector, k, width)) for name, width in widths.items()]
            shared.append(len(asked[0] & asked[1]) / max(1, len(asked[0])))
        overlap = float(np.mean(shared)) if shared else 1.0
        self.report(f"{new} agrees with {old} on {overlap:.1%} of {k} neighbours of {len(shared)} documents")
        if overlap < least:
            raise Refused(f"{new} agrees with {old} on {overlap:.1%} only, {least:.1%} are asked for")

    def samples(self, name, count):
        found = self.client.execute_command("FT.SEARCH", name, "*", "NOCONTENT", "LIMIT", 0, count)
        keys = found[1:] if isinstance(found, list) else [hit[b"id"] for hit in found[b"results"]]
        vectors = (self.client.hget(key, self.definition.vector["field"]) for key in keys)
        return [vector for vector in vectors if vector]

    def nearest(self, name, vector, k, width):
        query = f"*=>[KNN {k} @{self.definition.vector['field']} $v{width}]"
        return self.client.execute_command("FT.SEARCH", name, query, "PARAMS", 2, "v", vector, "NOCONTENT", "LIMIT", 0, k, "DIALECT", 2)[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--definition", help="a file as index.toml")
    parser.add_argument("--least", type=float, default=0.9, help="the share of neighbours on which both have to agree")
    args = parser.parse_args()
    definition = Definition(args.definition) if args.definition else Definition()
    for url in args.shards.split(","):
        Builder(redis.Redis.from_url(url, protocol=2), definition).run(args.least)


if __name__ == "__main__":
    main()
