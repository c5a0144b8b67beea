#!/usr/bin/env python3
"""The query service.

    GET /search?q=…&mode=vector|text|hybrid&k=10&pos=noun&topic=animal&words=12&timeout=500
    GET /health      200 if all shards answer, else 503
    GET /metrics     for Prometheus
"""

import argparse
import asyncio
import contextlib
import time

import redis
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from search import Searcher
from store import Definition, add_arguments, embedder

MODES = ("vector", "text", "hybrid")


class Bad(Exception):
    """A request that cannot be meant."""


class Service:
    def __init__(self, searcher, embedder):
        self.searcher, self.embedder = searcher, embedder
        self.registry = CollectorRegistry()
        self.requests = Counter("search_requests", "Queries by mode and status.", ["mode", "status"], registry=self.registry)
        self.seconds = Histogram("search_seconds", "Time of queries by part.", ["part"], registry=self.registry)

    def app(self):
        @contextlib.asynccontextmanager
        async def lifespan(_):
            yield
            await self.searcher.close()

        routes = [Route("/search", self.search), Route("/health", self.health), Route("/metrics", self.metrics)]
        return Starlette(routes=routes, lifespan=lifespan)

    async def search(self, request):
        mode = request.query_params.get("mode", "hybrid")
        try:
            status, body = 200, await self.answer(request.query_params, mode)
        except Bad as why:
            status, body = 400, {"error": str(why)}
        except (TimeoutError, asyncio.TimeoutError):
            status, body = 504, {"error": "out of time"}
        except redis.RedisError as why:
            status, body = 503, {"error": str(why)}
        self.requests.labels(mode if mode in MODES else "other", status).inc()
        return JSONResponse(body, status)

    async def answer(self, params, mode):
        text = params.get("q", "").strip()
        if not text or len(text) > 1000:
            raise Bad("q is a text of 1 to 1000 characters")
        if mode not in MODES:
            raise Bad(f"mode is one of {', '.join(MODES)}")
        k, timeout = number(params, "k", 10, 1, 100), number(params, "timeout", 500, 1, 10_000)
        filters = {"pos": params.get("pos"), "topic": params.get("topic")}
        if "words" in params:
            filters["words"] = number(params, "words", 0, 0, 10_000)
        began = time.perf_counter()
        if mode == "text":
            found = await self.searcher.text(text, k, filters, timeout)
        else:
            with self.seconds.labels("embed").time():
                [vector] = await asyncio.to_thread(self.embedder.embed, [text])
            with self.seconds.labels("search").time():
                if mode == "vector":
                    found = await self.searcher.vector(vector.tobytes(), k, filters, None, timeout)
                else:
                    found = await self.searcher.hybrid(text, vector.tobytes(), k, filters, timeout)
        documents = await self.searcher.documents([key for key, _ in found])
        self.seconds.labels("all").observe(time.perf_counter() - began)
        hits = [{"key": key, "distance" if mode == "vector" else "score": value, **document} for (key, value), document in zip(found, documents)]
        return {"hits": hits, "milliseconds": round(1000 * (time.perf_counter() - began), 2)}

    async def health(self, _):
        try:
            await asyncio.wait_for(self.searcher.healthy(), 2)
            return JSONResponse({"status": "ok", "shards": len(self.searcher.shards)})
        except (redis.RedisError, TimeoutError, asyncio.TimeoutError, OSError) as why:
            return JSONResponse({"status": "failing", "error": str(why)}, 503)

    async def metrics(self, _):
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


def number(params, name, default, least, most):
    text = params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Bad(f"{name} is a number from {least} to {most}")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--port", type=int, default=8080)
    args = parser.parse_args()
    service = Service(Searcher(args.shards.split(","), Definition()), embedder(args.embedder))
    uvicorn.run(service.app(), host="127.0.0.1", port=args.port, log_level="warning")


if __name__ == "__main__":
    main()
