"""FT.HYBRID's explanations: how each row's score is computed, in both protocols. What rows hold else is recorded
(test_search_replies.py)."""

import struct

import pytest

HELLO = ["Other", "hello hello hello", "hello there", "Hello World of words", "nothing"]
VECTORS = [(0, 2), (9, 9), (1, 0), (0, 0), (3, 3)]


def vector(*numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


@pytest.fixture(params=[2, 3])
def conn(clean, request):
    """A connection of either protocol to a server with five documents."""
    if request.param == 3 and clean.kind == "redis62":
        return clean.connect()  # has no maps for modules
    return clean.connect(protocol=request.param)


@pytest.fixture
def filled(conn):
    conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT", "score", "NUMERIC", "n", "NUMERIC", "SORTABLE", "v", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32",
         "DIM", 2, "DISTANCE_METRIC", "L2")  # fmt: skip
    for n, (text, numbers) in enumerate(zip(HELLO, VECTORS)):
        conn("HSET", f"d:{n}", "t", text, "score", n, "n", n, "v", vector(*numbers))
    return conn


def listed(row):
    """Names, as text, and values in turn."""
    flat = [part for pair in row.items() for part in pair] if isinstance(row, dict) else list(row)
    return [part.decode() if i % 2 == 0 and isinstance(part, bytes) else part for i, part in enumerate(flat)]


def named(row):
    flat = listed(row)
    return dict(zip(flat[::2], flat[1::2]))


def hybrid(conn, *more):
    reply = conn("FT.HYBRID", "i", "SEARCH", "hello", "VSIM", "@v", "$q", "KNN", 2, "K", 3, *more, "PARAMS", 2, "q", vector(1, 1))
    return named(reply)["results"]


def texts(explanation):
    """All texts of an explanation: a text, or a text and its parts."""
    if isinstance(explanation, bytes):
        return [explanation.decode()]
    text, parts = explanation
    return [text.decode()] + [inner for part in parts for inner in texts(part)]


def test_tags_select_and_do_not_score(conn):
    conn("FT.CREATE", "i", "PREFIX", 1, "d:", "SCHEMA", "t", "TEXT", "g", "TAG", "v", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", 2, "DISTANCE_METRIC", "L2")
    for n, (tag, numbers) in enumerate([("rare", (5, 5)), ("common", (1, 1)), ("common", (1, 2)), ("common", (3, 3))]):
        conn("HSET", f"d:{n}", "t", "hello", "g", tag, "v", vector(*numbers))

    def rows(text):
        arguments = ["VSIM", "@v", "$q", "COMBINE", "LINEAR", 4, "ALPHA", 0.5, "BETA", 0.5, "PARAMS", 2, "q", vector(1, 1)]
        return [named(row) for row in named(conn("FT.HYBRID", "i", "SEARCH", text, *arguments))["results"]]

    found = rows("@g:{rare|common}")
    assert [row["__key"] for row in found] == [b"d:1", b"d:2", b"d:3", b"d:0"]
    assert [float(row["__score"]) for row in found] == pytest.approx([0.5 / (1 + squared) for squared in (0, 1, 8, 32)])
    # A word does score.
    assert rows("@g:{rare|common} hello")[0]["__score"] > found[0]["__score"]


@pytest.mark.parametrize("combine", [[], ["COMBINE", "RRF", 2, "CONSTANT", 7], ["COMBINE", "LINEAR", 4, "ALPHA", 0.5, "BETA", 2]])
def test_rows_begin_with_their_explanations(filled, combine):
    names = ["YIELD_SCORE_AS", "vs", *combine]
    rows, plain = hybrid(filled, *names, "EXPLAINSCORE"), hybrid(filled, *names)
    assert len(rows) == len(plain) == 4
    for row, other in zip(rows, plain):
        name, (score, explanation) = listed(row)[:2]
        assert name == "score" and {k: v for k, v in named(row).items() if k != "score"} == named(other)
        assert float(score) == pytest.approx(float(named(other)["__score"]))
        assert isinstance(score, float if isinstance(row, dict) else bytes)
        whole, text, *_ = told = texts(explanation)
        assert whole.startswith("Linear combination" if "LINEAR" in combine else "Reciprocal rank fusion")
        has_text, has_vector = named(other)["__key"] != b"d:0", "vs" in named(other)
        assert text.startswith("Text: rank" if has_text else "Text: not among")
        assert any(line.startswith("Vector: rank" if has_vector else "Vector: not among") for line in told)
        # What the text side knows of its words stands within.
        assert any("hello" in line for line in told) == has_text


def test_fields_of_documents_may_have_any_name(filled):
    for row in hybrid(filled, "LOAD", "*", "EXPLAINSCORE"):
        fields = named(row)
        assert fields["score"] in (b"0", b"1", b"2", b"3")  # the document's own, behind the explanation
        assert isinstance(row, dict) or listed(row)[0] == "score" and isinstance(row[1], list)
    for row in hybrid(filled, "LOAD", 1, "@t", "EXPLAINSCORE"):
        assert list(named(row)) == ["score", "t"]


def test_only_documents_are_explained(filled):
    rows = hybrid(filled, "GROUPBY", 0, "REDUCE", "COUNT", 0, "AS", "n", "EXPLAINSCORE")
    assert [list(named(row)) for row in rows] == [["n"]]
    rows = hybrid(filled, "LOAD", 1, "@__key", "APPLY", "@n * 2", "AS", "twice", "SORTBY", 2, "@twice", "DESC", "LIMIT", 0, 2, "EXPLAINSCORE")
    assert [list(named(row))[0] for row in rows] == ["score", "score"]
