"""Limits of queries that all clients wait for (in MULTI and scripts): counted in work done, never in seconds."""

import json

import pytest

from resp import ReplyError, error, pairs

# So many that no machine looks at all of them in the milliseconds that they are given here.
COUNT = 30_000


pytestmark = pytest.mark.usefixtures("has_search")


@pytest.fixture
def settings(c):
    """Sets settings of search; they are the default ones again in the end."""
    yield lambda *pairs: [c("FT.CONFIG", "SET", *pair) for pair in pairs]
    c("FT.CONFIG", "SET", "TIMEOUT", 500)
    c("FT.CONFIG", "SET", "ON_TIMEOUT", "return")


@pytest.fixture
def many(c):
    c("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT", "NOINDEX", "g", "TAG")
    c.pipeline([("HSET", f"d:{n}", "t", f"text {n % 7}", "g", "a") for n in range(COUNT)])
    return c


WIDE = ("LIMIT", 0, COUNT)
QUERIES = {
    "rows": ("FT.SEARCH", "i", "@g:{a}", *WIDE, "RETURN", 1, "t"),
    "order": ("FT.SEARCH", "i", "@g:{a}", "SORTBY", "t", *WIDE, "NOCONTENT"),
    "aggregation": ("FT.AGGREGATE", "i", "@g:{a}", "LOAD", 1, "t", *WIDE),
}


def rows(reply, name):
    return len(reply) - 1 if name != "rows" else (len(reply) - 1) // 2


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_that_all_wait_for_ends(many, settings, name):
    query = QUERIES[name]
    assert rows(many(*query, "TIMEOUT", 0), name) == COUNT
    script = "return redis.call(unpack(ARGV))"
    many("MULTI")
    many(*query, "TIMEOUT", 1)
    assert rows(many("EXEC")[0], name) < COUNT
    assert rows(many("EVAL", script, 0, *query, "TIMEOUT", 1), name) < COUNT
    # No limit of its own makes it longer than the server's.
    settings(("TIMEOUT", 1))
    for timeout in ((), ("TIMEOUT", 0), ("TIMEOUT", 1_000_000)):
        assert rows(many("EVAL", script, 0, *query, *timeout), name) < COUNT
    settings(("ON_TIMEOUT", "fail"))
    with pytest.raises(ReplyError, match="SEARCH_TIMEOUT Timeout limit was reached"):
        many("EVAL", script, 0, *query, "TIMEOUT", 0)
    settings(("TIMEOUT", 0))
    assert rows(many("EVAL", script, 0, *query, "TIMEOUT", 0), name) == COUNT


def test_a_spell_check_ends(c, settings):
    c("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT", "NOSTEM")
    words = [f"word{n}x" for n in range(20_000)]
    c.pipeline([("HSET", f"d:{n}", "t", " ".join(words[n : n + 100])) for n in range(0, len(words), 100)])
    c.pipeline([("FT.DICTADD", "known", *words[n : n + 1000]) for n in range(0, len(words), 1000)])
    unknown = " ".join(f"word{n}y" for n in range(500))
    check = ("FT.SPELLCHECK", "i", unknown, "TERMS", "INCLUDE", "known")
    settings(("TIMEOUT", 1))
    assert len(c(*check)) < 500
    c("MULTI")
    c(*check)
    assert len(c("EXEC")[0]) < 500
    settings(("ON_TIMEOUT", "fail"))
    with error("SEARCH_TIMEOUT Timeout limit was reached"):
        c(*check)
    settings(("TIMEOUT", 0))
    (found,) = c("FT.SPELLCHECK", "i", "word7y", "TERMS", "INCLUDE", "known")
    assert {word for _, word in found[2]} >= {b"word7x"}


def test_a_document_that_paths_multiply_is_refused(c):
    """Hundreds of fields that each look at all of a document: members by name share one look; others have a bound, past which the
    document is left out and counted."""
    document = json.dumps([{f"x{n % 400}": n} for n in range(4000)])
    named = [word for n in range(400) for word in (f"$..x{n}", "AS", f"x{n}", "NUMERIC")]
    c("FT.CREATE", "named", "ON", "JSON", "PREFIX", 1, "d:", "SCHEMA", *named)
    c("JSON.SET", "d:1", "$", document)
    assert c("FT.SEARCH", "named", "@x7:[407 407]", "NOCONTENT") == [1, b"d:1"]
    assert c("FT.SEARCH", "named", "@x399:[398 398]", "NOCONTENT") == [0]
    c("FT.CREATE", "tested", "ON", "JSON", "PREFIX", 1, "d:", "SCHEMA",
      *(word for n in range(400) for word in (f"$..[?(@.x{n} == {n} || @.y{n} == {n})].x{n}", "AS", f"x{n}", "NUMERIC")))  # fmt: skip
    c("JSON.SET", "d:2", "$", document)
    c("JSON.SET", "d:3", "$", '[{"x5": 5}]')
    assert c("FT.SEARCH", "tested", "@x5:[5 5]", "NOCONTENT") == [1, b"d:3"]
    failures = pairs(c("FT.INFO", "tested"))
    assert int(failures["hash_indexing_failures"]) > 0
    assert c("FT.SEARCH", "named", "@x7:[407 407]", "NOCONTENT")[0] == 2
    assert c("FT.CHECK", "named") == 3
