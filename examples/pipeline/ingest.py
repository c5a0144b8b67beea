#!/usr/bin/env python3
"""The ingestion worker: documents in, vectors and fields in hashes out.

Three threads with short queues between them: one reads documents in batches, one embeds them, one writes them to the shards. A queue that
is full makes the thread before it wait, so that memory stays bounded when the model or a server is slow (backpressure).

After each batch the first shard notes how many documents are stored, so that a worker that was stopped goes on there. Keys follow
from the documents' identifiers: a batch that is written twice is there once.
"""

import argparse
import itertools
import queue
import threading
import time

import redis

from store import Definition, add_arguments, embedder, shard_of, texts

BATCH = 128
WAITING = 4
END = object()


class Worker:
    def __init__(self, shards, definition, embedder, source="wordnet", report=print):
        self.shards, self.definition, self.embedder, self.report = shards, definition, embedder, report
        self.progress = f"ingest:{source}"
        self.read, self.embedded = queue.Queue(WAITING), queue.Queue(WAITING)
        self.ending, self.failure = threading.Event(), None

    def done(self):
        """Documents that are stored, from the first on."""
        return int(self.shards[0].get(self.progress) or 0)

    def run(self, documents):
        """Stores the documents that are not stored yet; how many these were."""
        start = self.done()
        if start:
            self.report(f"going on behind {start:,} documents")
        steps = [(self.reading, itertools.islice(documents, start, None)), (self.embedding,), (self.writing, start)]
        threads = [threading.Thread(target=self.guarded, args=step) for step in steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failure:
            raise self.failure
        return self.done() - start

    def stop(self):
        """Ends a run behind the batch that is being written."""
        self.ending.set()

    def guarded(self, step, *arguments):
        try:
            step(*arguments)
        except Exception as failure:
            self.failure = self.failure or failure
            self.ending.set()

    def put(self, into, item):
        while not self.ending.is_set():
            try:
                return into.put(item, timeout=0.1)
            except queue.Full:
                pass

    def items(self, of):
        while not self.ending.is_set():
            try:
                item = of.get(timeout=0.1)
            except queue.Empty:
                continue
            if item is END:
                return
            yield item

    def reading(self, documents):
        while batch := list(itertools.islice(documents, BATCH)):
            self.put(self.read, batch)
        self.put(self.read, END)

    def embedding(self):
        for batch in self.items(self.read):
            self.put(self.embedded, (batch, self.embedder.embed([text for _, text, _ in batch])))
        self.put(self.embedded, END)

    def writing(self, done):
        began, told, start = time.monotonic(), time.monotonic(), done
        for batch, vectors in self.items(self.embedded):
            self.write(batch, vectors)
            done += len(batch)
            self.shards[0].set(self.progress, done)
            if time.monotonic() - told > 2:
                told = time.monotonic()
                rate = (done - start) / (told - began)
                self.report(f"{done:,} documents, {rate:,.0f}/s; waiting: {self.read.qsize()} to embed, {self.embedded.qsize()} to write")

    def write(self, batch, vectors):
        pipes = [shard.pipeline(transaction=False) for shard in self.shards]
        for (identifier, _, fields), vector in zip(batch, vectors):
            pipe = pipes[shard_of(identifier, len(pipes))]
            pipe.hset(self.definition.prefix + identifier, mapping=fields | {self.definition.vector["field"]: vector.tobytes()})
        for pipe in pipes:
            pipe.execute()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--limit", type=int, default=20_000)
    args = parser.parse_args()
    shards = [redis.Redis.from_url(url) for url in args.shards.split(",")]
    worker = Worker(shards, Definition(), embedder(args.embedder))
    print(f"{worker.run(texts(args.limit)):,} documents stored, {worker.done():,} in all")


if __name__ == "__main__":
    main()
