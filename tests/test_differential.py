"""The same random commands to a server with the module and to Redis 8's own vector sets: the same replies."""

import random

import numpy as np
import pytest

from resp import ReplyError
from vectors import fp32, name, values

DIM = 6
# Scores of int8 sets: ours are made with the query before quantization, so they may differ by about 1/127.
TOLERANCE = {"NOQUANT": 2e-6, "Q8": 0.01}


class Stream:
    """Random commands that stay clear of the peer's known defects: no infinities, no empty SETATTR on a new element,
    no options on a missing key, FILTER within the common language, small COUNT."""

    def __init__(self, seed, quant):
        self.rng = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.quant = quant
        self.seen = set()

    def vector(self):
        v = self.numbers.standard_normal(DIM).astype("<f4")
        return ["FP32", fp32(v)] if self.rng.random() < 0.5 else values(*v)

    def element(self):
        return name(self.rng.randrange(60))

    def command(self):
        r, e = self.rng, self.element()
        kind = r.choices(
            ["add", "bad add", "rem", "set", "get", "sim", "truth", "bad sim", "emb", "dim", "member", "misc", "filter"],
            [30, 4, 8, 6, 6, 4, 8, 4, 8, 3, 4, 4, 6],
        )[0]
        attributes = '{"n":%d,"s":"%s"}' % (r.randrange(10), r.choice("abc"))
        if kind == "add":
            options = ["SETATTR", attributes] if r.random() < 0.5 else []
            self.seen.add(e)
            return ["VADD", "k", *self.vector(), e, self.quant, *options, *(["CAS"] if r.random() < 0.2 else [])]
        if kind == "bad add":
            bad = [
                ["VADD", "k", *values(1, 2), e, self.quant],
                ["VADD", "k", *self.vector(), e, "BIN"],
                ["VADD", "k", *self.vector(), e, self.quant, "M", 5],
                ["VADD", "k", *self.vector(), e, self.quant, "EF", r.choice([0, -1, "x"])],
                ["VADD", "k", *self.vector(), e, "WHAT"],
                ["VADD", "k", "FP32", b"12345", e],
                ["VADD", "k", "VALUES", 9, 1, 2],
                ["VADD", "str", *self.vector(), e],
                ["VADD", "k", "REDUCE", 3, *self.vector(), e, self.quant],
                ["VADD", "k"],
            ]
            return r.choice(bad)
        query = ["VSIM", "k", *(["ELE", e] if r.random() < 0.5 else self.vector())]
        if kind == "bad sim":
            tail = r.choice([["COUNT", 0], ["EF", "x"], ["EPSILON", -1], ["WHAT"], ["COUNT"], ["FILTER-EF", 0], ["FILTER"]])
            return r.choice([[*query, *tail], ["VSIM", "k", *values(1, 2)], ["VSIM", "str", "ELE", e], ["VSIM", "k", "WHAT", "x"]])
        if kind == "filter":
            n = r.randrange(10)
            expression = r.choice([f".n > {n}", f".n == {n} or .s == 'a'", ".s in ['a','b']", f"not (.n % 3 == 1) and .n < {n}", ".none"])
            return [*query, "WITHSCORES", "TRUTH", "COUNT", 100, "FILTER", expression]
        return {
            "rem": ["VREM", "k", e],
            "set": ["VSETATTR", "k", e, r.choice([attributes, attributes, ""])],
            "get": ["VGETATTR", "k", e],
            "sim": [*query, "WITHSCORES", "COUNT", 100, "EF", 500],
            "truth": [*query, "WITHSCORES", "TRUTH", "COUNT", 100],
            "emb": ["VEMB", r.choice(["k", "k", "k", "none", "str"]), e, *r.choice([[], ["RAW"], ["RAW"], ["WHAT"]])],
            "dim": [r.choice(["VDIM", "VCARD"]), r.choice(["k", "none", "str"])],
            "member": ["VISMEMBER", r.choice(["k", "k", "none", "str"]), e],
            "misc": r.choice([["VRANDMEMBER", "k", 0], ["VRANDMEMBER", "k", "x"], ["VLINKS", "k", e, "x"], ["VINFO", "none"], ["TYPE", "k"], ["DEL", "none"]]),
        }[kind]


def ask(conn, command):
    try:
        return conn(*command)
    except ReplyError as e:
        return str(e)


def numeric(items):
    """VEMB's texts differ between hosts (17 digits or the shortest), the numbers do not."""
    out = []
    for x in items:
        try:
            out.append(float(x) if isinstance(x, bytes) and len(x) < 30 else x)
        except ValueError:
            out.append(x)
    return out


def agree(command, ours, theirs, quant):
    if command[0] == "VSIM" and isinstance(ours, list) and isinstance(theirs, list):
        a, b = (dict(zip(x[::2], map(float, x[1::2]))) for x in (ours, theirs))
        if set(a) != set(b):
            return False
        return quant == "BIN" or a == pytest.approx(b, abs=TOLERANCE[quant])
    if command[0] == "VEMB" and isinstance(ours, list) and isinstance(theirs, list):
        return ours[:2] == theirs[:2] and numeric(ours[2:]) == numeric(theirs[2:]) if "RAW" in command else numeric(ours) == numeric(theirs)
    return ours == theirs


@pytest.mark.parametrize("quant", ["NOQUANT", "Q8", "BIN"])
@pytest.mark.parametrize("seed", range(4))
def test_same_replies(c, peer, quant, seed):
    print(f"seed {seed}")  # shown when the test fails
    stream = Stream(seed, quant)
    for conn in (c, peer):
        conn("SET", "str", "x")
        conn("VADD", "k", *values(*range(1, DIM + 1)), "fixed", quant)  # so that the key never goes away
    for step in range(1500):
        command = stream.command()
        ours, theirs = ask(c, command), ask(peer, command)
        assert agree(command, ours, theirs, quant), (step, command, ours, theirs)
    assert sorted(c("VRANDMEMBER", "k", 1000)) == sorted(peer("VRANDMEMBER", "k", 1000))


def test_search_quality_is_not_lower(c, peer):
    """Both find much the same on data of some size."""
    vectors = np.random.default_rng(11).standard_normal((3000, 32)).astype("<f4")
    for conn in (c, peer):
        conn.pipeline(["VADD", "k", "FP32", fp32(v), name(i)] for i, v in enumerate(vectors))
    found = [0, 0]
    for q in np.random.default_rng(12).standard_normal((100, 32)):
        truth = set(peer("VSIM", "k", "FP32", fp32(q), "TRUTH"))
        for i, conn in enumerate((c, peer)):
            found[i] += len(truth & set(conn("VSIM", "k", "FP32", fp32(q), "EF", 100)))
    assert found[0] >= found[1] - 50  # of 1000
