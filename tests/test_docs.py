"""The documentation: pages know every command, option and field that the server knows; examples reply as shown; links hold."""

import importlib.util
import re
import runpy
import struct
import subprocess
import sys

import pytest

import examples
from resp import ReplyError, pairs
from servers import MODULE, ROOT, eventually
from vectors import values

PAGES = ROOT / "docs/commands"
INTERNAL = {"vreplay"}  # written by masters and logs, not by people
INTERNAL_SEARCH = {"ft.replay"}


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
    overview = (PAGES / "README.md").read_text()
    for name in commands:
        assert f"| [{name.upper()}]({name}.md) |" in overview
        assert (PAGES / f"{name}.md").read_text().startswith(f"# {name.upper()}\n\n    {name.upper()} {'numkeys key' if name == 'vmsim' else 'key'}")
    if commands:
        assert {page.stem for page in PAGES.glob("v*.md")} == set(commands)


def test_each_command_of_search_has_its_page(clean):
    if clean.peer or not clean.modern:
        return
    names = {x.decode().lower() for x in clean.connect()("COMMAND", "LIST", "FILTERBY", "MODULE", "vectorset")}
    names = {name for name in names if name.startswith("ft.")} - INTERNAL_SEARCH
    assert {page.stem for page in PAGES.glob("ft.*.md")} == names
    for name in names:
        assert f"| [{name.upper()}]({name}.md) |" in (PAGES / "README.md").read_text()
        page = (PAGES / f"{name}.md").read_text()
        assert page.startswith(f"# {name.upper()}\n\n    {name.upper()}") and examples.steps(page)


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


PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
THINGS = (("cat", 0.9, 0.1, 4), ("dog", 0.8, 0.3, 4), ("car", 0.1, 0.9, 0))


def relative(page):
    return str(page.relative_to(ROOT))


@pytest.fixture
def site():
    """docs/site.py, which knows what a link is."""
    spec = importlib.util.spec_from_file_location("site_of_docs", ROOT / "docs/site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_link_leads_somewhere(site):
    missing = []
    for page in [*PROSE, *ROOT.glob("*.md")]:
        for path, anchor in site.links(page):
            if not path.exists() or anchor and anchor not in site.anchors(path):
                missing.append((relative(page), str(path), anchor))
    assert not missing


def test_each_page_is_in_the_summary(site):
    listed = [file for _, _, file in site.summary()]
    assert len(listed) == len(set(listed))
    assert {ROOT / "docs" / file for file in listed} == set((ROOT / "docs").rglob("*.md")) - {ROOT / "docs/SUMMARY.md"}


def test_the_site_builds(site, tmp_path):
    site.STAGE, site.SITE = tmp_path / "pages", tmp_path / "site"
    with pytest.raises(SystemExit) as end:
        site.main()
    assert end.value.code == 0
    assert (tmp_path / "site/index.html").exists() and (tmp_path / "site/docs/commands/vadd.html").exists()


def same(shown, expected):
    """Equal, but for the last digits of scores and for what a page leaves out with an ellipsis."""
    digits = lambda text: re.sub(r"\d+\.\d{5,}", lambda number: f"{float(number[0]):.4g}", text)
    pattern = ".*".join(re.escape(part) for part in digits(expected).split("…"))
    return re.fullmatch(pattern, digits(shown), re.S) is not None


WITH_EXAMPLES = [page for page in PROSE if examples.steps(page.read_text())]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=relative)
def test_each_example_replies_as_shown(clean, page):
    """In an empty server; pages of commands begin with the set `things` of the pages before them."""
    if clean.peer:
        pytest.xfail("has other commands")
    c = clean.connect()
    if page.name == "ft.config.md":
        c("FT.CONFIG", "SET", "TIMEOUT", 500)  # as by default
    if page.parent == PAGES:
        for name, x, y, legs in THINGS:
            c("VADD", "things", *values(x, y), name, "SETATTR", f'{{"legs":{legs}}}')
    try:
        for step in examples.steps(page.read_text()):
            try:
                reply = c(*examples.words(step.command))
            except ReplyError as refused:
                reply = refused
            if step.command.startswith(("FT.CREATE", "FT.ALTER")) and reply == "OK":
                scanned(c, step.command.split()[1])
            assert same(examples.shown(reply), step.reply), f"{step.command}\n{examples.shown(reply)}"
    finally:
        for user in set(c("ACL", "USERS")) - {b"default"}:
            c("ACL", "DELUSER", user)


def scanned(c, index):
    """Waits until an index has read what was there before it."""
    eventually(lambda: pairs(c("FT.INFO", index))["indexing"] == 0)


def test_the_demonstration(server):
    """What `make demo` runs, on a server of this kind."""
    command = [sys.executable, ROOT / "examples/words.py", "--server", server.path, *(["--no-module"] if server.peer else ["--module", MODULE])]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20,000/20,000" in done.stdout and "until all are linked" in done.stdout and "recall@10" in done.stdout
    assert server.peer or done.stdout.rstrip().endswith("pending 0")


def test_the_script_that_migrates(clean):
    c = clean.connect()
    for i in range(3):
        c("HSET", f"doc:{i}", "embedding", struct.pack("<2f", 1, i), "year", 1980 + i)
    c("HSET", "doc:without", "year", 1990)
    (script,) = examples.code((ROOT / "docs/migrating.md").read_text(), "python")
    script = script.replace("redis.Redis()", f"redis.Redis(port={clean.port})")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600)
    assert done.stdout == "3\n", done.stderr
    assert c("VSIM", "docs", *values(1, 0), "FILTER", ".year >= 1981") == [b"doc:1", b"doc:2"]


def test_what_pages_name_is_there():
    """Files of the repository, where pages name them as such."""
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "." and path.name not in ("target", "dist"))
    for page in [*PROSE, *ROOT.glob("*.md"), ROOT / "Makefile"]:
        for name in re.findall(rf"(?<![\w/.-])(?:{folders})/[\w./-]*\w\.(?:py|md|rs|sh|toml|json|yml|txt|png)\b", page.read_text()):
            assert (ROOT / name).exists() or (page.parent / name).exists(), f"{relative(page)}: {name}"


def test_what_the_readme_runs_is_there():
    """Each `make` target that pages name; the files that `docker build` copies."""
    targets = set(re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), re.M))
    targets = {name for line in targets for name in line.split()}
    for page in PROSE:
        named = set(re.findall(r"(?:^    |`)make ([a-z][a-z-]*)", page.read_text(), re.M))
        assert named <= targets, relative(page)
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.M):
        assert all((ROOT / name).exists() for name in line.split())


def test_the_calculator_of_sizes(clean):
    """Beside MEMORY USAGE, with the vectors of the demonstration."""
    sizing = runpy.run_path(ROOT / "examples/sizing.py")
    demo = runpy.run_path(ROOT / "examples/words.py", run_name="words")
    names, vectors = demo["read_words"]()
    c = clean.connect()
    for encoding in sizing["BYTES"]:
        c("DEL", "k")
        c.pipeline([["VADD", "k", "FP32", demo["blob"](v), name, encoding] for name, v in zip(names[:10_000], vectors)])
        c("DEBUG", "RELOAD")  # all are linked, and it does not matter by which threads: rows of links that grew leave room behind
        real = c("MEMORY", "USAGE", "k") / 10_000
        estimate = sizing["element"](100, encoding, name=sum(map(len, names[:10_000])) / 10_000)
        assert clean.peer or 0.8 < estimate / real < 1.25, encoding
