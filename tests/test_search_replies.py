"""Every reply of search as RediSearch gives it, in both protocols; where we differ on purpose, as the recordings say."""

import json
import pathlib

import pytest

from search_recorded import Client, encoded, play, same

RECORDED = json.loads((pathlib.Path(__file__).parent / "data/search-replies.json").read_text())


# Where we differ though the recordings do not say so.
DIFFERENT = [
    ["FT.AGGREGATE", "i", "@m:[1 30]", "APPLY", "@n", "AS", "r"],  # the error, always, where RediSearch depends on the order of rows
    ["FT.AGGREGATE", "i", "hello", "LOAD", "1", "t", "APPLY", "matched_terms()", "AS", "r"],  # nil
    ["FT.SEARCH", "i", "@n:[$a 5]", "PARAMS", "2", "a", "(2", "NOCONTENT", "DIALECT", "2"],  # a parameter is a number
]

# The reference was recorded without JSON documents.
WITHOUT_JSON = [["FT.CREATE", "i", "ON", "JSON", "SCHEMA", "$.t", "AS", "t", "TEXT"]]

# Words of which the texts are free: explanations, and the lengths of fragments.
FREE = {"EXPLAINSCORE", "SUMMARIZE", "ba*"}

# From this step on RediSearch has a document twice.
UNTIL = {"life cycle: writes, rename, copy, delete, type change": ["RENAME", "d:2", "d:3"]}

# Servers that let a module's commands belong to no category: +@read does not allow FT.SEARCH there.
WITHOUT_CATEGORIES = {"redis62", "redis70"}


def names_of_commands(scenario):
    steps = [step if isinstance(step, list) else step.get("command") for step in scenario["setup"] + scenario["steps"]]
    return {step[0] for step in steps if step and isinstance(step[0], str)}


def lacks(client, scenario):
    return [
        name
        for name in sorted(names_of_commands(scenario))
        if not name.upper().startswith("FT.") and client("COMMAND", "INFO", name) in ([None], [[]], [])
    ]


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("scenario", RECORDED["scenarios"], ids=lambda scenario: scenario["name"])
def test_replies(clean, scenario, protocol):
    if protocol == 3 and clean.kind == "redis62":
        return  # has no maps for modules
    plain = Client(clean.port, 2)
    if lacks(plain, scenario) or scenario["name"] == "access control" and clean.kind in WITHOUT_CATEGORIES:
        return
    plain("FLUSHALL")
    if "FT.CONFIG" in names_of_commands(scenario):
        plain("FT.CONFIG", "SET", "TIMEOUT", "500")  # as by default
    client = Client(clean.port, protocol)
    wrong, ended = [], []

    def check(step, got):
        words = step["command"]
        ended.extend([words] if words == UNTIL.get(scenario["name"]) else [])
        is_free = any(isinstance(word, str) and word in FREE for word in words) and not isinstance(step["resp2"], dict)
        if ended or is_free or words in DIFFERENT:
            return
        want = step.get(f"want{protocol}", step[f"resp{protocol}"])
        if not same(step, want, got):
            wrong.append(f"{step['command']}\n  want {json.dumps(want)}\n  got  {json.dumps(got)}")

    steps = [step for step in scenario["steps"] if step.get("command") not in WITHOUT_JSON]
    play(client, {**scenario, "steps": steps}, check)
    client.close()
    plain.close()
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("case", RECORDED["crashes"]["cases"], ids=lambda case: case["commands"][-1][0])
def test_what_ends_the_reference_does_not_end_us(clean, case):
    client = Client(clean.port, 2)
    cursor = None
    for command in case["commands"]:
        words = [cursor if isinstance(word, dict) and "var" in word else word for word in command]
        reply = client(*map(encoded, words))
        if command[0] == "FT.AGGREGATE" and isinstance(reply, list):
            cursor = reply[1]
    if isinstance(case["want"], dict):
        assert same({"command": command, "compare": "exact"}, case["want"], reply), reply
    else:
        assert isinstance(reply, list), reply
    assert client("PING") == "PONG"
