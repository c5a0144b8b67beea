"""Queries over small sets of documents, with the documents and scores that they have to find."""

import json
import pathlib
import re
import struct

import pytest

from search_recorded import Client

CASES = json.loads((pathlib.Path(__file__).parent / "data/search-cases.json").read_text())


def word(value):
    return struct.pack(f"<{len(value)}f", *value) if isinstance(value, list) else str(value)


def fill(client, documents):
    client("FLUSHALL")
    created = client("FT.CREATE", "x", "ON", documents["on"], *documents.get("options", []), "SCHEMA", *documents["schema"])
    assert created == "OK", created
    for group, words in documents.get("synonyms", {}).items():
        client("FT.SYNUPDATE", "x", group, *words)
    for key, document in documents["docs"].items():
        if documents["on"] == "JSON":
            client("JSON.SET", key, "$", json.dumps(document))
        else:
            client("HSET", key, *[part for field in document.items() for part in (field[0], word(field[1]))])


def difference(client, case):
    """Why the reply is not what the case expects; None if it is."""
    words = ["FT.SEARCH", "x", case["query"], "NOCONTENT", "LIMIT", "0", "100000", "DIALECT", case["dialect"]]
    words += case.get("args", [])
    if case.get("scorer"):
        words += ["SCORER", case["scorer"]]
    if case.get("scores"):
        words += ["WITHSCORES"]
    params = [part for name, value in case.get("params", {}).items() for part in (name, word(value))]
    reply = client(*words, *(["PARAMS", len(params), *params] if params else []))
    expect = case["expect"]
    if isinstance(reply, dict):
        fits = isinstance(expect, dict) and expect["error"].lower() in reply["error"].lower()
        return None if fits else reply["error"]
    keys = reply[1::2] if case.get("scores") else reply[1:]
    if isinstance(expect, dict) or sorted(keys) != sorted(expect):
        return keys
    if case.get("order") and keys != case["order"]:
        return f"order {keys}"
    scores = dict(zip(keys, map(float, reply[2::2]))) if case.get("scores") else {}
    if any(abs(scores[key] - score) > 1e-5 * max(1, abs(score)) for key, score in case.get("scores", {}).items()):
        return f"scores {scores}"
    return None


@pytest.mark.parametrize("name", CASES["sets"])
def test_cases(clean, name):
    client = Client(clean.port, 2)
    documents = CASES["sets"][name]
    if documents["on"] == "JSON" and client("COMMAND", "INFO", "JSON.SET") in ([None], [[]]):
        return
    fill(client, documents)
    cases = [case for case in CASES["cases"] if case["set"] == name]
    differing = [(case, difference(client, case)) for case in cases]
    wrong = [f"{case['query']!r} (dialect {case['dialect']}) {case['expect']}: {why}" for case, why in differing if why is not None]
    client.close()
    assert not wrong, "\n" + "\n".join(wrong)


def test_expressions(clean):
    client = Client(clean.port, 2)
    client("FT.CREATE", "x", "SCHEMA", "zz", "TEXT")
    wrong = []
    for case in CASES.get("expressions", []):
        row = case.get("row", {})
        client("DEL", "r")
        client("HSET", "r", "zz", "w", *[part for field in row.items() for part in (field[0], str(field[1]))])
        names = sorted(set(row) | set(re.findall(r"@([A-Za-z_]+)", case["expr"])))
        load = ["LOAD", len(names), *names] if names else []
        reply = client("FT.AGGREGATE", "x", "w", *load, "APPLY", case["expr"], "AS", "out", "DIALECT", "2")
        expect = case["expect"]
        if isinstance(reply, dict):
            fits = isinstance(expect, dict) and expect["error"].lower() in reply["error"].lower()
            got = reply["error"]
        else:
            got = dict(zip(reply[1][::2], reply[1][1::2])).get("out", "<absent>") if len(reply) > 1 else "<no row>"
            fits = got == expect
        if not fits:
            wrong.append(f"{case['expr']!r} of {row}: wants {expect}, got {got}")
    client.close()
    assert not wrong, "\n" + "\n".join(wrong)
