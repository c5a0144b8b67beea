"""GEOSHAPE fields: WITHIN, CONTAINS, INTERSECTS and DISJOINT. Random shapes are in test_search_differential.py."""

import json

import pytest
import redis
from redis.commands.search.field import GeoShapeField, TagField
from redis.commands.search.index_definition import IndexDefinition, IndexType
from redis.commands.search.query import Query

from resp import ReplyError
from servers import eventually

SQUARE = "POLYGON((0 0, 0 10, 10 10, 10 0, 0 0))"
SHAPES = {
    "s:inside": "POINT(5 5)",
    "s:edge": "POINT(0 5)",
    "s:corner": "POINT(10 10)",
    "s:outside": "POINT(10.000001 10)",
    "s:square": SQUARE,
    "s:small": "POLYGON((1 1, 1 9, 9 9, 9 1, 1 1))",
    "s:large": "POLYGON((-1 -1, -1 11, 11 11, 11 -1, -1 -1))",
    "s:across": "POLYGON((5 5, 5 15, 15 15, 15 5, 5 5))",
    "s:neighbour": "POLYGON((10 0, 10 10, 20 10, 20 0, 10 0))",
    "s:frame": "POLYGON((-5 -5, -5 15, 15 15, 15 -5, -5 -5), (0 0, 0 10, 10 10, 10 0, 0 0))",
    "s:far": "POLYGON((100 50, 100 60, 110 60, 100 50))",
}
# How each lies to the square.
WITHIN = {"s:inside", "s:square", "s:small"}
CONTAINS = {"s:square", "s:large"}
DISJOINT = {"s:outside", "s:far"}


pytestmark = pytest.mark.usefixtures("has_search")


@pytest.fixture
def conn(clean):
    return clean.connect()


def find(conn, query, *more, dialect=2):
    reply = conn("FT.SEARCH", "i", query, "NOCONTENT", *more, "LIMIT", 0, 1000, "DIALECT", dialect)
    assert reply[0] == len(reply) - 1
    return {key.decode() for key in reply[1:]}


def info(conn):
    reply = conn("FT.INFO", "i")
    return dict(zip(map(text, reply[::2]), reply[1::2]))


def text(word):
    return word.decode() if isinstance(word, bytes) else word


def fill(conn, on="HASH"):
    for key, shape in SHAPES.items():
        conn(*(["HSET", key, "g", shape] if on == "HASH" else ["JSON.SET", key, "$", json.dumps({"g": shape})]))
    conn("HSET", "s:none", "x", 1) if on == "HASH" else conn("JSON.SET", "s:none", "$", "{}")


def create(conn, on="HASH", kind="FLAT", *more):
    path = ["g"] if on == "HASH" else ["$.g", "AS", "g"]
    assert conn("FT.CREATE", "i", "ON", on, "PREFIX", 1, "s:", "SCHEMA", *path, "GEOSHAPE", kind, *more) == "OK"


@pytest.mark.parametrize("on", ["HASH", "JSON"])
@pytest.mark.parametrize("kind", ["FLAT", "SPHERICAL"])
def test_predicates(conn, on, kind):
    create(conn, on, kind, "INDEXMISSING")
    fill(conn, on)
    for dialect in (2, 3, 4):
        ask = lambda query: find(conn, query, "PARAMS", 2, "w", SQUARE, dialect=dialect)
        assert ask("@g:[WITHIN $w]") == WITHIN
        assert ask("@g:[contains $w]") == CONTAINS
        assert ask("@g:[Disjoint $w]") == DISJOINT
        assert ask("@g:[INTERSECTS $w]") == set(SHAPES) - DISJOINT
        assert ask("-@g:[INTERSECTS $w]") == DISJOINT | {"s:none"}
        assert ask("ismissing(@g)") == {"s:none"}
        assert ask("@g:[WITHIN $w] | @g:[CONTAINS $w]") == WITHIN | CONTAINS
        assert ask("(@g:[WITHIN $w] @g:[CONTAINS $w])=>{$weight: 2}") == {"s:square"}
    point = ["PARAMS", 2, "w", "point (5 5)"]
    assert find(conn, "@g:[WITHIN $w]", *point) == {"s:inside"}
    assert find(conn, "@g:[CONTAINS $w]", *point) == {"s:inside", "s:square", "s:small", "s:large"}
    assert find(conn, "@g:[INTERSECTS $w]", *point) == {"s:inside", "s:square", "s:small", "s:large", "s:across"}


def test_changes_and_a_restart(server, conn):
    fill(conn)
    create(conn, "HASH", "FLAT", "INDEXMISSING")
    eventually(lambda: info(conn)["indexing"] == 0)
    within = lambda: find(conn, "@g:[WITHIN $w]", "PARAMS", 2, "w", SQUARE)
    assert within() == WITHIN
    conn("HSET", "s:far", "g", "POINT(1 1)")
    conn("HSET", "s:small", "g", "POINT(-1 1)")
    conn("HDEL", "s:inside", "g")
    conn("HSET", "s:inside", "x", 1)
    conn("RENAME", "s:square", "s:renamed")
    conn("DEL", "s:edge")
    expected = {"s:far", "s:renamed"}
    assert within() == expected
    assert find(conn, "ismissing(@g)") == {"s:none", "s:inside"}
    assert conn("FT.CHECK", "i") == len(SHAPES)
    conn("DEBUG", "RELOAD")
    eventually(lambda: info(conn)["indexing"] == 0 and within() == expected)
    assert conn("FT.CHECK", "i") == len(SHAPES)


@pytest.mark.parametrize("on", ["HASH", "JSON"])
def test_what_is_no_shape_keeps_its_document_out(conn, on):
    create(conn, on, "SPHERICAL")
    fill(conn, on)
    wrong = ["", "POINT", "POINT(1)", "POINT(nan 1)", "POINT(181 1)", "POINT(1 91)", "POLYGON((0 0,1 0,1 1))", "LINESTRING(0 0, 1 1)", "POINT(1 1) x"]
    for count, shape in enumerate(wrong, 1):
        conn(*(["HSET", "s:far", "g", shape] if on == "HASH" else ["JSON.SET", "s:far", "$", json.dumps({"g": shape})]))
        now = info(conn)
        assert int(now["hash_indexing_failures"]) == count
        assert int(now["num_docs"]) == len(SHAPES)
        errors = dict(zip(map(text, now["Index Errors"][::2]), now["Index Errors"][1::2]))
        assert "Error indexing geoshape" in text(errors["last indexing error"])
        assert text(errors["last indexing error key"]) == "s:far"
    conn(*(["HSET", "s:far", "g", "POINT(1 1)"] if on == "HASH" else ["JSON.SET", "s:far", "$", '{"g": "POINT(1 1)"}']))
    assert "s:far" in find(conn, "@g:[WITHIN $w]", "PARAMS", 2, "w", SQUARE)


def test_shapes_of_one_document_count_as_one(conn):
    conn("FT.CREATE", "i", "ON", "JSON", "PREFIX", 1, "s:", "SCHEMA", "$.g[*]", "AS", "g", "GEOSHAPE", "FLAT")
    two = ["POINT(5 5)", "POLYGON((20 20, 20 30, 30 30, 20 20))"]
    for key, shapes in {"s:two": two, "s:one": two[:1], "s:no": [], "s:null": None}.items():
        conn("JSON.SET", key, "$", json.dumps({"g": shapes}))
    ask = lambda predicate, shape: find(conn, f"@g:[{predicate} $w]", "PARAMS", 2, "w", shape)
    assert ask("WITHIN", SQUARE) == {"s:one"}
    assert ask("INTERSECTS", SQUARE) == {"s:one", "s:two"}
    assert ask("DISJOINT", SQUARE) == set()
    assert ask("DISJOINT", "POINT(25 28)") == {"s:one"}
    assert ask("CONTAINS", "POINT(22 28)") == {"s:two"}
    assert ask("WITHIN", "POLYGON((-1 -1, -1 99, 99 99, 99 -1, -1 -1))") == {"s:one", "s:two"}


def test_geojson(conn):
    create(conn, "JSON")
    for key, shape in {"s:1": {"type": "Point", "coordinates": [5, 5]}, "s:2": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 99], [0, 0]]]}}.items():
        conn("JSON.SET", key, "$", json.dumps({"g": shape}))
    assert find(conn, "@g:[WITHIN $w]", "PARAMS", 2, "w", SQUARE) == {"s:1"}
    assert find(conn, "@g:[INTERSECTS $w]", "PARAMS", 2, "w", SQUARE) == {"s:1", "s:2"}
    conn("JSON.SET", "s:1", "$.g", '{"type": "LineString", "coordinates": [[1, 1], [2, 2]]}')
    assert int(info(conn)["hash_indexing_failures"]) == 1 and int(info(conn)["num_docs"]) == 1


def test_errors(conn):
    conn("FT.CREATE", "i", "SCHEMA", "g", "GEOSHAPE", "FLAT", "e", "GEOSHAPE", "t", "TAG", "n", "GEOSHAPE", "NOINDEX")
    ask = lambda query, *params: conn("FT.SEARCH", "i", query, *(["PARAMS", len(params), *params] if params else []), "DIALECT", 2)
    for query, params, why in [
        ("@g:[WITHIN $w]", ["w", "POINT(1"], "Error parsing geoshape: a coordinate is not a number"),
        ("@e:[WITHIN $w]", ["w", "POINT(200 1)"], "Error parsing geoshape: a longitude is beyond 180"),
        ("@g:[WITHIN $w]", ["v", SQUARE], "Parameter not found `w`"),
        ("@t:[WITHIN $w]", ["w", SQUARE], "Expected a GEOSHAPE field at offset 0 near t"),
        ("@x:[WITHIN $w]", ["w", SQUARE], "Unknown field at offset 0 near x"),
        ("@g:[TOUCHES $w]", ["w", SQUARE], "Syntax error"),
        ("@g:[WITHIN POINT]", [], "Syntax error"),
        ("@g:[WITHIN $w", ["w", SQUARE], "Syntax error"),
        ("@g:[1 2]", [], "Expected a NUMERIC field"),
    ]:
        with pytest.raises(ReplyError, match=why):
            ask(query, *params)
    conn("HSET", "a", "n", "POINT(1 1)", "g", "POINT(200 200)")
    assert ask("@n:[WITHIN $w]", "w", SQUARE) == [0]
    assert ask("@g:[DISJOINT $w]", "w", SQUARE)[:2] == [1, b"a"]


def test_what_is_told_of_them(conn):
    create(conn)
    empty = float(info(conn)["geoshapes_sz_mb"])
    conn.pipeline([["HSET", f"s:{n}", "g", f"POLYGON(({n} 0, {n} 1, {n + 1} 1, {n} 0))"] for n in range(1000)])
    told = info(conn)
    assert empty < 0.001 < 0.06 < float(told["geoshapes_sz_mb"]) < 0.6
    [attribute] = told["attributes"]
    assert list(map(text, attribute[4:])) == ["type", "GEOSHAPE", "coord_system", "FLAT"]
    words = ["@g:[WITHIN $w]", "PARAMS", 2, "w", SQUARE, "DIALECT", 2]
    assert text(conn("FT.EXPLAIN", "i", *words)) == "GEOSHAPE g:{WITHIN $w}\n"
    assert b"GEOSHAPE" in str(conn("FT.PROFILE", "i", "SEARCH", "QUERY", *words)).encode()


def test_a_long_comparison_ends_in_time(conn):
    """Two combs of thousands of teeth that stand between each other are compared edge by edge, away from the main thread."""

    def comb(low, east, north, west):
        teeth = [point for at in range(1200) for point in ((4 * at, low), (4 * at + 1, low + 1000))]
        ring = [*teeth, (east, low + 1000), (east, north), (west, north), teeth[0]]
        return f"POLYGON(({', '.join(f'{x} {y}' for x, y in ring)}))"

    create(conn)
    inner, outer = comb(1, 4990, 1500, -5), comb(0, 5000, 2000, -9)
    for n in range(40):
        conn("HSET", f"s:{n}", "g", inner)
    conn("FT.CONFIG", "SET", "ON_TIMEOUT", "FAIL")
    try:
        with pytest.raises(ReplyError, match="Timeout limit was reached"):
            find(conn, "@g:[WITHIN $w]", "PARAMS", 2, "w", outer, "TIMEOUT", 1)
    finally:
        conn("FT.CONFIG", "SET", "ON_TIMEOUT", "RETURN")
    assert find(conn, "@g:[DISJOINT $w]", "PARAMS", 2, "w", outer, "TIMEOUT", 1) == set()
    conn("DEL", *[f"s:{n}" for n in range(1, 40)])
    assert find(conn, "@g:[WITHIN $w]", "PARAMS", 2, "w", outer, "TIMEOUT", 0) == {"s:0"}


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("system", [GeoShapeField.FLAT, GeoShapeField.SPHERICAL])
def test_redis_py(clean, protocol, system):
    if protocol == 3 and not clean.modern:
        return
    client = redis.Redis(port=clean.port, protocol=protocol, decode_responses=True)
    definition = IndexDefinition(prefix=["s:"], index_type=IndexType.HASH)
    client.ft("i").create_index([GeoShapeField("g", system), TagField("t")], definition=definition)
    for key, shape in SHAPES.items():
        client.hset(key, mapping={"g": shape, "t": "a"})
    ids = lambda reply: {row["id"] for row in reply["results"]} if protocol == 3 else {row.id for row in reply.docs}
    for predicate, expected in {"WITHIN": WITHIN, "CONTAINS": CONTAINS, "DISJOINT": DISJOINT, "INTERSECTS": set(SHAPES) - DISJOINT}.items():
        query = Query(f"@t:{{a}} @g:[{predicate} $shape]").dialect(3).paging(0, 100)
        assert ids(client.ft("i").search(query, query_params={"shape": SQUARE})) == expected
    client.close()
