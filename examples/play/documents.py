"""The same collection as documents: hashes under `meaning:`, and an index that FT.SEARCH and FT.HYBRID read."""

import re
import time

import redis
from starlette.exceptions import HTTPException

INDEX, PREFIX = "documents", "meaning:"
SCHEMA = "SCHEMA text TEXT lemmas TEXT pos TAG topic TAG words NUMERIC uses NUMERIC v VECTOR HNSW 6 TYPE FLOAT32 DIM {} DISTANCE_METRIC COSINE"
WAYS = ("text", "vector", "hybrid")


def create(client, dim):
    client.execute_command("FT.CREATE", INDEX, "ON", "HASH", "PREFIX", 1, PREFIX, *SCHEMA.format(dim).split())


def add(pipe, name, vector, attributes):
    """The hash of an element, in a pipeline: lists as text, since a hash has no lists."""
    fields = {key: " ".join(map(str, value)) if isinstance(value, list) else value for key, value in attributes.items()}
    fields = {key: value for key, value in fields.items() if isinstance(value, (str, int, float)) and not isinstance(value, bool)}
    pipe.hset(PREFIX + name, mapping={**fields, "v": vector})


def any_word(text):
    """A query for documents with any of the words; what users type is no syntax."""
    return "(" + "|".join(re.findall(r"\w+", text)) + ")"


def command(way, text, vector, count, ef, filter):
    """The words of a command, the vector being `$q`."""
    parameters = ["PARAMS", 2, "q", vector, "DIALECT", 2]
    if way == "vector":
        query = f"{f'({filter})' if filter else '*'}=>[KNN {count} @v $q EF_RUNTIME {ef} AS distance]"
        return ["FT.SEARCH", INDEX, query, "RETURN", 1, "distance", "LIMIT", 0, count, *parameters]
    query = f"({filter}) {any_word(text)}" if filter else any_word(text)
    if way == "text":
        return ["FT.SEARCH", INDEX, query, "NOCONTENT", "WITHSCORES", "LIMIT", 0, count, "DIALECT", 2]
    restricted = ["FILTER", filter] if filter else []
    near = ["VSIM", "@v", "$q", "KNN", 4, "K", max(count, 20), "EF_RUNTIME", ef]
    return ["FT.HYBRID", INDEX, "SEARCH", query, *near, *restricted, "LIMIT", 0, count, *parameters[:4]]


def shown(words):
    """A command as a person would type it, without the bytes of the vector."""
    texts = ["<vector>" if isinstance(word, bytes) else str(word) for word in words]
    return " ".join(f'"{text}"' if re.search(r"[ |()*]", text) else text for text in texts)


def scores(reply, way):
    """Names and scores of a reply: of text and hybrid the server's, of vectors as VSIM counts them, 1 - distance / 2."""
    if way == "text":
        pairs = zip(reply[1::2], map(float, reply[2::2]))
    elif way == "vector":
        pairs = ((key, 1 - float(fields[1]) / 2) for key, fields in zip(reply[1::2], reply[2::2]))
    else:
        rows = (dict(zip(row[::2], row[1::2])) for row in reply[reply.index("results") + 1])
        pairs = ((row["__key"], float(row["__score"])) for row in rows)
    return {key.removeprefix(PREFIX): score for key, score in pairs}


def search(client, way, text, vector, count, ef, filter):
    """Scores by name, the number of documents that match, milliseconds, and the command."""
    if way not in WAYS:
        raise HTTPException(400, f"how must be one of {', '.join(WAYS)}")
    if way != "vector" and any_word(text) == "()":
        return {}, 0, 0.0, ""
    words = command(way, text, vector, count, ef, filter)
    start = time.perf_counter()
    reply = client.execute_command(*words)
    taken = 1000 * (time.perf_counter() - start)
    total = reply[reply.index("total_results") + 1] if way == "hybrid" else reply[0]
    return scores(reply, way), total, taken, shown(words)


def wrong_at(error, filter):
    """Where a filter went wrong, as far as the error tells it: the query has a parenthesis before the filter."""
    found = re.search(r" at offset (\d+) near", str(error))
    return min(max(int(found[1]) - 1, 0), len(filter)) if found and filter else None


def without_conversion(port):
    """A client that leaves replies of FT.* as they come."""
    client = redis.Redis(port=port, protocol=2, decode_responses=True)
    client.response_callbacks = {name: call for name, call in client.response_callbacks.items() if not name.startswith("FT.")}
    return client
