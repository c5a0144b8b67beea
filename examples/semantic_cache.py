#!/usr/bin/env python3
"""A semantic cache: answers of a language model, found again by the meaning of the question, that expire by themselves.

    vset serve &
    semantic_cache.py redis://127.0.0.1:6379

Questions are elements of a vector set, answers their attributes, and each element has a time to live. Here the
embedding is made of the letters of words, so that the example needs no model; put a real one in its place.
"""

from __future__ import annotations

import itertools
import math
import sys
import time
import zlib
from collections.abc import Callable, Sequence

import redis
from vset.filters import field
from vset.vectorset import VectorSet

DIM = 256


class SemanticCache:
    """Answers by question. `threshold`: the least score, `(1 + cosine) / 2`, of questions that count as the same."""

    def __init__(
        self, client: redis.Redis, embed: Callable[[str], Sequence[float]], key: str = "cache", threshold: float = 0.9, ttl: float = 3600
    ) -> None:
        self.set, self.embed, self.threshold, self.ttl = VectorSet(client, key), embed, threshold, ttl

    def get(self, question: str, user: str = "") -> str | None:
        """The answer to this question, or to one that means the same, for this user; None if there is none."""
        found = self.set.search(
            self.embed(question), count=1, filter=field("user") == user, attributes=True, min_score=self.threshold
        )
        return found[0].attributes["answer"] if found else None

    def put(self, question: str, answer: str, user: str = "", ttl: float | None = None) -> None:
        """Keeps an answer for so many seconds; a user sees only what was kept for them."""
        attributes = {"user": user, "answer": answer, "at": time.time()}
        self.set.add(f"{user}\0{question}", self.embed(question), attributes, ttl=ttl or self.ttl)

    def forget(self, user: str) -> int:
        """Removes all answers of a user; yields how many there were."""
        return self.set.remove_by_filter(field("user") == user)


def letters(text: str) -> list[float]:
    """A vector of the words' groups of three letters, hashed: like texts have like vectors."""
    vector = [0.0] * DIM
    for word in "".join(x if x.isalnum() else " " for x in text.lower()).split():
        for group in zip(*(f" {word} "[i:] for i in range(3))):
            vector[zlib.crc32("".join(group).encode()) % DIM] += 1 / math.sqrt(len(word))
    return vector


def main() -> None:
    """Asks the same things in several words."""
    cache = SemanticCache(redis.Redis.from_url(sys.argv[1] if len(sys.argv) > 1 else "redis://127.0.0.1:6379"), letters, ttl=60)
    calls = itertools.count(1)

    def answer(question: str) -> str:
        """From the cache, or from the model, which is slow and costs."""
        known = cache.get(question)
        if known is None:
            known = f"answer {next(calls)}"
            cache.put(question, known)
        return known

    for question in ("What is the capital of France?", "what's the capital of France", "How do I boil an egg?", "How do I boil eggs?"):
        print(f"{question:<32} {answer(question)}")
    (left,) = cache.set.ttl(["\0What is the capital of France?"])
    print(f"expires in a minute: {50 < (left or 0) <= 60}")
    print(f"forgotten: {cache.forget('')}")


if __name__ == "__main__":
    main()
