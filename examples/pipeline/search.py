"""Queries over all shards in parallel: each gives its best, and the lists are merged."""

import asyncio
import re

import redis.asyncio

# Added to ranks before they are fused, as is usual (reciprocal rank fusion).
RRF = 60


class Searcher:
    def __init__(self, urls, definition):
        self.definition = definition
        self.shards = [redis.asyncio.Redis.from_url(url, protocol=2) for url in urls]

    async def close(self):
        await asyncio.gather(*(shard.aclose() for shard in self.shards))

    async def healthy(self):
        """Whether all shards serve the alias."""
        await asyncio.gather(*(shard.execute_command("FT.INFO", self.definition.alias) for shard in self.shards))

    async def vector(self, vector, k, filters=None, ef=None, timeout=1000):
        """Keys and distances of the nearest, best first."""
        words, params = conditions(filters or {})
        options = f" EF_RUNTIME {ef}" if ef else ""
        query = f"({words})=>[KNN {k} @{self.definition.vector['field']} $v{options} AS distance]"
        return await self.ask(query, params | {"v": vector}, k, timeout, "RETURN", 1, "distance", "SORTBY", "distance")

    async def text(self, text, k, filters=None, timeout=1000):
        """Keys and scores of the documents with any of the words, best first; scores are those of each shard."""
        words, params = conditions(filters or {})
        terms = re.findall(r"\w+", text)
        if not terms:
            return []
        query = f"@text:({'|'.join(terms)})" + ("" if words == "*" else f" {words}")
        return await self.ask(query, params, k, timeout, "NOCONTENT", "WITHSCORES")

    async def hybrid(self, text, vector, k, filters=None, timeout=1000):
        """Both, fused by their ranks: keys and fused scores."""
        both = await asyncio.gather(self.vector(vector, 2 * k, filters, None, timeout), self.text(text, 2 * k, filters, timeout))
        fused = {}
        for found in both:
            for rank, (key, _) in enumerate(found, 1):
                fused[key] = fused.get(key, 0) + 1 / (RRF + rank)
        return sorted(fused.items(), key=lambda pair: -pair[1])[:k]

    async def ask(self, query, params, k, timeout, *more):
        """One list of the lists of all shards. An answer takes a little longer than `timeout` milliseconds at most."""
        words = ["FT.SEARCH", self.definition.alias, query, "LIMIT", 0, k, "TIMEOUT", timeout, "DIALECT", 2, *more]
        if params:
            words += ["PARAMS", 2 * len(params), *(word for pair in params.items() for word in pair)]
        asked = asyncio.gather(*(shard.execute_command(*words) for shard in self.shards))
        lists = await asyncio.wait_for(asked, timeout / 1000 + 0.5)
        by_distance = "RETURN" in more
        value = (lambda reply: float(reply[1])) if by_distance else float
        hits = [(found[i].decode(), value(found[i + 1])) for found in lists for i in range(1, len(found), 2)]
        return sorted(hits, key=lambda hit: hit[1] if by_distance else -hit[1])[:k]

    async def documents(self, keys):
        """The fields of documents but their vectors, wherever they are."""
        from store import shard_of

        names = [*self.definition.fields]
        prefix = len(self.definition.prefix)
        asked = (self.shards[shard_of(key[prefix:], len(self.shards))].hmget(key, names) for key in keys)
        found = await asyncio.gather(*asked)
        return [{name: value.decode() for name, value in zip(names, values) if value is not None} for values in found]


def conditions(filters):
    """The part of a query for filters, in which values stand as parameters: nothing that a user writes becomes syntax."""
    words, params = [], {}
    for name in ("pos", "topic"):
        if filters.get(name):
            words.append(f"@{name}:{{${name}}}")
            params[name] = filters[name]
    if filters.get("words") is not None:
        words.append("@words:[-inf $words]")
        params["words"] = filters["words"]
    return " ".join(words) or "*", params
