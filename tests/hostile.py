"""Hostile commands: generated from the server's COMMAND DOCS with extreme values, and mutated."""

import struct

from payload import own_version, stamped
from resp import pairs

FAMILIES = ("V", "JSON.")
# Of other authors, or not made to be called by clients that guess.
NOT_OURS = {"VREPLAY"}

KEYS = ["set", "l2", "ip", "bin", "f32", "f16", "projected", "timed", "json", "nested", "string", "hash", "missing", "", "n" * 300]
ELEMENTS = ["a", "b", "c", "e1", "e2", "e39", "new", "", "x" * 500, "\0", "ELE", "FP32"]
NUMBERS = [
    "0", "1", "2", "3", "-1", "4", "10", "15", "16", "100", "1000", "65535", "65536", "1000000", "1000001", "2147483647", "2147483648", "4294967295",
    "4294967296", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551616",
    "0.5", "-0.5", "-0", "1e10", "1e38", "1e39", "1e308", "1e309", "1e-320", "nan", "-nan", "inf", "-inf", "NaN(1)", "0x10", " 1", "1 ", "", "+5", "1_000", "٣",
]  # fmt: skip
PATHS = [
    "$", ".", "$.a", "a", ".a.b", "$..*", "$..a", "$.*", "$[*]", "$[0]", "$[-1]", "$[0:2]", "$[::0]", "$[::-1]", "$[99999999999999999999]", "$['a']", "$[\"a\",'b']",
    "$[?(@.a>1)]", "$..[?(@.n==1)]", "$[?(@.a=~'(a+)+$')]", "$[?(@..a)]", "$.a[?(@>$.b)]", "$..[?(@..[?(@..a)])]", "[0]", "$[", "$.", "$..", "$[?(", "", "a" * 300, "$" + ".a" * 200,
    "$" + "[0]" * 200, "$" + "..*" * 6, "$" + "..a" * 50, "$[?" + "(" * 300 + "@.a" + ")" * 300 + "]", "$[-9223372036854775808]", "$[1:-9223372036854775808]", "\xff", "$.\0",
]  # fmt: skip
JSONS = [
    "1", "-1", "0", "1.5", "1e400", "-0.0", "true", "false", "null", '""', '"a"', "[]", "{}", "[1,2,3]", '{"a":1}', '{"a":{"b":[1,{"c":null}]},"n":1}', "[" * 127 + "]" * 127, "[" * 129 + "]" * 129,
    "[" * 100000, '{"a":' * 500, '{"a":1,"a":2}', '"\\ud800"', '"\\u0000"', "nul", "", " ", "[1,]", "01", "NaN", "9223372036854775807", "9223372036854775808", "123456789012345678901234567890",
    "[" + ",".join(map(str, range(3000))) + "]", '"' + "x" * 5000 + '"', "{" + ",".join('"k%d":%d' % (i, i) for i in range(500)) + "}", '"\xff"', "[1.5,2,-3]", '{"ripe":true,"n":5}',
]  # fmt: skip
FILTERS = [
    ".n > 1", ".n == .n", ".n in [1,2,3]", "'a' in .list", "not .ripe", "1", "", "(" * 300 + "1" + ")" * 300, ".n +", "1/0", ".n % 0", "2**9999", ".n > $n", "-" * 500 + "1", ".a.b", "\"a\" == 'a'",
    " and ".join([".n>0"] * 200), ".n in [" + ",".join(map(str, range(2000))) + "]", "nan", ".\0",
]  # fmt: skip
WORDS = (
    "VALUES FP32 FP64 FP16 BF16 INT8 UINT8 XU8 ELE REDUCE CAS NOQUANT F16 Q8 BIN EF SETATTR M METRIC L2 IP COSINE XDISTANCE_METRIC NX XX GT LT EX PX EXAT PXAT KEEPTTL WITHATTRIBS WITHSCORES COUNT "
    "EPSILON FILTER FILTER-EF TRUTH NOTHREAD MINSCORE EXCLUDE AND WEIGHT FROM PARAMS ELEMENTS RAW INDENT NEWLINE SPACE FORMAT STRING EXPAND FPHA BF16 "
    "MEMORY HELP DEBUG - + ( [ (a [a"
).split()


class Generator:
    """Random commands from a random stream; `docs` is what COMMAND DOCS told, or empty where there is none."""

    def __init__(self, rng, docs, names):
        self.rng, self.docs, self.names = rng, docs, names
        self.is_json = False

    def blob(self):
        n = 16 if self.rng.random() < 0.8 else self.rng.choice([0, 1, 2, 3, 4, 8, 32, 17, 4096])
        special = [float("nan"), float("inf"), 0.0, 1e38, -1e38, 1e-45]
        floats = [self.rng.choice(special) if self.rng.random() < 0.05 else self.rng.uniform(-2, 2) for _ in range(n // 4)]
        return struct.pack(f"<{n // 4}f", *floats) + b"\x7f" * (n % 4)

    def vector(self):
        kind = self.rng.random()
        if kind < 0.4:
            return ["FP32", self.blob()]
        if kind < 0.5:
            form, size = self.rng.choice([("FP64", 8), ("FP16", 2), ("BF16", 2), ("INT8", 1), ("UINT8", 1)])
            return [form, self.rng.randbytes(size * self.rng.choice([4, 4, 4, 1]))]
        dim = self.rng.choice([4] * 8 + [0, 1, 2, 5, 40])
        told = dim if self.rng.random() < 0.95 else self.rng.choice(NUMBERS)
        return ["VALUES", told, *(self.number() if self.rng.random() < 0.03 else self.rng.uniform(-2, 2) for _ in range(dim))]

    def number(self):
        return self.rng.choice(NUMBERS) if self.rng.random() < 0.5 else self.rng.randrange(-3, 60)

    def value(self, name, kind):
        name = name.lower()
        if kind == "key" or name in ("key", "source", "destination"):
            return self.rng.choice(["json", "json", "json", "nested", *KEYS] if self.is_json else KEYS)
        if "path" in name:
            return self.rng.choice(PATHS[:17] if self.rng.random() < 0.7 else PATHS)
        if "filter" in name or "expression" in name:
            return self.rng.choice(FILTERS)
        if "json" in name or "value" in name or "attributes" in name:
            return self.rng.choice(JSONS)
        if "blob" in name or "vector" in name:
            return self.blob()
        if kind in ("integer", "double", "unix-time"):
            return self.number()
        return self.rng.choice(ELEMENTS if self.rng.random() < 0.8 else JSONS + PATHS)

    def argument(self, doc, depth=0):
        """The words of an argument as COMMAND DOCS describes it."""
        doc = pairs(doc)
        flags = [flag if isinstance(flag, str) else flag.decode() for flag in doc.get(b"flags", doc.get("flags", []))]
        if "optional" in flags and self.rng.random() < 0.7:
            return []
        words = []
        for _ in range(self.rng.choice([1, 1, 2, 3]) if "multiple" in flags else 1):
            kind, name = doc[b"type"].decode(), doc[b"name"].decode()
            if b"token" in doc:
                words.append(doc[b"token"])
            if kind == "oneof":
                words += self.argument(self.rng.choice(doc[b"arguments"]), depth + 1)
            elif kind == "block":
                words += [word for part in doc[b"arguments"] for word in self.argument(part, depth + 1)]
            elif kind != "pure-token":
                words.append(self.value(name, kind))
        return words

    def by_hand(self, name):
        """The commands whose documentation alone makes few that are taken."""
        key, element = self.rng.choice(KEYS[:10]), self.rng.choice(ELEMENTS)
        if name == "VADD":
            options = [w for w in (["SETATTR", self.rng.choice(JSONS)], ["CAS"], ["EX", self.number()], ["METRIC", self.rng.choice(["L2", "IP"])]) if self.rng.random() < 0.2]
            form = {"bin": ["BIN"], "f32": ["NOQUANT"], "f16": ["F16"]}.get(key, [])
            return [key, *(["REDUCE", 2] if key == "projected" else []), *self.vector(), element, *form, *sum(options, [])]
        if name in ("VSIM", "VMSIM"):
            keys = [2, key, self.rng.choice(KEYS)] if name == "VMSIM" else [key]
            near = ["ELE", element] if self.rng.random() < 0.4 else self.vector()
            more = ["AND", "WEIGHT", self.number(), *self.vector()] if self.rng.random() < 0.2 else []
            options = [["WITHSCORES"], ["COUNT", self.number()], ["EF", self.number()], ["FILTER", self.rng.choice(FILTERS)], ["EPSILON", self.number()], ["MINSCORE", self.number()], ["TRUTH"], ["EXCLUDE"], ["WITHATTRIBS"]]
            return [*keys, *near, *more, *sum([o for o in options if self.rng.random() < 0.25], [])]
        if name.startswith(("VEXPIRE", "VPEXPIRE", "VTTL", "VPTTL", "VPERSIST")):
            time = [] if "TTL" in name or name in ("VPERSIST", "VEXPIRETIME", "VPEXPIRETIME") else [self.number()]
            return [key, *time, "ELEMENTS", 2, element, self.rng.choice(ELEMENTS)]
        if self.is_json:
            key, path = self.rng.choice(["json", "json", "nested", key]), self.value("path", "string")
            json = lambda: self.rng.choice(JSONS[:18])  # noqa: E731
            rest = {
                "JSON.SET": lambda: [json()],
                "JSON.MERGE": lambda: [json()],
                "JSON.MSET": lambda: [json(), self.rng.choice(["json", "nested", "new"]), "$", json()],
                "JSON.NUMINCRBY": lambda: [self.number()],
                "JSON.NUMMULTBY": lambda: [self.number()],
                "JSON.STRAPPEND": lambda: ['"x"'],
                "JSON.ARRAPPEND": lambda: [json(), json()],
                "JSON.ARRINSERT": lambda: [self.number(), json()],
                "JSON.ARRINDEX": lambda: [json(), self.number()],
                "JSON.ARRPOP": lambda: [self.number()],
                "JSON.ARRTRIM": lambda: [self.number(), self.number()],
                "JSON.DEBUG": lambda: [],
            }.get(name, lambda: [])()
            return [*(["MEMORY"] if name == "JSON.DEBUG" else []), key, path, *rest]
        return None

    def command(self):
        name = self.rng.choice(self.names)
        self.is_json = name.startswith("JSON.")
        words = self.by_hand(name) if self.rng.random() < 0.7 else None
        if words is None and name in self.docs:
            words = [word for doc in self.docs[name] for word in self.argument(doc)]
        if words is None:
            words = [self.rng.choice(KEYS), *(self.word() for _ in range(self.rng.randrange(6)))]
        command = [name, *words]
        while self.rng.random() < 0.2:
            self.mutate(command)
        return command

    def word(self):
        return self.rng.choice([self.rng.choice(WORDS), self.number(), self.rng.choice(ELEMENTS), self.rng.choice(PATHS), self.rng.choice(JSONS), self.blob()])

    def mutate(self, command):
        at = self.rng.randrange(1, len(command) + 1)
        change = self.rng.randrange(4)
        if change == 0 or at == len(command):
            command.insert(at, self.word())
        elif change == 1:
            del command[at]
        elif change == 2:
            command[at] = self.word()
        else:
            command.append(command[at])

    def damaged(self, dump, version):
        """A payload with a few bytes changed, cut out or doubled, and a checksum that is right."""
        body = bytearray(dump[:-10])
        for _ in range(self.rng.choice([1, 1, 2, 5])):
            at = self.rng.randrange(1, len(body)) if len(body) > 1 else 0
            change = self.rng.randrange(4)
            if change == 0:
                body[at] = self.rng.randrange(256)
            elif change == 1:
                del body[at : at + self.rng.choice([1, 2, 9])]
            elif change == 2:
                body[at:at] = body[at : at + self.rng.choice([1, 8, 40])]
            else:
                body[at] ^= 1 << self.rng.randrange(8)
            body = body or bytearray(b"\x07")
        return stamped(bytes(body), version)


def generator(conn, rng):
    """By the documentation of the module that the server has, if it documents modules."""
    names = sorted({row[0].decode().upper() for row in conn("COMMAND")})
    names = [name for name in names if name.startswith(FAMILIES) and name not in NOT_OURS]
    docs = {}
    if conn.documented:
        for name, doc in pairs(conn("COMMAND", "DOCS", *names)).items():
            docs[name.decode().upper()] = pairs(doc).get(b"arguments", [])
    return Generator(rng, docs, names)


def fill(conn):
    """Sets of all forms, documents, and keys of other types."""
    conn("FLUSHALL")
    kinds = {"set": [], "l2": ["METRIC", "L2"], "ip": ["METRIC", "IP"], "bin": ["BIN"], "f32": ["NOQUANT"], "f16": ["F16"], "timed": ["EX", 1000]}
    for key, options in kinds.items():
        for i in range(40):
            conn("VADD", key, "VALUES", 4, i, 1, i % 7, -i % 5, f"e{i}", *options, "SETATTR", '{"n":%d,"list":["a"]}' % i)
    for i in range(40):
        conn("VADD", "projected", "REDUCE", 2, "VALUES", 4, i, 1, i % 7, -i % 5, f"e{i}")
    conn("JSON.SET", "json", "$", '{"a":{"b":[1,2,{"a":3}]},"n":1,"s":"text","list":[3,1,2],"t":true,"z":null}')
    conn("JSON.SET", "nested", "$", '{"a":' * 60 + "[1]" + "}" * 60)
    conn("SET", "string", "value")
    conn("HSET", "hash", "a", "1")


def dumps(conn):
    keys = ["set", "l2", "timed", "bin", "f16", "projected", "json", "nested"]
    return [conn("DUMP", key) for key in keys], own_version(conn)
