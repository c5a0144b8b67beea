#!/usr/bin/env python3
"""Semantic search in a browser: the meanings of WordNet in a vector set and as documents, an HTTP service and one page.

Starts a server with the module, and answers while the collection is still being embedded and added. The
vectors are kept in target/play/, so that the next start only has to add them. Ctrl-C stops everything.
"""

import argparse
import os
import pathlib
import signal
import socket
import statistics
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import redis
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))

import cluster  # noqa: E402
import documents  # noqa: E402
from sentences import DIM, Model  # noqa: E402
from wordnet import meanings  # noqa: E402
from words import Server, find_server, progress  # noqa: E402

KEY = "meanings"
CHUNK = 128
CACHE = ROOT / "target/play"


class Collection:
    """The vector set and the documents, what embeds texts for them, and the thread that fills them."""

    def __init__(self, client, limit, nodes=None):
        self.client, self.limit, self.nodes = client, limit, nodes
        self.spread = nodes.client() if nodes else client  # documents are on all nodes, the set is on one
        self.set = client.vset()
        documents.create(client, DIM)
        self.model = Model(threads=1)
        self.ending = threading.Event()
        self.filler = threading.Thread(target=self.fill)

    def start(self):
        self.filler.start()

    def end(self):
        self.ending.set()
        self.filler.join()

    def fill(self):
        names, texts, attributes = meanings(self.limit)
        self.limit = len(names)
        for at, vectors in self.vectors(texts):
            pipe, spread = self.client.pipeline(transaction=False), self.spread.pipeline(transaction=False)
            adding = pipe.vset()
            for i, vector in enumerate(vectors, at):
                adding.vadd(KEY, vector.tobytes(), names[i], attributes=attributes[i])
                documents.add(spread, names[i], vector.tobytes(), attributes[i])
            pipe.execute()
            spread.execute()
            progress(at + len(vectors), len(names))
            if self.ending.is_set():
                return

    def vectors(self, texts):
        """Those of all texts, some at a time, from the file if it has them. What is new is added to the file."""
        CACHE.mkdir(parents=True, exist_ok=True)
        # Other texts get another file; the first ones tell, so that a larger collection finds what a smaller one left.
        # Two that write to one file write the same to the same places.
        path = CACHE / f"{zlib.crc32(repr(texts[:100]).encode()):08x}.f32"
        path.touch()
        known = np.fromfile(path, "<f4")
        known = known[: len(known) // DIM * DIM].reshape(-1, DIM)[: len(texts)]
        for at in range(0, len(known), CHUNK):
            yield at, known[at : at + CHUNK]
        missing = range(len(known), len(texts), CHUNK)
        pool = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1))  # one core is left for searches
        try:
            embedded = pool.map(lambda at: self.model.embed(texts[at : at + CHUNK]), missing)
            with open(path, "r+b", buffering=0) as file:
                for at, vectors in zip(missing, embedded):
                    file.seek(at * DIM * 4)
                    file.write(vectors.tobytes())
                    yield at, vectors
        finally:
            pool.shutdown(cancel_futures=True)

    def status(self):
        nodes = {"nodes": self.nodes.status()} if self.nodes else {}
        return {"stored": self.set.vcard(KEY), "total": self.limit, "filling": self.filler.is_alive(), **nodes}

    def described(self, scores):
        """Names and scores as the page shows them, with their attributes."""
        pipe = self.client.pipeline(transaction=False)
        asking = pipe.vset()
        for name in scores:
            asking.vgetattr(KEY, name)
        found = zip(scores.items(), pipe.execute())
        return [{"name": name, "score": score, "attributes": attributes or {}} for (name, score), attributes in found]

    def search(self, text, count, ef, filter):
        start = time.perf_counter()
        query = self.model.embed([text])[0].tobytes()
        times = {"embed": [time.perf_counter() - start], "search": [], "exact": []}

        def timed(what, **extra):
            start = time.perf_counter()
            found = self.set.vsim(KEY, query, count=count, filter=filter, with_scores=True, **extra)
            times[what].append(time.perf_counter() - start)
            return found

        for _ in range(5):  # the median of five is free of most of what else the machine does
            found, exact = timed("search", ef=ef), timed("exact", truth=True)
        extra = ["FILTER", filter] if filter else []
        plan = self.client.execute_command("VEXPLAIN", KEY, "FP32", query, "COUNT", count, "EF", ef, *extra)
        plan = dict(zip(plan[::2], plan[1::2])) if plan else {}
        return {
            "results": self.described(found),
            "milliseconds": {what: 1000 * statistics.median(seconds) for what, seconds in times.items()},
            "recall": len(found.keys() & exact.keys()) / len(exact) if exact else None,
            "missed": [name for name in exact if name not in found],
            "matching": self.client.execute_command("VCOUNT", KEY, filter) if filter else None,
            "plan": plan.get("plan"),
            "compared": plan.get("evaluated"),
            "stored": self.set.vcard(KEY),
        }

    def neighbourhood(self, name, count):
        """The nearest of an element, on the two axes along which they differ most (PCA), and the graph's links."""
        nearest = self.set.vsim(KEY, name, count=count, with_scores=True)
        if not nearest:
            raise HTTPException(400, "nothing is stored yet")
        pipe = self.client.pipeline(transaction=False)
        asking = pipe.vset()
        for other in nearest:
            asking.vemb(KEY, other)
            asking.vlinks(KEY, other)
        replies = pipe.execute()
        vectors = np.array(replies[::2], "f8")
        vectors -= vectors.mean(0)
        left, spread, _ = np.linalg.svd(vectors, full_matrices=False)
        places = np.pad(left * spread, ((0, 0), (0, 1)))[:, :2]  # a lone element has one axis
        numbers = {other: i for i, other in enumerate(nearest)}
        links = {
            tuple(sorted((i, numbers[other])))
            for i, levels in enumerate(replies[1::2])
            for other in levels[-1]
            if other in numbers
        }
        points = [{**point, "x": float(x), "y": float(y)} for point, (x, y) in zip(self.described(nearest), places)]
        shown = float((spread[:2] ** 2).sum() / max((spread**2).sum(), 1e-12))
        return {"points": points, "links": sorted(links), "shown": shown}

    def ingest(self, name, text, attributes):
        vector = self.model.embed([text])[0].tobytes()
        attributes = {"text": text, "words": len(text.split()), **attributes}
        documents.add(self.spread, name, vector, attributes)
        return self.set.vadd(KEY, vector, name, attributes=attributes)

    def documents(self, way, text, count, ef, filter):
        vector = self.model.embed([text])[0].tobytes()
        scores, total, taken, command = documents.search(self.client, way, text, vector, count, ef, filter)
        found = {"results": self.described(scores), "milliseconds": {"search": taken}, "matching": total, "command": command}
        return {**found, "stored": self.set.vcard(KEY)}


def number(request, name, default, most):
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= most:
        raise HTTPException(400, f"{name} must be a number from 1 to {most:,}")
    return int(text)


def word(given, name):
    text = given.get(name)
    if not isinstance(text, str) or not text.strip():
        raise HTTPException(400, f"{name} must be a text that is not empty")
    return text.strip()


def search(request):
    asked = request.query_params
    count, ef = number(request, "count", 10, 100), number(request, "ef", 100, 10_000)
    return JSONResponse(request.app.state.collection.search(word(asked, "q"), count, ef, asked.get("filter", "").strip()))


def search_documents(request):
    asked = request.query_params
    count, ef = number(request, "count", 10, 100), number(request, "ef", 100, 10_000)
    found = request.app.state.collection.documents(
        asked.get("how", "hybrid"), word(asked, "q"), count, ef, asked.get("filter", "").strip()
    )
    return JSONResponse(found)


def neighbourhood(request):
    name = word(request.query_params, "name")
    return JSONResponse(request.app.state.collection.neighbourhood(name, number(request, "count", 60, 500)))


async def ingest(request):
    try:
        given = await request.json()
    except ValueError:
        raise HTTPException(400, "the body must be JSON")
    if not isinstance(given, dict) or not isinstance(given.get("attributes", {}), dict):
        raise HTTPException(400, "the body, and attributes in it, must be JSON objects")
    text = word(given, "text")
    name = word(given, "name") if "name" in given else text
    added = await run_in_threadpool(request.app.state.collection.ingest, name, text, given.get("attributes", {}))
    return JSONResponse({"name": name, "new": bool(added)}, 201 if added else 200)


def status(request):
    return JSONResponse(request.app.state.collection.status())


def page(_request):
    return FileResponse(HERE / "index.html")


def unfinished(client, filter):
    """Whether a filter only lacks something at its end: with one of these there it is read."""
    for end in (" 1", ")", " 1)", "'", '"', "]"):
        try:
            client.execute_command("VCOUNT", KEY, filter + end)
            return True
        except redis.ResponseError:
            pass
    return False


def refused(request, error):
    """A query that the server refuses, with the place `at` from which on it could not read the filter."""
    answer = {"error": str(error)}
    filter = request.query_params.get("filter", "").strip()
    _, found, rest = str(error).partition("syntax error in FILTER expression near: ")
    if found and filter.endswith(rest):
        whole = len(rest) == len(filter)
        answer["at"] = len(filter) if whole and unfinished(request.app.state.collection.client, filter) else len(filter) - len(rest)
    elif (at := documents.wrong_at(error, filter)) is not None:
        answer["at"] = at
    return JSONResponse(answer, 400)


def failed(_request, error):
    return JSONResponse({"error": error.detail}, error.status_code)


def application(collection):
    routes = [
        Route("/", page),
        Route("/search", search),
        Route("/documents", search_documents),
        Route("/neighbourhood", neighbourhood),
        Route("/ingest", ingest, methods=["POST"]),
        Route("/status", status),
    ]
    app = Starlette(routes=routes, exception_handlers={redis.ResponseError: refused, HTTPException: failed})
    app.state.collection = collection
    return app


def listener(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError as error:
        sys.exit(f"Port {port}: {error.strerror}. Choose another with --port.")
    sock.listen()
    return sock


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000, help="of the page; 0 takes any that is free")
    parser.add_argument("--limit", type=int, default=20_000, help="meanings to load, the most used ones first")
    parser.add_argument("--module", default=ROOT / "target/release/libvset.so", help="the built module")
    parser.add_argument("--server", help="path of a redis-server or valkey-server (default: from PATH, else installed)")
    parser.add_argument("--nodes", type=int, default=1, help="servers: more than one are a cluster, over which the documents are spread")
    options = parser.parse_args()
    if not 1 <= options.nodes <= 9:
        parser.error("--nodes must be from 1 to 9")
    if options.limit < 0 or not 0 <= options.port < 65536:
        parser.error("--limit must not be negative, --port must be below 65536")

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop the server on kill, too
    sock = listener(options.port)
    path, nodes = options.server or find_server(), None
    if options.nodes > 1:
        server = nodes = cluster.Nodes(path, options.module, options.nodes)
    else:
        server = Server(path, options.module)
    try:
        if not nodes:
            server.client()
        client = documents.without_conversion(nodes.port_of(KEY) if nodes else server.port)
        collection = Collection(client, options.limit, nodes)
        print(f"\n  http://127.0.0.1:{sock.getsockname()[1]}/\n\nCtrl-C stops it.", flush=True)
        collection.start()
        try:
            web = uvicorn.Server(uvicorn.Config(application(collection), log_level="warning"))
            web.run(sockets=[sock])
        finally:
            collection.end()
    except KeyboardInterrupt:
        print()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
