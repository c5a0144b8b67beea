#!/usr/bin/env python3
"""The whole pipeline once, on two temporary servers: ingest, build, serve, rebuild under load, measure. `make pipeline`"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import socket
import threading
import time
import urllib.parse
import urllib.request

import uvicorn

from bench import measure, table, write
from build import Builder
from ingest import Worker
from search import Searcher
from service import Service
from store import Definition, embedder, texts
from words import Server, find_server

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUESTIONS = [
    {"q": "a vehicle that flies", "mode": "vector", "pos": "noun"},
    {"q": "moving quickly on foot", "mode": "vector", "pos": "verb"},
    {"q": "water or land", "mode": "text", "pos": "noun"},
    {"q": "feeling of great happiness", "mode": "hybrid", "words": 12},
]


@contextlib.contextmanager
def serving(service):
    """Runs the service in a separate thread; returns its address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(service.app(), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def get(address, path, **query):
    with urllib.request.urlopen(f"{address}{path}?{urllib.parse.urlencode(query)}", timeout=30) as reply:
        return reply.read().decode()


def step(title):
    print(f"\n== {title}", flush=True)


def report(line):
    print(f"   {line}", flush=True)


class Load:
    """Asks the service in a loop, until it is told to stop."""

    def __init__(self, address):
        self.address, self.ending, self.answers, self.failures = address, threading.Event(), 0, []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ending.is_set():
            try:
                found = json.loads(get(self.address, "/search", timeout=5000, **QUESTIONS[self.answers % len(QUESTIONS)]))
                assert found["hits"], "no hits"
                self.answers += 1
            except Exception as failure:
                self.failures.append(repr(failure))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()


def run(urls, clients, model, limit, out):
    definition = Definition()
    step("ingest")
    began = time.monotonic()
    worker = Worker(clients, definition, model, report=report)
    count = worker.run(texts(limit))
    report(f"{count:,} documents stored in {time.monotonic() - began:.1f} s on {len(clients)} shards")
    step("build the first index")
    builders = [Builder(client, definition, report) for client in clients]
    for builder in builders:
        builder.run()
    step("serve")
    with serving(Service(Searcher(urls, definition), model)) as address:
        report(f"{address}/health: {get(address, '/health')}")
        for question in QUESTIONS:
            found = json.loads(get(address, "/search", k=3, **question))
            report(f"{question} ({found['milliseconds']} ms)")
            for hit in found["hits"]:
                report(f"    {hit['key']:<30} {hit['text'][:80]}")
        step("rebuild with M 24 under load")
        with Load(address) as load:
            for client in clients:
                Builder(client, Definition(options={"M": 24, "EF_CONSTRUCTION": 300}), report).run()
        report(f"{load.answers:,} queries were answered at the same time, {len(load.failures)} failed")
        assert not load.failures, load.failures[:3]
        counted = [line for line in get(address, "/metrics").splitlines() if line.startswith("search_requests_total")]
        for line in counted:
            report(line)
    step("measure")
    result = asyncio.run(measure(urls, definition, queries=min(200, limit // 4)))
    print(table(result))
    report(f"{write(result, out)}")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", default=ROOT / "target/release/libvset.so")
    parser.add_argument("--server", default=None, help="a redis-server or valkey-server; one that is installed if none is named")
    parser.add_argument("--limit", type=int, default=10_000, help="documents")
    parser.add_argument("--embedder", choices=("minilm", "stub"), default="minilm")
    parser.add_argument("--out", default=ROOT / "target/pipeline")
    args = parser.parse_args()
    servers = [Server(args.server or find_server(), args.module) for _ in range(2)]
    try:
        clients = [server.client() for server in servers]
        urls = [f"redis://127.0.0.1:{server.port}" for server in servers]
        run(urls, clients, embedder(args.embedder), args.limit, args.out)
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
