"""Clients as applications use them: redis-py in a cluster, valkey-py, node-redis and redis-rs; the programs of docs/clients.md."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import redis
import redis.cluster
import valkey

import examples
from servers import ROOT, Server, eventually, selected

HERE = pathlib.Path(__file__).resolve().parent / "clients"
BUILT = ROOT / "target/clients"


# One server of either family is enough for what clients make of replies.
@pytest.fixture(scope="module", params=[kind for kind in selected() if kind in ("redis70", "valkey91", "peer")])
def server(request):
    server = Server(request.param)
    yield server
    server.remove()


def run(*command, **options):
    done = subprocess.run([str(x) for x in command], capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def node():
    """The node client with its package, installed by name into a folder of the build."""
    folder = BUILT / "node"
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "client.mjs"):
        shutil.copy(HERE / "node" / file, folder)
    run("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", cwd=folder)
    return ["node", folder / "client.mjs"]


@pytest.fixture(scope="session")
def rust():
    folder = BUILT / "rust"
    manifest = HERE / "rust/Cargo.toml"
    run("cargo", "build", "--quiet", "--manifest-path", manifest, env={**os.environ, "CARGO_TARGET_DIR": str(folder)})
    return [folder / "debug/vset-client-test"]


@pytest.mark.parametrize("protocol", [2, 3])
def test_node_redis(clean, node, protocol):
    assert run(*node, clean.port, protocol) == "all good\n"


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_rs(clean, rust, protocol):
    assert run(*rust, clean.port, protocol) == "all good\n"


PAGE = (ROOT / "docs/clients.md").read_text()
ADDRESS = re.compile(r"localhost:6379|127\.0\.0\.1:6379|port=6379|(?<=127\.0\.0\.1\", )6379")


def program(language, client):
    """The page's first program for a client."""
    section = re.search(rf"^## {client}\n(.*?)(?=^## )", PAGE, re.M | re.S)[1]
    return examples.code(section, language)[0]


def at(port, text):
    """A program with another address of the server."""
    text, changes = ADDRESS.subn(lambda found: found[0].replace("6379", str(port)), text)
    assert changes == 1
    return text


def answers(output):
    """What a program prints: names in order, with scores to six digits; names that match."""
    *scores, matches = output.strip().splitlines()
    found = re.findall(r"(cat|dog|car)\W+([0-9.]+)", "\n".join(scores))
    return [(name, round(float(score), 6)) for name, score in found], re.findall(r"cat|dog|car", matches)


def printed():
    """What the page says that the first one prints."""
    return re.search(r"^    (\{'cat.*)\n    (.*)", PAGE, re.M).expand(r"\1\n\2")


@pytest.fixture(scope="session")
def rust_example():
    """The page's, built with what the other test was built with; takes the address from its environment."""
    folder = BUILT / "example"
    (folder / "src").mkdir(parents=True, exist_ok=True)
    for file in ("Cargo.toml", "Cargo.lock"):
        shutil.copy(HERE / "rust" / file, folder)
    main = folder / "src/main.rs"
    text = program("rust", "redis-rs").replace('"redis://127.0.0.1:6379"', 'std::env::var("URL").expect("an address")')
    if not main.exists() or main.read_text() != text:
        main.write_text(text)
    target = {**os.environ, "CARGO_TARGET_DIR": str(BUILT / "rust-example")}
    run("cargo", "build", "--quiet", "--manifest-path", folder / "Cargo.toml", env=target)
    return BUILT / "rust-example/debug/vset-client-test"


def answered(clean, output):
    """The answers are those of the first program, and the elements are there."""
    found, expected = answers(output), answers(printed())
    assert [name for name, _ in expected[0]] == ["cat", "dog", "car"] and expected[1] == ["dog", "cat"]
    assert found == expected or clean.peer and found[1] == expected[1]
    assert clean.connect()("VCARD", "things") == 3


@pytest.mark.parametrize("client", ["redis-py", "valkey-py", "GLIDE"])
def test_programs_in_python(clean, client):
    answered(clean, run(sys.executable, "-c", at(clean.port, program("python", client))))


@pytest.mark.parametrize("client", ["node-redis", "iovalkey"])
def test_programs_in_javascript(clean, node, client):
    script = node[1].parent / "example.mjs"
    script.write_text(at(clean.port, program("js", client)))
    answered(clean, run("node", script))


def test_the_program_in_rust(clean, rust_example):
    answered(clean, run(rust_example, env={**os.environ, "URL": f"redis://127.0.0.1:{clean.port}"}))


@pytest.mark.usefixtures("has_search")
def test_the_search_of_the_page(clean):
    section = re.search(r"^## redis-py\n(.*?)(?=^## )", PAGE, re.M | re.S)[1]
    assert run(sys.executable, "-c", at(clean.port, examples.code(section, "python")[1])) == "['Fast cars']\n"


def test_the_readme_begins_with_the_program_of_the_page():
    readme = (ROOT / "README.md").read_text()
    assert examples.code(readme, "python") == [program("python", "redis-py")]
    assert "    " + printed().replace("\n", "\n    ") in readme


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py_in_a_cluster(launch, protocol):
    server = launch(("cluster-enabled", "yes"))
    c = server.connect()
    c("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    eventually(lambda: b"cluster_state:ok" in c("CLUSTER", "INFO"))
    client = redis.cluster.RedisCluster("127.0.0.1", server.port, protocol=protocol)
    vset = client.vset()
    for key in ("a", "b", "{tag}c"):
        assert vset.vadd(key, [1.0, 0.0], "x", attributes={"n": 1}) == 1
        assert vset.vadd(key, np.array([0, 1], np.float32).tobytes(), "y") == 1
        assert vset.vsim(key, [1.0, 0.0]) == ["x", "y"] or vset.vsim(key, [1.0, 0.0]) == [b"x", b"y"]
        assert vset.vcard(key) == 2
        assert vset.vgetattr(key, "x") == {"n": 1}
        assert vset.vrem(key, "x") == 1
    client.close()


@pytest.mark.parametrize("protocol", [2, 3])
def test_valkey_py(clean, protocol):
    """It has no methods for vector sets: plain commands, and replies as they are."""
    client = valkey.Valkey(port=clean.port, protocol=protocol)
    run = client.execute_command
    blob = np.array([0, 1], np.float32).tobytes()
    assert run("VADD", "k", "VALUES", 2, 1, 0, "a", "SETATTR", "{}") == 1
    assert run("VADD", "k", "FP32", blob, "b") == 1
    scores = run("VSIM", "k", "VALUES", 2, 1, 0, "WITHSCORES")
    scores = scores if protocol == 3 else dict(zip(scores[::2], map(float, scores[1::2])))
    assert scores == {b"a": 1.0, b"b": 0.5}
    pipe = client.pipeline()
    pipe.execute_command("VCARD", "k")
    pipe.execute_command("VEMB", "k", "b")
    card, vector = pipe.execute()
    assert card == 2 and [float(x) for x in vector] == [0, 1]
    with pytest.raises(valkey.ResponseError, match="key does not exist"):
        run("VDIM", "missing")
    client.close()


def test_the_page_names_the_versions_that_are_tested():
    requirements = HERE.parent / "requirements.txt"
    used = {
        "redis-py": (requirements, r"^redis==(\d+\.\d+)"),
        "valkey-py": (requirements, r"^valkey==(\d+\.\d+)"),
        "`valkey-glide-sync`": (requirements, r"^valkey-glide-sync==(\d+\.\d+)"),
        "node-redis": (HERE / "node/package.json", r'"redis": "(\d+\.\d+)'),
        "iovalkey": (HERE / "node/package.json", r'"iovalkey": "(\d+\.\d+)'),
        "`redis`": (HERE / "rust/Cargo.toml", r'^redis = \{ version = "=(\d+\.\d+)'),
    }
    said = dict(re.findall(r"(\S+) \(tested with (\S+)\)", PAGE))
    assert said == {name: re.search(pattern, file.read_text(), re.M)[1] for name, (file, pattern) in used.items()}
