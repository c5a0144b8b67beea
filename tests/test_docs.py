"""The pages of docs/commands and the README know every command, option and field that the server knows."""

import re

import pytest

from resp import pairs
from servers import ROOT
from vectors import values

PAGES = ROOT / "docs/commands"
INTERNAL = {"vreplay"}


@pytest.fixture
def commands(clean):
    """Each command of the module and its documentation, as the server has them (from 7.0 on)."""
    if clean.peer:
        pytest.xfail("has other commands")
    if not clean.modern:
        return {}
    c = clean.connect()
    names = {x.decode().lower() for x in c("COMMAND", "LIST", "FILTERBY", "MODULE", "vectorset")}
    names = {name for name in names if "." not in name}  # other faces have tests of their own
    assert INTERNAL < names
    names = {name for name in names if not name.startswith(("ft.", "_ft."))}
    return {name: pairs(pairs(c("COMMAND", "DOCS", name)).popitem()[1]) for name in names - INTERNAL}


def tokens(arguments):
    for argument in map(pairs, arguments):
        if b"token" in argument:
            yield argument[b"token"].decode()
        yield from tokens(argument.get(b"arguments", []))


def fields(page):
    """What the page's table of fields names."""
    return re.findall(r"^\| `([a-z-]+)` \|", (PAGES / page).read_text(), re.M)


def test_each_command_has_its_page(commands):
    overview, readme = (PAGES / "README.md").read_text(), (ROOT / "README.md").read_text()
    for name in commands:
        assert f"[{name.upper()}]({name}.md)" in overview
        assert f"| [{name.upper()}](docs/commands/{name}.md) |" in readme
        assert (PAGES / f"{name}.md").read_text().startswith(f"# {name.upper()}\n\n    {name.upper()} {'numkeys key' if name == 'vmsim' else 'key'}")
    if commands:
        assert {page.stem for page in PAGES.glob("v*.md")} == set(commands)


def test_each_command_of_search_is_on_its_page(clean):
    if clean.peer or not clean.modern:
        return
    names = clean.connect()("COMMAND", "LIST", "FILTERBY", "MODULE", "vectorset")
    page = (ROOT / "docs/search.md").read_text()
    assert [name for name in names if name.lower().startswith(b"ft.") and name.decode().upper() not in page] == []


def test_each_option_is_on_the_page(commands):
    for name, docs in commands.items():
        title, synopsis, text = (PAGES / f"{name}.md").read_text().split("\n\n", 2)
        if name == "vexplain":  # takes those of VSIM
            assert "[options of VSIM]" in synopsis
            continue
        known = set(tokens(docs[b"arguments"]))
        written = set(re.findall(r"\b[A-Z][A-Z0-9-]*\b", synopsis)) - {name.upper()}
        assert written == known, name
        assert all(token in text for token in known), name


@pytest.mark.parametrize("page, command", [("vinfo.md", ["VINFO", "k"]), ("vexplain.md", ["VEXPLAIN", "k", "ELE", "e"])])
def test_each_field_is_on_the_page(clean, page, command):
    if clean.peer:
        pytest.xfail("has other fields")
    c = clean.connect()
    c("VADD", "k", *values(1, 2), "e", "EX", 100)
    assert list(pairs(c(*command))) == fields(page)
