"""What a query makes of few documents: long texts, lists of them, paths that look at a document again and again. Its work and its
memory have bounds, and others are served while it runs."""

import json
import select

import pytest

from resp import ReplyError
from servers import eventually


pytestmark = pytest.mark.usefixtures("has_search")


@pytest.fixture
def c(clean):
    conn = clean.connect()
    yield conn
    assert clean.alive()


MEBIBYTE = "x" * (1 << 20)


def numbers(c, count):
    c("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "n", "NUMERIC", "SORTABLE", "g", "TAG", "SORTABLE")
    c.pipeline([("HSET", f"d:{n}", "n", n, "g", n % 3) for n in range(count)])


def served(clean, times, *command):
    """The reply of a command, while which another client is served so many times at least."""
    c, other = clean.connect(), clean.connect()
    for _ in range(50):  # on a busy machine this process may be late
        other.send(*command)
        count = 0
        while not select.select([other.socket], [], [], 0)[0]:
            count += c("PING") == "PONG"
        reply = other.read()
        if count >= times:
            return reply
    raise AssertionError(f"another client was served {count} times")


def test_rows_that_take_all_memory_are_refused(c):
    numbers(c, 1200)
    literal = f"'{MEBIBYTE}'"
    apply = ("FT.AGGREGATE", "i", "*", "TIMEOUT", 0, "APPLY", literal, "AS", "a")
    with pytest.raises(ReplyError, match="too much memory"):
        c(*apply, "APPLY", "@n", "AS", "b")
    group = ("GROUPBY", 0, "REDUCE", "RANDOM_SAMPLE", 2, "@a", 1000, "AS")
    again = ("REDUCE", "RANDOM_SAMPLE", 2, "@a", 1000, "AS")
    with pytest.raises(ReplyError, match="too much memory"):
        c("FT.AGGREGATE", "i", "@n:[0 999]", *apply[3:], *group, "s", *again, "t", *again, "u")
    assert c("FT.AGGREGATE", "i", "@n:[0 999]", *apply[3:], *group, "s", "APPLY", "exists(@s)", "AS", "s") == [1, [b"s", b"1"]]
    for text in ("format('%s', @s)", "to_str(@s)", "strlen(to_str(@s))"):
        with pytest.raises(ReplyError, match="too long|too much text"):
            c("FT.AGGREGATE", "i", "@n:[0 999]", *apply[3:], *group, "s", "APPLY", text, "AS", "s")


def test_texts_that_grow_are_made_beside_the_main_thread(clean, c):
    """However few documents there are."""
    numbers(c, 200)
    grow = ["APPLY", "format('%s%s%s%s', @a, @a, @a, @a)", "AS", "a"] * 9
    again = ["APPLY", "upper(lower(@a))", "AS", "b"]
    reply = served(clean, 3, "FT.AGGREGATE", "i", "*", "APPLY", "'abc'", "AS", "a", *grow, *again,
                   "GROUPBY", 0, "REDUCE", "COUNT", 0, "AS", "n", "TIMEOUT", 0)  # fmt: skip
    assert reply == [1, [b"n", b"200"]]


def test_a_filter_of_an_index_looks_at_a_bounded_text(c):
    """It is evaluated by the main thread at each write."""
    many = " && ".join(["strlen(@t) > 1"] * 60)
    c("FT.CREATE", "once", "PREFIX", 1, "d:", "FILTER", "strlen(@t) > 1", "SCHEMA", "n", "NUMERIC")
    c("FT.CREATE", "often", "PREFIX", 1, "d:", "FILTER", many, "SCHEMA", "n", "NUMERIC")
    c("HSET", "d:1", "t", MEBIBYTE, "n", 1)
    c("HSET", "d:2", "t", "short", "n", 2)
    assert c("FT.SEARCH", "once", "*", "NOCONTENT")[0] == 2
    assert c("FT.SEARCH", "often", "*", "NOCONTENT") == [1, b"d:2"]
    # So many separators were looked at for each byte of a text.
    c("FT.CREATE", "split", "PREFIX", 1, "e:", "FILTER", "exists(split(@t, @s, @s))", "SCHEMA", "n", "NUMERIC")
    c("HSET", "e:1", "t", MEBIBYTE, "s", MEBIBYTE.replace("x", "y"), "n", 1)
    assert c("FT.SEARCH", "split", "*", "NOCONTENT") == [1, b"e:1"]


def test_paths_that_search_documents_are_followed_in_slices(clean, c):
    c("FT.CREATE", "i", "ON", "JSON", "PREFIX", 1, "d:", "SCHEMA", "$.n", "AS", "n", "NUMERIC")
    document = json.dumps({"n": 1, "a": [{"b": [{"c": n}]} for n in range(800)]})
    c.pipeline([("JSON.SET", f"d:{n}", "$", document) for n in range(40)])
    eventually(lambda: c("FT.SEARCH", "i", "*", "NOCONTENT", "LIMIT", 0, 0) == [40])
    costly = [f"$..[?(@..[?(@..c == {n})])]" for n in range(-4, 0)]
    shown = ("RETURN", len(costly), *costly)
    for command in (
        ("FT.SEARCH", "i", "*", *shown, "LIMIT", 0, 40, "TIMEOUT", 0),
        ("FT.AGGREGATE", "i", "*", "LOAD", len(costly), *costly, "LIMIT", 0, 40, "TIMEOUT", 0),
    ):
        assert served(clean, 6, *command)[0] == 40
