"""A naive model of JSON.*: documents are dicts and lists, paths are lists of segments, matches are tuples of steps."""

import json
import re

KINDS = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}


def kind(node):
    return KINDS[type(node)]


def same(a, b):
    """Equality of values; numbers by value."""
    if is_number(a) and is_number(b):
        return a == b
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return a == b


def is_number(x):
    return isinstance(x, (int, float)) and not isinstance(x, bool)


def at(root, location):
    for step in location:
        root = root[step]
    return root


def children(node):
    return list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []


# Paths: [(descends, [selector, …]), …], where a selector is a pair of its text and of a function from the root and a node to steps.


def name(word, quote="'"):
    return f"{quote}{word}{quote}", lambda root, node: [word] if isinstance(node, dict) and word in node else []


def index(n):
    return str(n), lambda root, node: [n % len(node)] if isinstance(node, list) and -len(node) <= n < len(node) else []


def sliced(start, stop, step):
    written = ":".join("" if part is None else str(part) for part in (start, stop, step))
    return written, lambda root, node: list(range(len(node)))[start:stop:step] if isinstance(node, list) else []


ALL = "*", lambda root, node: children(node)


def filtered(test):
    written, holds = test
    return f"?{written}", lambda root, node: [step for step in children(node) if holds(root, node[step])]


def text(path):
    return "$" + "".join((".." if descends else "") + "[" + ",".join(s[0] for s in selectors) + "]" for descends, selectors in path)


def select(root, path, start=()):
    """Locations in order; `start` is where the path begins."""
    found, descended = [start], False
    for descends, selectors in path:
        following = []
        for location in found:
            for place in below(root, location) if descends else [location]:
                node = at(root, place)
                following += [(*place, step) for _, choose in selectors for step in choose(root, node)]
        if descends and descended:
            following = list(dict.fromkeys(following))
        descended |= descends
        found = following
    return found


def below(root, location):
    yield location
    for step in children(at(root, location)):
        yield from below(root, (*location, step))


# Random ones.


def random_path(rng, most=3, filters=True):
    return [(rng.random() < 0.25, random_selectors(rng, filters)) for _ in range(rng.randint(0, most))]


def random_selectors(rng, filters):
    return [random_selector(rng, filters) for _ in range(rng.choice([1, 1, 1, 1, 2, 3]))]


def random_selector(rng, filters):
    choice = rng.randrange(9)
    if choice < 4:
        return name(rng.choice("abcd"), rng.choice("'\""))
    if choice < 6:
        return index(rng.randint(-3, 3))
    if choice == 6:
        return ALL
    if choice == 7 or not filters:
        def part():
            return rng.choice([None, rng.randint(-4, 4)])

        return sliced(part(), part(), rng.choice([None, 1, 1, 2, -1, -2]))
    return filtered(random_test(rng))


def random_test(rng, depth=0):
    choice = rng.randrange(8 if depth < 2 else 5)
    if choice < 5:
        return comparison(rng) if choice else exists(operand(rng))
    left, right = random_test(rng, depth + 1), random_test(rng, depth + 1)
    if choice == 5:
        return f"({left[0]} && {right[0]})", lambda root, node: left[1](root, node) and right[1](root, node)
    if choice == 6:
        return f"({left[0]} || {right[0]})", lambda root, node: left[1](root, node) or right[1](root, node)
    return f"!({left[0]})", lambda root, node: not left[1](root, node)


def operand(rng):
    path = random_path(rng, 2, filters=False)
    origin = rng.choice("@@@$")
    written = origin + text(path)[1:]
    if origin == "$":
        return written, lambda root, node: [at(root, place) for place in select(root, path)]
    return written, lambda root, node: [at(node, place) for place in select(node, path)]


def exists(operand):
    return operand[0], lambda root, node: bool(operand[1](root, node))


def literal(rng):
    value = rng.choice([0, 1, 2, -1, 0.5, "a", "", "ab", True, False, None, [], [1], {}, {"a": 1}])
    return json.dumps(value), lambda root, node: [value]


def comparison(rng):
    left, right = operand(rng), rng.choice([literal, literal, operand])(rng)
    if rng.random() < 0.2:
        left, right = right, left
    if rng.random() < 0.15:
        pattern = rng.choice(["a", "^a", "b$", "(?i)A", "", "["])
        return f"{left[0]} =~ '{pattern}'", lambda root, node: any(matches(pattern, value) for value in left[1](root, node))
    op = rng.choice(["==", "!=", "<", "<=", ">", ">="])

    def holds(root, node):
        return any(compare(op, a, b) for a in left[1](root, node) for b in right[1](root, node))

    return f"{left[0]} {op} {right[0]}", holds


def matches(pattern, value):
    try:
        return isinstance(value, str) and re.search(pattern, value) is not None
    except re.error:
        return False


def compare(op, a, b):
    if op in ("==", "!="):
        return same(a, b) == (op == "==")
    if op in ("<=", ">=") and same(a, b):
        return True
    if is_number(a) and is_number(b):
        return a < b if op[0] == "<" else a > b
    if isinstance(a, str) and isinstance(b, str):
        return a.encode() < b.encode() if op[0] == "<" else a.encode() > b.encode()
    return False


# Writes: each changes `twin["root"]` and returns the reply.


class Refused(Exception):
    """The command is an error and changes nothing."""


def once(locations):
    return list(dict.fromkeys(locations))


def outermost(locations):
    chosen = set(locations)
    return [place for place in once(locations) if not any(place[:n] in chosen for n in range(len(place)))]


def put(twin, location, value):
    parent = at(twin, ("root", *location)[:-1])
    parent[("root", *location)[-1]] = json.loads(json.dumps(value))


def set_all(twin, locations, value):
    for place in outermost(locations):
        put(twin, place, value)


def delete(twin, locations):
    gone = outermost(locations)
    if () in gone:
        twin.clear()
        return 1
    for place in sorted(gone, key=lambda place: [(isinstance(step, int), step) for step in place], reverse=True):
        parent = at(twin["root"], place[:-1])
        del parent[place[-1]]
    if gone and twin["root"] in ({}, []):
        twin.clear()
    return len(gone)


def merged(target, patch):
    if not isinstance(patch, dict):
        return json.loads(json.dumps(patch))
    target = dict(target) if isinstance(target, dict) else {}
    for member, value in patch.items():
        if value is None:
            target.pop(member, None)
        else:
            target[member] = merged(target.get(member), value)
    return target


def merge(twin, locations, patch):
    if not isinstance(patch, dict):
        return set_all(twin, locations, patch)
    for place in sorted(once(locations), key=len):
        try:
            here = at(twin["root"], place)
        except (KeyError, IndexError, TypeError):
            continue
        put(twin, place, merged(here, patch))


def each(twin, locations, wanted, change):
    """Deepest first; replies in the order of the matches."""
    replies = {}
    places = once(locations)
    for place in sorted(places, key=len, reverse=True):
        here = at(twin["root"], place)
        replies[place] = change(place, here) if wanted(here) else None
    return [replies[place] for place in places]


def clear(twin, locations):
    count = 0
    for place in sorted(once(locations), key=len):
        try:
            here = at(twin["root"], place)
        except (KeyError, IndexError, TypeError):
            continue
        if isinstance(here, (dict, list)) and here:
            put(twin, place, type(here)())
            count += 1
        elif is_number(here) and here != 0:
            put(twin, place, 0)
            count += 1
    return count
