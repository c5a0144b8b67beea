"""Published code for search over documents, unchanged, with the packages that it was written for.

`tests/published` has a program for each library, and three lists of packages: what is current, what holds on to an
old RedisVL and redis-py 5, and what is in between. The Makefile installs each list into a separate environment.
"""

import pathlib
import shutil
import subprocess
import sys

import pytest

from servers import MODULE, ROOT, Server, selected

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = [
    ("new", "redis_py"),
    ("old", "redis_py"),
    ("new", "redisvl_all"),
    ("old", "redisvl_all"),
    ("new", "langchain_all"),
    ("old", "langchain_all"),
    ("new", "langgraph_all"),
    ("between", "mem0_all"),
    ("old", "llama_index_all"),
]


@pytest.fixture(scope="module", params=[kind for kind in selected() if kind in ("redis70", "valkey91")])
def server(request):
    # Libraries of a few years ago look for a module `search` before they ask anything.
    server = Server(request.param, arguments=("--loadmodule", MODULE, "as", "search"))
    yield server
    server.remove()


@pytest.mark.parametrize("packages, program", PROGRAMS)
def test_program(clean, packages, program):
    python = pathlib.Path(sys.prefix) / f"published-{packages}/bin/python"
    assert python.exists(), f"{python} is missing: run `make test-server`, which installs it"
    command = [python, HERE / f"published/{program}.py", f"redis://127.0.0.1:{clean.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and done.stdout.endswith("all good\n"), done.stdout + done.stderr


def test_node_redis(clean):
    folder = ROOT / "target/clients/node-search"
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "search.mjs"):
        shutil.copy(HERE / "clients/node" / file, folder)
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
    subprocess.run(install, cwd=folder, check=True, timeout=600)
    done = subprocess.run(["node", folder / "search.mjs", str(clean.port)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and done.stdout == "all good\n", done.stdout + done.stderr
