"""Random paths, filters and commands over random documents, beside the twin of `json_twin`.

VSET_JSON_STEPS goes on for longer, VSET_SEED repeats.
"""

import json
import os
import random

import json_twin as twins
from resp import ReplyError
from seeds import new_seed

STEPS = int(os.environ.get("VSET_JSON_STEPS", 1500))
SEED = new_seed()


def value(rng, depth=0):
    choice = rng.randrange(10 if depth < 4 else 6)
    if choice < 6:
        return rng.choice([None, True, False, rng.randint(-3, 3), rng.randint(-9, 9) / 4, rng.choice(["", "a", "ab", "b", "Aé"])])
    if choice < 8:
        return [value(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    return {rng.choice("abcd"): value(rng, depth + 1) for _ in range(rng.randint(0, 4))}


def exact(x):
    """Text that tells 1 from 1.0 and shows the order of members."""
    return json.dumps(x)


def read(rng, twin, path):
    """A reading command without its key and path, and the reply."""
    root = twin["root"]
    nodes = [twins.at(root, place) for place in twins.select(root, path)]
    choice = rng.randrange(7)
    if choice == 0:
        return ["JSON.TYPE"], [], [twins.kind(node).encode() for node in nodes]
    if choice == 1:
        return ["JSON.STRLEN"], [], [len(node.encode()) if isinstance(node, str) else None for node in nodes]
    if choice == 2:
        return ["JSON.ARRLEN"], [], [len(node) if isinstance(node, list) else None for node in nodes]
    if choice == 3:
        return ["JSON.OBJLEN"], [], [len(node) if isinstance(node, dict) else None for node in nodes]
    if choice == 4:
        return ["JSON.OBJKEYS"], [], [[name.encode() for name in node] if isinstance(node, dict) else None for node in nodes]
    if choice == 5:
        wanted = value(rng, 3)
        return ["JSON.ARRINDEX"], [json.dumps(wanted)], [position(node, wanted) if isinstance(node, list) else None for node in nodes]
    return ["JSON.GET"], [], nodes


def position(items, wanted):
    return next((i for i, item in enumerate(items) if exact_same(item, wanted)), -1)


def exact_same(a, b):
    """Equality of JSON.ARRINDEX: an integer is no double."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(exact_same(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(exact_same, a, b))
    return type(a) is type(b) and a == b


def write(rng, twin, path):
    """As above; changes the twin."""
    places = twins.select(twin["root"], path)
    choice = rng.randrange(11)
    new = value(rng, 2)
    items = lambda here: isinstance(here, list)  # noqa: E731
    if choice == 0 and places:
        twins.set_all(twin, places, new)
        return ["JSON.SET"], [json.dumps(new)], "OK"
    if choice == 1:
        return ["JSON.DEL"], [], twins.delete(twin, places)
    if choice == 2 and places:
        twins.merge(twin, places, new)
        return ["JSON.MERGE"], [json.dumps(new)], "OK"
    if choice == 3:
        by = rng.choice([1, -2, 0.5])
        change = lambda place, here: twins.put(twin, place, here + by) or here + by  # noqa: E731
        return ["JSON.NUMINCRBY"], [json.dumps(by)], twins.each(twin, places, twins.is_number, change)
    if choice == 4:
        change = lambda place, here: twins.put(twin, place, here + "z") or len((here + "z").encode())  # noqa: E731
        return ["JSON.STRAPPEND"], ['"z"'], twins.each(twin, places, lambda here: isinstance(here, str), change)
    if choice == 5:
        change = lambda place, here: twins.put(twin, place, not here) or int(not here)  # noqa: E731
        return ["JSON.TOGGLE"], [], twins.each(twin, places, lambda here: isinstance(here, bool), change)
    if choice == 6:
        change = lambda place, here: here.append(json.loads(json.dumps(new))) or len(here)  # noqa: E731
        return ["JSON.ARRAPPEND"], [json.dumps(new)], twins.each(twin, places, items, change)
    if choice == 7:
        where = rng.randint(-2, 2)
        lists = [twins.at(twin["root"], place) for place in places]
        if any(items(here) and not -len(here) <= where <= len(here) for here in lists):
            return ["JSON.ARRINSERT"], [where, json.dumps(new)], ReplyError

        def insert(place, here):
            here.insert(where if where >= 0 else len(here) + where, json.loads(json.dumps(new)))
            return len(here)

        return ["JSON.ARRINSERT"], [where, json.dumps(new)], twins.each(twin, places, items, insert)
    if choice == 8:
        where = rng.randint(-3, 3)
        change = lambda place, here: here.pop(min(max(where if where >= 0 else len(here) + where, 0), len(here) - 1)) if here else ...  # noqa: E731
        popped = twins.each(twin, places, items, change)
        return ["JSON.ARRPOP"], [where], popped
    if choice == 9:
        start, stop = rng.randint(-4, 4), rng.randint(-4, 4)

        def trim(place, here):
            first = max(start + len(here) if start < 0 else start, 0)
            last = stop + len(here) if stop < 0 else stop
            here[:] = here[first : last + 1] if last >= 0 else []
            return len(here)

        return ["JSON.ARRTRIM"], [start, stop], twins.each(twin, places, items, trim)
    return ["JSON.CLEAR"], [], twins.clear(twin, places)


def ask(conn, *command):
    try:
        return conn(*command)
    except ReplyError as e:
        return e


def check(command, wanted, got, before):
    what = f"{command} of {before}: {got!r}, not {wanted!r}"
    if wanted is ReplyError:
        assert isinstance(got, ReplyError), what
    elif command[0] in ("JSON.GET", "JSON.NUMINCRBY"):
        assert isinstance(got, bytes) and exact(json.loads(got)) == exact(wanted), what
    elif command[0] == "JSON.ARRPOP":
        texts = [None if x is None else json.loads(x) for x in got] if isinstance(got, list) else got
        assert isinstance(got, list) and exact(texts) == exact([None if x is ... else x for x in wanted]), what
    else:
        assert got == wanted, what


def test_commands_beside_a_twin(clean):
    print("seed", SEED)
    rng, conn = random.Random(SEED), clean.connect()
    twin = {}
    found = 0
    for _ in range(STEPS):
        if "root" not in twin or rng.random() < 0.05:
            twin["root"] = value(rng)
            conn("JSON.SET", "k", "$", json.dumps(twin["root"]))
        path = twins.random_path(rng)
        before = json.dumps(twin["root"])
        found += bool(twins.select(twin["root"], path))
        words, more, wanted = (read if rng.random() < 0.4 else write)(rng, twin, path)
        command = [*words, "k", twins.text(path), *more]
        check(command, wanted, ask(conn, *command), before)
        after = conn("JSON.GET", "k")
        left = exact(json.loads(after)) if after is not None else None
        assert left == (exact(twin["root"]) if "root" in twin else None), f"{command} of {before} left {left}"
    assert found > STEPS / 10
