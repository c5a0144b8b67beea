"""Queries, expressions and definitions that mean harm: errors only, and the server goes on. How long a PING of another client
took at most is printed. VSET_LONG=minutes mutates for longer."""

import multiprocessing
import os
import random
import struct
import time

import pytest

from resp import Conn, ReplyError
from seeds import new_seed
from servers import eventually, info

MINUTES = float(os.environ.get("VSET_LONG", 0))
SECONDS = MINUTES * 60 or 4
FORK = multiprocessing.get_context("fork")
VECTOR = struct.pack("<4f", 1, 0, 0, 0)

QUERIES = [
    b"@t:(red fox|lazy dog) -@g:{a|b\\-c} @n:[(1 inf]",
    b"(@g:{a})=>[KNN 5 @v $b EF_RUNTIME 100 AS d]=>{$SHARD_K_RATIO: 0.5;}",
    b"@v:[VECTOR_RANGE 0.5 $b]=>{$YIELD_DISTANCE_AS: d; $EPSILON: 0.1}",
    b"\"red fox\"=>{$slop: 2; $inorder: true; $weight: 3} ~hello %%wrld%% hel* *llo *ell* w'h?l*o'",
    b"@p:[1.5 -2 10 km] ismissing(@g) @n==5 @n>=-1e3 @t|u:(x y)",
]
EXPRESSIONS = [
    b"(@n + 1) * 2 ^ -3 % 5 / (@m - 0.5) <= 3 && !(@g == 'a\\'b') || exists(@t)",
    b"case(@n > 1, format('%s-%s', upper(@g), substr(@t, 1, -1)), split(@g, ',', ' '))",
    b"timefmt(parsetime('2020', '%Y'), '%FT%TZ') != geodistance(@p, '1,2')",
]
DEFINITION = (
    "x ON HASH PREFIX 1 d: FILTER @n>1 LANGUAGE english SCORE 0.5 STOPWORDS 1 foo SCHEMA t TEXT WEIGHT 2 SORTABLE g AS h TAG SEPARATOR "
    ", CASESENSITIVE n NUMERIC p GEO v VECTOR HNSW 8 TYPE FLOAT32 DIM 4 DISTANCE_METRIC COSINE M 8 w VECTOR FLAT 6 TYPE INT8 DIM 2 "
    "DISTANCE_METRIC IP INDEXMISSING"
).encode().split()  # fmt: skip


@pytest.fixture
def watched(clean):
    """A connection to a small index, while another client pings; the index is whole in the end."""
    conn = clean.connect()
    conn("FT.CONFIG", "SET", "TIMEOUT", 500)  # as by default, so that none takes long
    conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT", "u", "TEXT", "g", "TAG", "INDEXMISSING", "n", "NUMERIC", "SORTABLE",
         "m", "NUMERIC", "p", "GEO", "v", "VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", 4, "DISTANCE_METRIC", "COSINE")  # fmt: skip
    conn.pipeline(
        ("HSET", f"d:{n}", "t", f"red fox hello world w{n}", "g", f"a,b-c,g{n}", "n", n, "p", f"{n % 90},{n % 80}", "v",
         struct.pack("<4f", n, 1, n % 7, 2))
        for n in range(3000)
    )  # fmt: skip
    # In a separate process, which this one's work does not delay.
    here, there = FORK.Pipe()
    pinger = FORK.Process(target=ping, args=(clean.port, there), daemon=True)
    pinger.start()
    yield conn
    here.send("over")
    print(f"longest PING: {here.recv() * 1000:.1f} ms")
    pinger.join()
    assert clean.alive()
    assert clean.connect()("FT.CHECK", "i") == 3000


def ping(port, pipe):
    conn, longest = Conn(port), 0.0
    while not pipe.poll():
        start = time.monotonic()
        conn("PING")
        longest = max(longest, time.monotonic() - start)
        time.sleep(0.001)
    pipe.send(longest)


def ask(conn, *command):
    """The reply, or the text of the error."""
    try:
        return conn(*command)
    except ReplyError as error:
        assert "panic" not in str(error).lower(), command
        return str(error)


def mutated(rng, data, others):
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randint(0, len(data))
        kind = rng.randrange(5)
        if kind == 0:
            data[at:at] = bytes([rng.randrange(256)])
        elif kind == 1:
            del data[at : at + rng.randint(1, 5)]
        elif kind == 2:
            data[at:at] = bytes([rng.choice(b"()[]{}|-~*%\"'$@:;=>\\ 0.")]) * rng.randint(1, 4)
        elif kind == 3:
            other = rng.choice(others)
            start = rng.randrange(len(other))
            data[at:at] = other[start : start + rng.randint(1, 20)]
        else:
            data[at:at] = rng.choice([b"999999999999999999999", b"-1", b"nan", b"1e309", b"inf", b"\x00", b"\xff\xfe", "é".encode()])
    return bytes(data)


@pytest.mark.timeout(900 + SECONDS)
def test_mutations(watched):
    seed = new_seed()
    print("seed", seed)
    rng, end = random.Random(seed), time.monotonic() + SECONDS
    while time.monotonic() < end:
        text = mutated(rng, rng.choice(QUERIES), QUERIES)
        params = ["PARAMS", 2, "b", VECTOR, "DIALECT", rng.randint(1, 4)]
        ask(watched, rng.choice(["FT.SEARCH", "FT.SEARCH", "FT.EXPLAIN"]), "i", text, *params)
        expression = mutated(rng, rng.choice(EXPRESSIONS), EXPRESSIONS)
        ask(watched, "FT.AGGREGATE", "i", "@n:[1 20]", "LOAD", 5, "n", "m", "g", "t", "p", rng.choice(["APPLY", "FILTER"]), expression)
        words = list(DEFINITION)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(1, len(words))
            words[at : at + rng.randint(0, 2)] = [mutated(rng, words[at], DEFINITION)] * rng.randint(0, 2)
        if ask(watched, "FT.CREATE", *words) == "OK":
            watched("FT.DROPINDEX", "x")
        data = [b"%d" % rng.randrange(4), *(rng.choice(QUERIES + EXPRESSIONS + DEFINITION) for _ in range(rng.randint(0, 6)))]
        ask(watched, "FT.SEARCH", "i", "*", *data)


DEEP = 20_000


LARGE = [
    "(" * DEEP + "a" + ")" * DEEP, "-" * DEEP + "a", "(-" * DEEP + "a" + ")" * DEEP, "(a|" * DEEP + "a" + ")" * DEEP,
    "(a " * DEEP + "a" + ")" * DEEP, "~" * DEEP + "a", "@t:(" * DEEP, "a=>{$weight:1}" * DEEP, "(((a)=>{$weight:2;})=>{$weight:2;})" * 900,
    "a " * 500_000, "a|" * 500_000 + "a", "@g:{" + "a|" * 300_000 + "a}", '"' + "a " * 500_000 + '"', "x" * 1_000_000, "*" * 100_000,
    "%" * 100_000, "@n:[1 2] " * 50_000, "@n:[1 2]|" * 50_000 + "b", "\\" * 1_000_000, "w'" + "*?" * 500 + "'", "w'" + "*a" * 511 + "'",
    "*" + "é" * 400 + "*", "%%%" + "a" * 1000 + "%%%", "@g:{" + "w'*a*b*c*d*e*f*g*h'|" * 500 + "a}", "(-a|-b) " * 5_000,
    "@v:[VECTOR_RANGE inf $b] " * 30, "ismissing(@g) " * 5_000, "@p:[0 0 1e300 km]", "@p:[0 0 1 km]|" * 5_000 + "a",
    "@g:{" + "|".join(f"g{n}" for n in range(3000)) + "}", "|".join(f"w{n}" for n in range(3000)),
]  # fmt: skip


def test_large_and_deep_queries(watched):
    for query in LARGE:
        start = time.monotonic()
        reply = ask(watched, "FT.SEARCH", "i", query, "NOCONTENT", "TIMEOUT", 500, "PARAMS", 2, "b", VECTOR)
        took = time.monotonic() - start
        print(f"{query[:30]!r} of {len(query)}: {took * 1000:.0f} ms, {str(reply)[:60]}")
        assert watched("FT.SEARCH", "i", "@n:[5 5]", "NOCONTENT", "TIMEOUT", 0) == [1, b"d:5"]


EXPRESSIONS_LARGE = [
    "(" * DEEP + "1" + ")" * DEEP, "!" * DEEP + "1", "1+" * DEEP + "1", "2^" * DEEP + "2", "abs(" * DEEP, "case(1,1," * DEEP,
    "1&&" * DEEP + "1", "format('" + "%s" * 5000 + "')", "'" + "a" * 1_000_000 + "'", "split('" + "a," * 100_000 + "')",
    "contains('" + "a" * 200_000 + "','" + "a" * 100_000 + "')",
]  # fmt: skip


def test_large_and_deep_expressions(watched):
    for expression in EXPRESSIONS_LARGE:
        start = time.monotonic()
        for step in ("APPLY", "FILTER"):
            reply = ask(watched, "FT.AGGREGATE", "i", "@n:[1 50]", "LOAD", 1, "n", step, expression, "TIMEOUT", 500)
        ask(watched, "FT.CREATE", "x", "PREFIX", 1, "none:", "FILTER", expression, "SCHEMA", "n", "NUMERIC")
        ask(watched, "FT.DROPINDEX", "x")
        took = time.monotonic() - start
        print(f"{expression[:30]!r} of {len(expression)}: {took * 1000:.0f} ms, {str(reply)[:60]}")


def test_values_at_the_edge(watched):
    nan, inf = float("nan"), float("inf")
    huge = 2**62
    vectors = [b"", b"x", VECTOR[:-1], VECTOR * 2, VECTOR * 100_000, struct.pack("<4f", nan, 0, 0, 0), struct.pack("<4f", inf, 0, 0, 0),
               struct.pack("<4f", 3e38, 3e38, 3e38, 3e38), bytes(16), struct.pack("<4f", 1e-45, 0, 0, 0)]  # fmt: skip
    for vector in vectors:
        ask(watched, "FT.SEARCH", "i", "*=>[KNN 10 @v $b AS d]", "PARAMS", 2, "b", vector, "SORTBY", "d")
        ask(watched, "FT.SEARCH", "i", "@v:[VECTOR_RANGE 2 $b]=>{$YIELD_DISTANCE_AS: d}", "PARAMS", 2, "b", vector)
        watched("HSET", "d:edge", "v", vector)
        watched("DEL", "d:edge")
    zero = watched("FT.SEARCH", "i", "*=>[KNN 3 @v $b AS d]", "PARAMS", 2, "b", bytes(16), "RETURN", 1, "d", "TIMEOUT", 0)
    assert zero[0] == 3 and all(float(row[1]) == 1 for row in zero[2::2])
    for k in (0, 1, 10**6, 2**58, 2**58 + 1, huge, 10**30, -1, 1.5, "x", ""):
        for ef in (1, 10**6, huge, 10**30, 0, -1, "x"):
            ask(watched, "FT.SEARCH", "i", "*=>[KNN $k @v $b EF_RUNTIME $ef]", "NOCONTENT", "PARAMS", 6, "b", VECTOR, "k", k, "ef", ef)
    for radius in (0, -1, 1e308, inf, nan, "1e999", "-0", "x"):
        ask(watched, "FT.SEARCH", "i", "@v:[VECTOR_RANGE $r $b]", "NOCONTENT", "PARAMS", 4, "b", VECTOR, "r", radius)
    for offset, count in ((0, 10**6), (10**6, 10**6), (huge, 1), (1, huge), (huge, huge), (10**30, 1), (-1, 1), (1, 0)):
        ask(watched, "FT.SEARCH", "i", "*", "NOCONTENT", "LIMIT", offset, count)
        ask(watched, "FT.AGGREGATE", "i", "*", "LIMIT", offset, count)
        ask(watched, "FT.AGGREGATE", "i", "*", "SORTBY", 1, "@n", "MAX", count)
    for timeout in (0, 1, huge, -1, 10**30):
        ask(watched, "FT.SEARCH", "i", "hello -w5", "NOCONTENT", "TIMEOUT", timeout)


def test_many_words_groups_and_cursors(watched):
    """Expansions over 40,000 words, groups of one row each, arrays multiplied by groups, cursors that are not read."""
    watched("FT.CREATE", "many", "PREFIX", 1, "m:", "SCHEMA", "t", "TEXT", "n", "NUMERIC", "g", "TAG")
    for part in range(8):
        watched.pipeline(
            ("HSET", f"m:{n}", "t", " ".join(f"x{n * 100 + at}y" for at in range(100)), "n", n, "g", f"g{n}")
            for n in range(part * 50, part * 50 + 50)
        )
    for query in ("x*", "*y", "*9*", "%%%x999y%%%", "w'*1*2*3*'", "w'*'", "-w'x*'", "(x*|*y|*1*) (x2*|*3y)", "@g:{g*}", "@g:{*9*}"):
        for options in ((), ("WITHSCORES",), ("SORTBY", "n")):
            reply = ask(watched, "FT.SEARCH", "many", query, "NOCONTENT", *options)
            assert isinstance(reply, list), reply
    for by in ("@n", "@g", "@t"):
        reply = watched("FT.AGGREGATE", "many", "*", "GROUPBY", 1, by, "REDUCE", "TOLIST", 1, "@t", "REDUCE", "COUNT_DISTINCT", 1, "@n", "TIMEOUT", 0)
        assert len(reply) == 401
    splits = [word for n in range(8) for word in ("APPLY", "split('a,b,c,d,e,f,g,h')", "AS", f"s{n}")]
    ask(watched, "FT.AGGREGATE", "many", "*", *splits, "GROUPBY", 8, *(f"@s{n}" for n in range(8)), "TIMEOUT", 1000)
    for _ in range(150):
        ask(watched, "FT.AGGREGATE", "many", "*", "LOAD", 1, "t", "WITHCURSOR", "COUNT", 1, "MAXIDLE", 200)
    assert int({**info(watched, "everything")}.get("vectorset_search_cursors", 0)) <= 128
    replies = []

    def begun():  # once those that are not read have gone
        replies.append(ask(watched, "FT.AGGREGATE", "many", "*", "WITHCURSOR", "COUNT", 10, "TIMEOUT", 0))
        return isinstance(replies[-1], list)

    eventually(begun)
    (_, *rows), cursor = replies[-1]
    assert len(rows) == 10 and cursor
    assert "not found" in ask(watched, "FT.CURSOR", "READ", "many", 12345)


def test_what_is_named_again_and_again(watched):
    """Options, parameters, tags and columns that a command repeats; each would take minutes or all memory if its cost multiplied."""
    watched("HSET", "d:long", "t", "word " * 50_000, "n", 1)
    try:
        longest = "y" * 1_000_000
        for tags in ((longest, ""), ("", longest), ("<b>", "</b>")):
            (reply,) = watched("FT.SEARCH", "i", "word", "RETURN", 1, "t", "HIGHLIGHT", "TAGS", *tags, "TIMEOUT", 0)[2:]
            assert len(reply[1]) < 3_000_000
        options = ("SUMMARIZE", "FRAGS", 1_000_000, "LEN", 1, "SEPARATOR")
        (reply,) = watched("FT.SEARCH", "i", "word", "RETURN", 1, "t", *options, "", "TIMEOUT", 0)[2:]
        assert reply == [b"t", b"word" * 50_000]
        (reply,) = watched("FT.SEARCH", "i", "word", "RETURN", 1, "t", *options, longest, "TIMEOUT", 0)[2:]
        assert len(reply[1]) < 2_000_000
    finally:
        watched("DEL", "d:long")
    assert "too complex" in ask(watched, "FT.SEARCH", "i", "$p " * 60_000, "PARAMS", 2, "p", "z" * 100_000)
    assert "too complex" in ask(watched, "FT.SEARCH", "i", "@v:[VECTOR_RANGE 1 $b] " * 10_000, "PARAMS", 2, "b", VECTOR)
    fields = [word for n in range(50_000) for word in ("n", "AS", f"x{n}")]
    assert len(watched("FT.SEARCH", "i", "@n:[5 5]", "RETURN", len(fields), *fields, "TIMEOUT", 0)[2]) == 100_000
    assert len(watched("FT.AGGREGATE", "i", "@n:[5 5]", "LOAD", len(fields), *fields, "TIMEOUT", 0)[1]) == 100_000
    assert watched("FT.SEARCH", "i", "@" + "t|" * 50_000 + "t:(red fox)", "NOCONTENT", "LIMIT", 0, 0, "TIMEOUT", 0) == [3000]
    infields = ["t"] * 50_000
    assert watched("FT.SEARCH", "i", "red " * 1000, "INFIELDS", len(infields), *infields, "LIMIT", 0, 0, "TIMEOUT", 0) == [3000]
    assert watched("FT.SYNUPDATE", "i", "group", *(f"synonym{n}" for n in range(50_000))) == "OK"
    assert "too long" in ask(watched, "FT.AGGREGATE", "i", "*", "APPLY", "+".join(f"@p{n}" for n in range(120_000)), "AS", "x")
    assert "1024" in ask(watched, "FT.CREATE", "x", "PREFIX", 2000, *(f"p{n}" for n in range(2000)), "SCHEMA", "n", "NUMERIC")


def test_a_small_index_is_no_excuse(watched):
    """Queries over few documents that make much of them do not run on the main thread, and end."""
    watched("FT.CREATE", "few", "PREFIX", 1, "f:", "SCHEMA", "t", "TEXT", "n", "NUMERIC", "SORTABLE")
    watched("HSET", "f:1", "t", "x " * 1000, "n", 1)
    letters = ",".join(f"a{n}" for n in range(1000))
    splits = [word for n in range(8) for word in ("APPLY", f"split('{letters}')", "AS", f"s{n}")]
    groups = ["GROUPBY", 8, *(f"@s{n}" for n in range(8)), "REDUCE", "COUNT", 0]
    reply = watched("FT.AGGREGATE", "few", "*", *splits, *groups, "LIMIT", 0, 3, "TIMEOUT", 0)
    assert len(reply) == 4
    watched("FT.AGGREGATE", "few", "*", "LOAD", 1, "t", *splits[:8], "GROUPBY", 3, "@s0", "@s1", "@t", "LIMIT", 0, 3)
    # The cursor of another index is none.
    _, cursor = watched("FT.AGGREGATE", "i", "*", "LOAD", 1, "n", "FILTER", "@n<2 || @n>2998", "WITHCURSOR", "COUNT", 1, "TIMEOUT", 0)
    for command in ("READ", "DEL"):
        assert "ursor" in ask(watched, "FT.CURSOR", command, "few", cursor)
    seen = 1
    while cursor:
        (_, *rows), cursor = watched("FT.CURSOR", "READ", "i", cursor)
        seen += len(rows)
    assert seen == 3


def test_wide_schemas_and_documents(watched):
    fields = [word for n in range(1000) for word in (f"f{n}", "NUMERIC")]
    assert watched("FT.CREATE", "wide", "PREFIX", 1, "w:", "SCHEMA", *fields) == "OK"
    assert "limited" in ask(watched, "FT.CREATE", "wider", "PREFIX", 1, "w:", "SCHEMA", *(w for n in range(10_000) for w in (f"f{n}", "NUMERIC")))
    for n in range(8):
        watched("HSET", f"w:{n}", *(word for at in range(10_000) for word in (f"f{at}", at + n)))
    assert watched("FT.SEARCH", "wide", " ".join(f"@f{n}:[{n} {n + 5}]" for n in range(1000)), "NOCONTENT", "LIMIT", 0, 0, "TIMEOUT", 0) == [6]
    assert len(watched("FT.AGGREGATE", "wide", "*", "LOAD", "*", "LIMIT", 0, 5, "TIMEOUT", 0)) == 6
    ask(watched, "FT.AGGREGATE", "wide", "*", "LOAD", 1000, *(f"@f{n}" for n in range(1000)), "SORTBY", 1, "@f5")
    ask(watched, "FT.CREATE", "text", "PREFIX", 1, "w:", "SCHEMA", *(word for n in range(200) for word in (f"f{n}", "TEXT")))
    watched("HSET", "d:long", "t", "word " * 400_000, "g", ",".join(f"tag{n}" for n in range(50_000)), "n", 1)
    assert watched("FT.SEARCH", "i", "word", "NOCONTENT", "TIMEOUT", 0) == [1, b"d:long"]
    watched("DEL", "d:long")
    eventually(lambda: watched("FT.SEARCH", "i", "word", "NOCONTENT") == [0])
