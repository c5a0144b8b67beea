"""examples/play as its users see it: the page in headless Chromium, and the HTTP service behind it.

The pictures docs/play.png and docs/play-search.png are the target/play/page*.png of VSET_PLAY_LIMIT=20000 make test-server PYTEST="-k screenshot".
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest
from playwright.sync_api import expect, sync_playwright

from servers import MODULE, ROOT, binary, eventually

expect.set_options(timeout=120_000)
LIMIT = int(os.environ.get("VSET_PLAY_LIMIT", 500))


@contextlib.contextmanager
def play(limit, *options):
    """The process and its address."""
    command = [sys.executable, ROOT / "examples/play/serve.py", "--port", 0, "--limit", limit, *options]
    command += ["--server", binary("valkey91"), "--module", MODULE]
    process = subprocess.Popen([str(x) for x in command], stdout=subprocess.PIPE, text=True)
    try:
        yield process, next(found[0] for line in process.stdout if (found := re.search(r"http://\S+(?=/)", line)))
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture(scope="module")
def started():
    """With a collection that is complete."""
    with play(LIMIT) as (process, address):
        eventually(lambda: not get(address, "/status")[1]["filling"], timeout=600)
        assert get(address, "/status")[1] == {"stored": LIMIT, "total": LIMIT, "filling": False}
        yield process, address


@pytest.fixture
def address(started):
    return started[1]


def get(address, path, body=None, **query):
    """Status and JSON. A body makes it a POST."""
    url = f"{address}{path}?{urllib.parse.urlencode(query)}"
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=120) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def names(found):
    return [result["name"] for result in found["results"]]


def test_search(address):
    code, found = get(address, "/search", q="a person who is female", count=7)
    assert code == 200 and len(names(found)) == 7
    assert names(found)[0] == "woman.noun.1"
    scores = [result["score"] for result in found["results"]]
    assert scores == sorted(scores, reverse=True) and 0.7 < scores[0] <= 1
    assert found["results"][0]["attributes"]["pos"] == "noun"
    assert found["stored"] >= LIMIT and found["recall"] > 0.5
    assert all(milliseconds > 0 for milliseconds in found["milliseconds"].values())


def test_search_with_a_filter(address):
    code, found = get(address, "/search", q="a person who is female", filter='.pos == "verb" and .words < 8')
    assert code == 200 and len(names(found)) == 10
    for result in found["results"]:
        assert result["attributes"]["pos"] == "verb" and result["attributes"]["words"] < 8
    assert 10 <= found["matching"] < LIMIT
    code, found = get(address, "/search", q="x", filter='.pos == "no such"')
    assert code == 200 and names(found) == [] and found["matching"] == 0 and found["recall"] is None


@pytest.mark.parametrize(
    "query, error",
    [
        ({}, "q must be a text"),
        ({"q": " "}, "q must be a text"),
        ({"q": "x", "count": 0}, "count must be a number from 1 to 100"),
        ({"q": "x", "ef": "many"}, "ef must be a number from 1 to 10,000"),
    ],
)
def test_search_that_is_asked_wrongly(address, query, error):
    code, answer = get(address, "/search", **query)
    assert code == 400 and error in answer["error"]


@pytest.mark.parametrize("filter, at", [(".words ~ 1", 7), ("~", 0), (".words > 3 and", 14), ("(.words > 3", 11), ("  .words ~ 1", 7)])
def test_a_filter_that_cannot_be_read(address, filter, at):
    code, answer = get(address, "/search", q="x", filter=filter)
    assert code == 400
    assert "syntax error in FILTER expression near" in answer["error"] and answer["at"] == at


def documents(address, how, q, **query):
    return get(address, "/documents", q=q, how=how, **query)


def test_documents(address):
    code, found = documents(address, "vector", "a person who is female")
    assert code == 200 and names(found)[0] == "woman.noun.1" and len(names(found)) == 10
    assert found["command"].startswith('FT.SEARCH documents "*=>[KNN 10 @v $q')
    assert names(get(address, "/search", q="a person who is female", ef=500)[1])[:3] == names(found)[:3]
    code, found = documents(address, "text", "woman, person | water", filter="@pos:{noun}")
    assert code == 200 and 1 <= len(names(found)) <= found["matching"]
    assert {r["attributes"]["pos"] for r in found["results"]} == {"noun"}
    code, found = documents(address, "hybrid", "a person who is female", filter="@pos:{noun}")
    assert code == 200 and "woman.noun.1" in names(found)[:3] and found["command"].startswith("FT.HYBRID documents SEARCH")
    assert documents(address, "text", "?!")[1]["results"] == []
    assert documents(address, "no such way", "x")[0] == 400


@pytest.mark.parametrize("filter, at", [("@words > ", 8), ("@wrong:{x}", 0), ("@pos:{noun", 10)])
def test_a_filter_of_documents_that_cannot_be_read(address, filter, at):
    code, answer = documents(address, "text", "water", filter=filter)
    assert code == 400 and answer["at"] == at


def test_ingest(address):
    text = "a wooden boat with three masts and many sails"
    attributes = {"pos": "mine", "masts": 3}
    assert get(address, "/ingest", {"name": "tall ship", "text": text, "attributes": attributes}) == (201, {"name": "tall ship", "new": True})
    assert get(address, "/ingest", {"name": "tall ship", "text": text, "attributes": attributes}) == (200, {"name": "tall ship", "new": False})
    assert get(address, "/ingest", {"text": "just a text"})[1]["name"] == "just a text"
    code, found = get(address, "/search", q="sailing vessel", count=1)
    assert code == 200 and names(found) == ["tall ship"]
    assert found["results"][0]["attributes"] == {"text": text, "words": 9, "pos": "mine", "masts": 3}
    assert names(get(address, "/search", q="anything", filter=".masts == 3")[1]) == ["tall ship"]


@pytest.mark.parametrize(
    "body, error",
    [
        (b"{", "must be JSON"),
        (b"\xff", "must be JSON"),
        ([], "must be JSON objects"),
        ({"text": "x", "attributes": 1}, "must be JSON objects"),
        ({"text": 1}, "text must be a text"),
        ({"text": "x", "name": ""}, "name must be a text"),
        ({"name": "x"}, "text must be a text"),
    ],
)
def test_ingest_of_what_is_no_text(address, body, error):
    before = get(address, "/status")[1]["stored"]
    code, answer = get(address, "/ingest", body)
    assert code == 400 and error in answer["error"]
    assert get(address, "/status")[1]["stored"] == before


def test_neighbourhood(address):
    code, found = get(address, "/neighbourhood", name="woman.noun.1", count=30)
    assert code == 200 and len(found["points"]) == 30
    assert found["points"][0]["name"] == "woman.noun.1"
    assert len({(point["x"], point["y"]) for point in found["points"]}) == 30
    assert found["links"] and all(0 <= a < b < 30 for a, b in found["links"])
    assert 0 < found["shown"] < 1
    code, answer = get(address, "/neighbourhood", name="no such meaning")
    assert code == 400 and "element not found in set" in answer["error"]


@pytest.fixture(scope="module")
def browser():
    # Not the shell on which Playwright was tested, but the browser that people have.
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    """The page, opened. Errors in its script fail the test."""
    page = browser.new_page(viewport={"width": 1240, "height": 960}, device_scale_factor=1)
    page.set_default_timeout(120_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    page.goto(address)
    yield page
    page.close()
    assert not errors


def kinds(page):
    return set(page.locator("#results li .kind").all_inner_texts())


def test_results_come_as_you_type(page):
    rows = page.locator("#results li")
    expect(rows).to_have_count(0)
    page.locator("#query").press_sequentially("wom")
    expect(rows).to_have_count(10)
    page.locator("#query").press_sequentially("an who is grown up", delay=10)
    expect(rows.first.locator("b")).to_have_text("woman")
    expect(rows.first.locator(".score")).to_have_text(re.compile(r"^0\.\d{3}$"))
    for number in ("#search-time", "#exact-time", "#embed-time"):
        expect(page.locator(number)).to_have_text(re.compile(r"^[\d.]+ (µs|ms)$"))
    expect(page.locator("#recall")).to_have_text(re.compile(r"^\d+ %$"))
    expect(page.locator("#plan")).to_contain_text("vectors compared")
    expect(page.locator("#stored")).to_contain_text("meanings")


def test_a_filter_narrows_the_results(page):
    page.fill("#query", "to go from one place to another")
    expect(page.locator("#results li")).to_have_count(10)
    assert any(kind.startswith("verb") for kind in kinds(page))
    page.fill("#filter", '.pos == "adv"')
    expect(page.locator("#plan")).to_contain_text("match")
    assert kinds(page) == {"adv"}
    page.click("#examples button >> nth=0")
    expect(page.locator("#results li .kind").first).to_contain_text("noun")


def test_a_bad_filter_is_shown_where_it_went_wrong(page):
    page.fill("#query", "water")
    expect(page.locator("#error")).to_be_hidden()
    page.fill("#filter", ".words ~ 5")
    expect(page.locator("#error")).to_contain_text("syntax error in FILTER expression")
    expect(page.locator("#error mark")).to_have_text("~ 5")
    page.fill("#filter", ".words < 50")
    expect(page.locator("#error")).to_be_hidden()
    expect(page.locator("#results li")).to_have_count(10)


def test_something_to_click_before_one_types(page):
    page.click("#queries button >> nth=0")
    expect(page.locator("#results li")).to_have_count(10)
    expect(page.locator("#query")).not_to_have_value("")


def test_the_mark_stands_at_the_end_of_what_is_unfinished(page):
    page.fill("#query", "water")
    page.fill("#filter", ".words > 3 and")
    expect(page.locator("#error mark")).to_have_text("…")
    expect(page.locator("#error code")).to_contain_text(".words > 3 and")


@pytest.mark.parametrize("way", ["vector", "text", "hybrid"])
def test_both_faces(page, way):
    page.fill("#query", "a woman who is grown up")
    expect(page.locator("#results li")).to_have_count(10)
    page.click(f"#ways button[data-way={way}]")
    expect(page.locator("#command")).to_contain_text("FT.HYBRID" if way == "hybrid" else "FT.SEARCH")
    expect(page.locator("#search-name")).to_contain_text("FT.")
    expect(page.locator("#recall")).to_be_hidden()
    if way == "vector":  # by words, others may come first
        expect(page.locator("#results li b").first).to_have_text("woman")
    page.click("#examples button >> nth=0")
    expect(page.locator("#filter")).to_have_value("@pos:{noun}")
    expect(page.locator("#command")).to_contain_text("@pos:{noun}")
    assert {kind.split(" ")[0] for kind in kinds(page)} == {"noun"}
    page.fill("#filter", "@pos:{noun")
    expect(page.locator("#error")).to_contain_text("Syntax error")
    page.click("#ways button[data-way=set]")
    expect(page.locator("#filter")).to_have_value("")
    expect(page.locator("#plan")).to_contain_text("vectors compared")


@pytest.mark.parametrize("width", [320, 480, 768])
def test_narrow_screens(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.fill("#query", "a woman who is grown up")
    page.click("#ways button[data-way=hybrid]")
    page.click("#examples button >> nth=2")
    expect(page.locator("#command")).to_contain_text("FT.HYBRID")
    page.fill("#filter", "@" + 80 * "x")
    expect(page.locator("#error")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_picture(page):
    page.fill("#query", "an adult who is a woman")
    points = page.locator("#picture circle")
    expect(page.locator("#centre")).to_have_text("Around “woman”")
    expect(points).to_have_count(60)
    assert len({(p.get_attribute("cx"), p.get_attribute("cy")) for p in points.all()}) == 60
    expect(page.locator("#picture circle.centre")).to_have_count(1)
    assert page.locator("#picture circle.result").count() > 3
    assert page.locator("#picture line").count() > 10
    assert page.locator("#picture text").count() > 10
    page.click("#results li >> nth=1")
    expect(page.locator("#centre")).not_to_have_text("Around “woman”")
    second = page.locator("#results li >> nth=1")
    expect(second).to_have_class("chosen")
    assert page.locator("#picture circle.centre").get_attribute("data-name") == second.get_attribute("data-name")


def test_a_text_of_ones_own(page):
    page.fill("#text", "a robot that cleans the floor")
    page.fill("#attributes", '{"pos": "gadget"')
    page.click("#ingest button")
    expect(page.locator("#ingested")).to_contain_text("JSON")
    page.fill("#attributes", '{"pos": "gadget"}')
    page.click("#ingest button")
    expect(page.locator("#ingested")).to_have_text("Added.")
    page.fill("#query", "vacuum cleaner")
    expect(page.locator("#results li b").first).to_have_text("a robot that cleans the floor")
    page.fill("#filter", '.pos == "gadget"')
    expect(page.locator("#results li")).to_have_count(1)


def test_markup_in_a_text_is_shown_as_text(page):
    text = "<img src=x onerror=document.title='bad'> & so on"
    page.fill("#text", text)
    page.click("#ingest button")
    page.fill("#query", text)
    expect(page.locator("#results li b").first).to_have_text(text)
    assert page.locator("#results img").count() == 0 and "bad" not in page.title()


@pytest.mark.parametrize(
    "way, filter, where, shows, file",
    [("set", '.pos == "noun"', "#plan", " match. ", "page.png"), ("hybrid", "@pos:{noun}", "#command", "@pos:{noun}", "page-search.png")],
)
def test_a_screenshot(page, way, filter, where, shows, file):
    page.fill("#query", "something that keeps the rain off")
    page.click(f"#ways button[data-way={way}]")
    page.fill("#filter", filter)
    expect(page.locator("#picture circle")).to_have_count(60)
    expect(page.locator(where)).to_contain_text(shows)
    picture = ROOT / "target/play" / file
    page.screenshot(path=picture)
    assert 20_000 < picture.stat().st_size < 300_000


def test_an_empty_collection_is_served():
    with play(0) as (_, address):
        code, found = get(address, "/search", q="x", filter=".words > 3")
        assert code == 200 and names(found) == [] and found["stored"] == 0
        assert get(address, "/search", q="x", filter="~")[0] == 400
        assert get(address, "/neighbourhood", name="x")[0] == 400
        assert get(address, "/ingest", {"text": "a b"})[0] == 201
        assert names(get(address, "/search", q="x")[1]) == ["a b"]
        code, found = get(address, "/neighbourhood", name="a b")
        assert code == 200 and len(found["points"]) == 1 and found["links"] == []


def test_a_cluster(browser):
    with play(100, "--nodes", 3) as (_, address):
        eventually(lambda: not get(address, "/status")[1]["filling"])
        status = get(address, "/status")[1]
        assert status["stored"] == 100 and len(status["nodes"]) == 3
        keys = [node["keys"] for node in status["nodes"]]
        assert min(keys) > 10 and sum(keys) == 101  # the documents and the set
        found = names(get(address, "/search", q="a person who is female", ef=500)[1])
        assert found[:3] == names(documents(address, "vector", "a person who is female", ef=500)[1])[:3]
        assert documents(address, "text", "person")[1]["matching"] > 0
        assert get(address, "/ingest", {"text": "a text on one of the nodes"})[0] == 201
        page = browser.new_page()
        page.goto(address)
        expect(page.locator("#nodes")).to_contain_text("A cluster of 3 nodes.")
        page.close()


def test_ctrl_c_ends_all(started):
    """The last test of this file."""
    process, address = started
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0
    for child in children:
        assert not os.path.exists(f"/proc/{child}")
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), 1)
