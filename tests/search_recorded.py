"""Recorded replies of FT.* commands (tests/data/search-replies.json): a client that keeps all types of the wire apart, and the
comparison that the recordings ask for in their words "compare"."""

import json
import math
import re
import socket
import struct
import time


class Client:
    """A connection whose replies have the form of the recordings."""

    def __init__(self, port, protocol):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self.file = self.socket.makefile("rb")
        if protocol == 3:
            self("HELLO", "3")

    def __call__(self, *words):
        words = [encoded(word) for word in words]
        lines = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.socket.sendall(b"*%d\r\n" % len(words) + lines)
        return self.read()

    def read(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode("utf-8", "surrogateescape")
        if kind == b"-":
            return {"error": rest.decode("utf-8", "surrogateescape")}
        if kind in b":(":
            return int(rest)
        if kind == b",":
            number = float(rest)
            return {"double": number if math.isfinite(number) else str(number)}
        if kind == b"#":
            return {"bool": rest == b"t"}
        if kind == b"_":
            return None
        count = int(rest)
        if count < 0:
            return None
        if kind in b"$=!":
            return text(self.file.read(count + 2)[:-2])
        if kind == b"%":
            return {"map": [[self.read(), self.read()] for _ in range(count)]}
        items = [self.read() for _ in range(count)]
        return {"set": items} if kind == b"~" else items

    def close(self):
        self.file.close()
        self.socket.close()


def text(data):
    try:
        decoded = data.decode()
        return decoded if "\0" not in decoded else {"hex": data.hex()}
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def encoded(word):
    """The bytes of an argument: text, a number, or a blob as {"f32": […]}, {"hex": …}."""
    if isinstance(word, bytes):
        return word
    if not isinstance(word, dict):
        return str(word).encode("utf-8", "surrogateescape")
    ((kind, value),) = word.items()
    if kind == "hex":
        return bytes.fromhex(value)
    return struct.pack(f"<{len(value)}{ {'f32': 'f', 'f64': 'd', 'f16': 'e'}[kind]}", *value)


CODE = re.compile(r"^SEARCH_[A-Z0-9_]+ ")
NUMBER = re.compile(r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$|^[+-]?(inf|nan)$")


def same_error(want, got):
    """A text begins with the wanted one; a code word in front of the wanted one may be missing."""
    want, got = want.lower(), got.lower()
    if CODE.match(want.upper()) or want.startswith("search_"):
        strip = re.compile(r"^search_[a-z0-9_]+ ")
        want, got = strip.sub("", want), strip.sub("", got)
    return got.startswith(want)


def number(value):
    if isinstance(value, dict) and list(value) == ["double"]:
        return float(value["double"])
    if isinstance(value, str) and NUMBER.match(value):
        return float(value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else None


def kind(value):
    if isinstance(value, dict):
        return {"hex": "string"}.get(next(iter(value)), next(iter(value)))
    return {type(None): "null", str: "string", int: "int", list: "array"}[type(value)]


def hashed(value):
    return json.dumps(value, sort_keys=True)


class Comparison:
    """How two replies are compared: the words of "compare"."""

    def __init__(self, words):
        words = words.split()
        self.unordered = "unordered" in words
        self.shape = "shape" in words
        self.info = "info" in words
        self.tolerance = next((float(word[6:]) for word in words if word.startswith("float:")), None)

    def same(self, want, got):
        if isinstance(want, dict) and "any" in want:
            return want["any"] in ("*", kind(got))
        if self.shape:
            return self.same_shape(want, got)
        if isinstance(want, dict):
            form = next(iter(want))
            if form != "double":
                if not isinstance(got, dict) or form not in got:
                    return False
                if form == "error":
                    return same_error(want["error"], got["error"])
                if form in ("map", "pairs"):
                    return self.same_map(want[form], got[form])
                if form == "set":
                    return self.same_items(want["set"], got["set"])
        if isinstance(want, list):
            if not isinstance(got, list) or len(want) != len(got):
                return False
            if self.unordered:
                return self.same_items(want, got)
            return all(self.same(a, b) for a, b in zip(want, got))
        if self.tolerance is not None and not isinstance(want, int):
            a, b = number(want), number(got)
            if a is not None and b is not None:
                return kind(want) == kind(got) and self.near(a, b)
        return kind(want) == kind(got) and want == got

    def near(self, a, b):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return a == b or abs(a - b) <= self.tolerance * max(1, abs(a), abs(b))

    def same_shape(self, want, got):
        if kind(want) != kind(got):
            return False
        if isinstance(want, list):
            return len(want) == len(got) and all(self.same(a, b) for a, b in zip(want, got))
        if kind(want) == "map":
            want, got = ({hashed(key): value for key, value in side["map"]} for side in (want, got))
            return want.keys() == got.keys() and all(self.same(want[key], got[key]) for key in want)
        return kind(want) != "set" or len(want["set"]) == len(got["set"])

    def same_map(self, want, got):
        want, got = ({hashed(key): value for key, value in side} for side in (want, got))
        if not self.info and want.keys() != got.keys():
            return False
        return all(key in got and self.same_value(key, want[key], got[key]) for key in want)

    def same_value(self, key, want, got):
        if self.info and key == '"last indexing error"' and isinstance(want, str) and isinstance(got, str):
            return same_error(want, got)
        return self.same(want, got)

    def same_items(self, want, got):
        left = list(got)
        if len(want) != len(left):
            return False
        for item in want:
            place = next((i for i, other in enumerate(left) if self.same(item, other)), None)
            if place is None:
                return False
            del left[place]
        return True


def pairs(row):
    """A flat list of names and values as pairs, whose order does not matter."""
    if isinstance(row, list) and len(row) % 2 == 0:
        names = row[::2]
        if all(kind(name) == "string" for name in names) and len({hashed(name) for name in names}) == len(names):
            return {"pairs": [[name, value] for name, value in zip(names, row[1::2])]}
    return row


def rows(command, reply):
    """The rows of a RESP2 reply as pairs."""
    name = command[0].upper() if isinstance(command[0], str) else ""
    if name not in ("FT.SEARCH", "FT.AGGREGATE", "FT.CURSOR", "FT.HYBRID") or not isinstance(reply, list):
        return reply
    if name == "FT.HYBRID":
        return [[pairs(row) for row in part] if i == 3 and isinstance(part, list) else part for i, part in enumerate(reply)]
    if name == "FT.CURSOR" or reply and isinstance(reply[0], list):
        return [[pairs(row) for row in part] if i == 0 and isinstance(part, list) else part for i, part in enumerate(reply)]
    return [pairs(part) if i else part for i, part in enumerate(reply)]


NESTED = ("gc_stats", "cursor_stats", "dialect_stats", "Index Errors", "index_definition")


def info(reply):
    """FT.INFO's flat list as nested pairs."""
    if not isinstance(reply, list):
        return reply
    result = []
    for name, value in zip(reply[::2], reply[1::2]):
        if name in NESTED:
            value = pairs(value)
        elif name == "field statistics" and isinstance(value, list):
            inner = lambda field: [[a, pairs(b) if a == "Index Errors" else b] for a, b in zip(field[::2], field[1::2])]
            value = [{"pairs": inner(field)} if isinstance(field, list) else field for field in value]
        result.append([name, value])
    return {"pairs": result}


def same(step, want, got):
    comparison = Comparison(step["compare"])
    if comparison.info:
        return comparison.same(info(want), info(got))
    return comparison.same(rows(step["command"], want), rows(step["command"], got))


def at(reply, path):
    """The part of a reply that a step saves."""
    for part in path:
        if isinstance(reply, dict) and "map" in reply:
            reply = reply["map"][part] if isinstance(part, int) else dict(map(tuple, reply["map"]))[part]
        elif isinstance(part, str):
            reply = dict(zip(reply[::2], reply[1::2]))[part]
        else:
            reply = reply[part]
    return reply


def wait_for_scan(client, index):
    for _ in range(12_000):
        reply = client("FT.INFO", index)
        if isinstance(reply, dict) and "error" in reply:
            return
        fields = dict(map(tuple, reply["map"])) if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2]))
        if fields["indexing"] == 0:
            return
        time.sleep(0.01)
    raise AssertionError(f"the scan of {index} does not end")


def play(client, scenario, check):
    """Plays a scenario and calls `check` with each step and its reply."""
    saved = {}
    word = lambda part: saved[part["var"]] if isinstance(part, dict) and "var" in part else part
    for step in scenario["setup"] + scenario["steps"]:
        if isinstance(step, dict) and "wait" in step:
            wait_for_scan(client, step["wait"])
        elif isinstance(step, dict) and "sleep_ms" in step:
            time.sleep(step["sleep_ms"] / 1000)
        elif isinstance(step, list):
            reply = client(*step)
            assert not (isinstance(reply, dict) and "error" in reply), (step, reply)
        else:
            reply = client(*map(word, step["command"]))
            for name, path in step.get("save", {}).items():
                try:
                    saved[name] = at(reply, path)
                except (KeyError, IndexError, TypeError):
                    saved[name] = "0"
            check(step, reply)
