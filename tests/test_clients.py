"""Clients as applications use them: redis-py in a cluster, valkey-py, node-redis and redis-rs."""

import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
import redis
import redis.cluster
import valkey

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
    done = subprocess.run([str(x) for x in command], capture_output=True, text=True, timeout=280, **options)
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
