"""Random documents, schemas and queries: the same documents in the same order as by brute force (search_naive.py), in both
protocols, through updates, expiry, reloads, a replica and kill -9. VSET_LONG=minutes goes on with more seeds; VSET_SEED begins elsewhere."""

import math
import os
import random
import re
import time

import pytest

import search_pipelines
import search_random
from resp import Conn, ReplyError
from search_naive import Evaluation, Index
from search_pipelines import Pipelines
from search_random import Documents, Queries, definition, written
from seeds import new_seed
from servers import Server, eventually, in_sync

MINUTES = float(os.environ.get("VSET_LONG", 0))
FIRST = new_seed()
ROUNDS = 6


def info(conn, name):
    reply = conn("FT.INFO", name)
    return reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2]))


class World:
    """A server, one index over random documents, and their twins."""

    def __init__(self, server, seed, on, arrays=True):
        self.server, self.rng, self.on = server, random.Random(seed), on
        self.fields = search_random.schema(self.rng, on)
        self.score_field = "w" if on == "HASH" and self.rng.random() < 0.3 else None
        self.index = Index(on, self.rng.choice([["d:"], ["d:", "e:"]]), self.fields, self.rng.choice([1.0, 1.0, 0.5]), self.score_field)
        self.made = Documents(self.rng, on, self.fields, arrays)
        self.documents = {}
        self.conn = server.connect()
        prefixes = self.index.prefixes
        score = ["SCORE", self.index.score, *(["SCORE_FIELD", "w"] if self.score_field else [])]
        words = [word for field in self.fields for word in definition(field)]
        self.create = ("FT.CREATE", "i", "ON", on, "PREFIX", len(prefixes), *prefixes, *score, "SCHEMA", *words)
        early = self.rng.random() < 0.5
        if early:
            self.conn(*self.create)
        for n in range(self.rng.choice([3, 40, 120])):
            self.write(f"d:{n}")
        if not early:
            self.conn(*self.create)
        self.settled()

    def settled(self, conn=None):
        eventually(lambda: info(conn or self.conn, "i")["indexing"] == 0)
        self.index.refresh(self.documents)

    def write(self, key):
        document = self.made.document()
        if self.score_field and self.rng.random() < 0.7:
            document["w"] = self.rng.choice(["0.25", "1", "x"])
        if self.on == "HASH":
            document = {**self.documents.get(key, {}), **document}
        self.conn(*written(key, document, self.on))
        self.documents[key] = document

    def key(self):
        return self.rng.choice([*self.documents, "d:new"])

    def change(self):
        """One random change of the documents."""
        key, other = self.key(), f"{self.rng.choice('dex')}:{self.rng.randrange(150)}"
        kind = self.rng.choice(["write", "write", "write", "field", "field", "delete", "rename", "copy", "expire", "type"])
        if kind == "write" or key not in self.documents:
            self.write(self.rng.choice([key, other]))
        elif kind == "field":
            self.change_field(key)
        elif kind == "rename":
            self.conn("RENAME", key, other)
            self.documents[other] = self.documents.pop(key)
        elif kind == "copy":
            if key != other:
                self.conn("COPY", key, other, "REPLACE")
                self.documents[other] = dict(self.documents[key])
        else:
            words = {"delete": [("DEL", key)], "expire": [("PEXPIRE", key, 1)], "type": [("DEL", key), ("SET", key, "x"), ("DEL", key)]}[kind]
            for command in words:
                self.conn(*command)
            del self.documents[key]
            time.sleep(0.003 if kind == "expire" else 0)

    def change_field(self, key):
        f = self.rng.choice(self.fields)
        name, document = re.sub(r"\W", "", f.path), self.documents[key]
        gone = self.rng.random() < 0.4
        if gone and name in document and len(document) > 1:
            del document[name]
            self.conn(*(("HDEL", key, name) if self.on == "HASH" else ("JSON.DEL", key, f"$.{name}")))
        elif not gone:
            document[name] = self.made.value(f)
            whole = written(key, {name: document[name]}, "HASH") if self.on == "HASH" else written(key, document, "JSON")
            self.conn(*whole)

    def ask(self, conn, count):
        """So many random queries on this connection, and on one of the other protocol."""
        pairs = [conn, Conn(conn.socket.getpeername()[1], 3)]
        try:
            for _ in range(count):
                query = Queries(self.rng, self.index, self.made).query()
                check_search(self, pairs, query)
        finally:
            pairs[1].close()


def rows_of(reply):
    """(total, [(key, score, {name: value})]) of a reply of either protocol, WITHSCORES."""
    if isinstance(reply, dict):
        rows = [(r["id"], r.get("score"), r.get("extra_attributes", {})) for r in reply["results"]]
        total = reply["total_results"]
    else:
        total, rest = reply[0], reply[1:]
        rows = [(rest[n], rest[n + 1], rest[n + 2]) for n in range(0, len(rest), 3)]
    as_map = lambda fields: fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2]))
    plain = lambda x: x.decode() if isinstance(x, bytes) else x
    return total, [(plain(key), float(score), {plain(k): v for k, v in as_map(fields).items()}) for key, score, fields in rows]


def near(a, b):
    return a == b or abs(a - b) <= 2e-5 * max(1.0, abs(a), abs(b))


class Options:
    """Random options of FT.SEARCH, and what they mean."""

    def __init__(self, world, query):
        rng, index = world.rng, world.index
        maybe = lambda share: rng.random() < share
        self.words, self.evaluation = [], {}
        if maybe(0.15):
            self.words += ["VERBATIM"]
            self.evaluation["verbatim"] = True
        if maybe(0.15):
            names = rng.sample([f.name for f in index.of_type("TEXT")], 1)
            self.words += ["INFIELDS", 1, *names]
            self.evaluation["in_fields"] = names
        self.keys = None
        if maybe(0.1):
            self.keys = rng.sample(sorted(world.documents), min(len(world.documents), 30))
            self.words += ["INKEYS", len(self.keys), *self.keys]
        self.filters = []
        if maybe(0.15):
            tree = Queries(rng, index, world.made).make_numeric(0)
            while tree["kind"] != "numeric":
                tree = Queries(rng, index, world.made).make_numeric(0)
            low, high = (("(" if tree[side + "_open"] else "") + f"{tree[side]:g}" for side in ("low", "high"))
            self.words += ["FILTER", tree["field"], low, high]
            self.filters.append(tree)
        if maybe(0.1):
            tree = Queries(rng, index, world.made).make_geo(0)
            self.words += ["GEOFILTER", "p", *tree["at"], tree["radius"], tree["unit"].lower()]
            self.filters.append(tree)
        self.sort, self.descending = None, False
        if maybe(0.4):
            sortable = [f.name for f in index.fields if f.type in ("TEXT", "TAG", "NUMERIC") and not f.many]
            names = [query["knn"]["name"]] if query["knn"] else []
            self.sort, self.descending = rng.choice([*sortable, *names]), maybe(0.5)
            self.words += ["SORTBY", self.sort, *rng.choice([["DESC"]] if self.descending else [["ASC"], []])]
        self.offset, self.count = (0, 1000) if maybe(0.6) else (rng.randint(0, 12), rng.randint(1, 12))
        self.words += ["LIMIT", self.offset, self.count]


def expected(world, query, options):
    """{key: (score, {distance name: distance})} of all that match; of a KNN, of all that may be its nearest."""
    evaluation = Evaluation(world.index, **options.evaluation)
    found = evaluation.find(query["tree"])
    for tree in options.filters:
        inside = evaluation.find(tree)
        found = {key: score for key, score in found.items() if key in inside}
    if options.keys is not None:
        found = {key: score for key, score in found.items() if key in options.keys}
    distances = {key: evaluation.yielded(query["tree"], key) for key in found}
    if query["knn"]:
        measured = evaluation.measured(query["knn"]["field"], query["knn"]["vector"])
        found = {key: score for key, score in found.items() if key in measured}
        for key in found:
            distances[key][query["knn"]["name"]] = measured[key]
    weight = {key: world.index.entries[key].score for key in found}
    return {key: (score * weight[key], distances[key]) for key, score in found.items()}


def has_words(tree):
    kids = [*tree.get("kids", []), *([tree["kid"]] if "kid" in tree else [])]
    return tree["kind"] in ("word", "phrase", "affix", "empty") or any(map(has_words, kids))


def check_search(world, conns, query):
    options = Options(world, query)
    params = [part for item in query["params"].items() for part in item]
    command = ["FT.SEARCH", "i", query["text"], "WITHSCORES", *options.words, *(["PARAMS", len(params), *params] if params else [])]
    command += ["TIMEOUT", 0, "DIALECT", world.rng.choice([2, 2, 3])]
    wanted = expected(world, query, options)
    for conn in conns:
        try:
            total, rows = rows_of(conn(*command))
        except ReplyError as error:
            raise AssertionError(f"{error}: {command}") from None
        why = difference(world, query, options, wanted, total, rows)
        assert why is None, f"{why}\n{command}\n{world.create}\nwanted {wanted}\ngot {total} {rows}"


def difference(world, query, options, wanted, total, rows):
    """What is wrong with a reply; None if nothing is."""
    knn = query["knn"]
    most = min(knn["k"], len(wanted)) if knn else len(wanted)
    if total != most:
        return f"total {total}, not {most}"
    if len(rows) != max(0, min(options.count, most - options.offset)) or len({key for key, *_ in rows}) != len(rows):
        return "number of rows"
    scored = not knn and not (query["tree"]["kind"] == "all" and options.filters)
    for key, score, fields in rows:
        if key not in wanted:
            return f"{key} does not match"
        if scored and not near(score, wanted[key][0]):
            return f"score {score} of {key}, not {wanted[key][0]}"
        for name, far in wanted[key][1].items():
            if name not in fields or not near(float(fields[name]), far):
                return f"{name} {fields.get(name)} of {key}, not {far}"
        why = content(world, key, fields)
        if why:
            return why
    return order(world, query, options, wanted, rows, most)


def content(world, key, fields):
    """The stored fields come as they are."""
    if world.on == "JSON":
        return None if "$" in fields else f"no document of {key}"
    for name, value in world.documents[key].items():
        stored = value if isinstance(value, bytes) else value.encode()
        if fields.get(name) != stored:
            return f"{name} of {key}: {fields.get(name)}, not {stored}"
    return None


def order(world, query, options, wanted, rows, most):
    """Whether the rows stand where their sort keys say."""
    knn, index = query["knn"], world.index
    distance = lambda key: wanted[key][1][knn["name"]]
    if knn:
        nearest = sorted(map(distance, wanted))[: knn["k"]]
        if most == len(rows) and not all(near(a, b) for a, b in zip(sorted(distance(key) for key, *_ in rows), nearest)):
            return "not the nearest"
    if options.sort and not (knn and options.sort == knn["name"]):
        if knn and most < len(wanted):
            return None  # ties at the cut may fall either way
        field = index.named(options.sort)
        value = lambda key: index.sort_value(key, field)
        have = sorted((key for key in wanted if value(key) is not None), key=value, reverse=options.descending)
        keys = [value(key) for key in have] + [None] * (len(wanted) - len(have))
        got = [value(key) for key, *_ in rows]
        return None if got == keys[options.offset :][: len(got)] else f"order of {options.sort}: {got}, not {keys}"
    if options.sort:
        keys, value = sorted(nearest, reverse=options.descending), distance
    elif knn or (query["tree"]["kind"] == "all" and options.filters):
        if not knn or has_words(query["tree"]):
            return None
        keys, value = nearest, distance
    else:
        keys, value = sorted((score for score, _ in wanted.values()), reverse=True), lambda key: wanted[key][0]
    got = [value(key) for key, *_ in rows]
    fits = all(near(a, b) for a, b in zip(got, keys[options.offset :]))
    return None if fits else f"order: {got}, not {keys}"


def seeds(count):
    """The seeds of this run: a few, or new ones for as long as is asked for."""
    end, seed = time.monotonic() + 60 * MINUTES, FIRST
    while seed < FIRST + count or time.monotonic() < end:
        print("seed", seed, flush=True)
        yield seed
        seed += 1


@pytest.mark.timeout(900 + 70 * MINUTES)
def test_queries(clean):
    """Through updates and reloads."""
    for seed in seeds(4):
        clean.connect()("FLUSHALL")
        world = World(clean, seed, ["HASH", "JSON"][seed % 2])
        for turn in range(ROUNDS):
            world.ask(world.conn, 15)
            for _ in range(world.rng.choice([1, 10, 40])):
                world.change()
            if turn == ROUNDS // 2:
                world.conn("DEBUG", "RELOAD")
            world.settled()
            assert world.conn("FT.CHECK", "i") == len(world.index.entries), seed
        clean.close_connections()


@pytest.mark.timeout(900 + 70 * MINUTES)
@pytest.mark.parametrize("on", ["HASH", "JSON"])
def test_restarts_and_a_replica(server, on):
    """kill -9 with an append-only file, a restart from a saved file, and a replica of both."""
    for seed in seeds(1):
        master, replica = Server(server.kind, ("appendonly", "yes")), Server(server.kind)
        try:
            follow_through(World(master, seed, on), master, replica)
        finally:
            replica.remove()
            master.remove()


def follow_through(world, master, replica):
    for turn in range(3):
        replica.replicate(master)
        for _ in range(30):
            world.change()
        in_sync(master, replica)
        follower = replica.connect()
        world.settled(follower)
        world.ask(follower, 10)
        master.restart(kill=turn != 1)
        world.conn = master.connect()
        world.settled()
        world.ask(world.conn, 10)


def aggregated(conn, command):
    """All rows of FT.AGGREGATE as dicts, through a cursor if there is one."""
    reply = conn(*command)
    if "WITHCURSOR" not in command:
        return dicts(reply)
    (part, cursor), rows = reply, []
    while True:
        rows += dicts(part)
        if not cursor:
            return rows
        part, cursor = conn("FT.CURSOR", "READ", "i", cursor)


def dicts(reply):
    plain = lambda x: x.decode() if isinstance(x, bytes) else x
    if isinstance(reply, dict):
        return [{plain(k): v for k, v in row["extra_attributes"].items()} for row in reply["results"]]
    return [{plain(k): v for k, v in zip(row[::2], row[1::2])} for row in reply[1:]]


def aggregate(world, conns):
    """A random pipeline over what a random query finds."""
    index, rng = world.index, world.rng
    query = Queries(rng, index, world.made).query()
    while query["knn"] or "far" in query["text"]:  # distances stand in every row
        query = Queries(rng, index, world.made).query()
    found = Evaluation(index).find(query["tree"])
    numbers = [f.name for f in index.of_type("NUMERIC", False) if not f.many]
    strings = [f.name for f in index.fields if f.type in ("TEXT", "TAG") and not f.many]
    folded = {f.name for f in index.fields if f.sortable and not f.unf and not f.case and f.type in ("TEXT", "TAG") and world.on == "HASH"}
    rows = [{"__key": key, **stored(world, key, numbers, strings)} for key in found]
    made = Pipelines(rng, rows, numbers, strings, folded).pipeline()
    params = [part for item in query["params"].items() for part in item]
    command = ["FT.AGGREGATE", "i", query["text"], *made.words, *(["PARAMS", len(params), *params] if params else []), "TIMEOUT", 0]
    command += ["WITHCURSOR", "COUNT", rng.choice([1, 7, 1000])] if rng.random() < 0.2 else []
    for conn in conns:
        try:
            why = difference_of_rows(made, aggregated(conn, command))
        except ReplyError as error:
            why = None if made.fails else str(error)
        assert why is None, f"{why}\n{command}\n{world.create}\nwanted {made}"


def nearest(world, conns):
    """The hits of a KNN or of a range as rows, with a similarity made of their distances, the most similar first."""
    index, rng = world.index, world.rng
    queries = Queries(rng, index, world.made)
    filtered = queries.query()
    vectors, clause = {}, queries.make_range(0)
    while not clause["yields"]:
        clause = queries.make_range(0)
    if rng.random() < 0.5:
        knn, text = queries.knn(), "*" if filtered["tree"]["kind"] == "all" else f"({filtered['tree']['text']})"
        name, text = knn["name"], f"{text}=>{knn['text']}"
        vectors = Evaluation(index).measured(knn["field"], knn["vector"])
    else:
        name, text = clause["yields"], clause["text"] if filtered["tree"]["kind"] == "all" else f"({filtered['tree']['text']}) {clause['text']}"
        clause_found = Evaluation(index)
        clause_found.find(clause)
        vectors, knn = clause_found.near[id(clause)], None
    found = [key for key in Evaluation(index).find(filtered["tree"]) if key in vectors]
    wanted = sorted((vectors[key] for key in found))[: knn["k"] if knn else None]
    params = [part for item in {**filtered["params"], **queries.params}.items() for part in item]
    command = ["FT.AGGREGATE", "i", text, "LOAD", 1, "__key", "APPLY", f"(2 - @{name})/2", "AS", "similar", "SORTBY", 2, "@similar", "DESC"]
    command += ["MAX", 5000, "PARAMS", len(params), *params, "TIMEOUT", 0]
    for conn in conns:
        rows = aggregated(conn, command)
        distances = [vectors.get(row["__key"].decode(), math.nan) for row in rows]
        fits = len(rows) == len(wanted) and all(near(a, b) for a, b in zip(distances, wanted))
        fits = fits and all(near(float(row[name]), d) and near(float(row["similar"]), (2 - d) / 2) for row, d in zip(rows, distances))
        assert fits, f"{command}\n{world.create}\nwanted {wanted}\ngot {rows}"


def difference_of_rows(made, rows):
    return f"no error, but {rows}" if made.fails else search_pipelines.difference(made, rows)


def stored(world, key, numbers, strings):
    """The values of a document as rows have them."""
    index, document = world.index, world.documents[key]
    row = {name: index.sort_value(key, index.named(name)) for name in numbers}
    for name in strings:
        found = document.get(name)
        row[name] = str(found).lower() if isinstance(found, bool) else found
    return {name: value for name, value in row.items() if value is not None}


@pytest.mark.timeout(900 + 70 * MINUTES)
def test_pipelines(clean):
    for seed in seeds(4):
        clean.connect()("FLUSHALL")
        world = World(clean, seed, ["HASH", "JSON"][seed % 2], arrays=False)
        conns = [world.conn, clean.connect(3)]
        for _ in range(ROUNDS):
            for _ in range(30):
                aggregate(world, conns)
            for _ in range(8):
                nearest(world, conns)
            for _ in range(20):
                world.change()
            world.settled()
        clean.close_connections()
