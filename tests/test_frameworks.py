"""The packages under packages/, by the frameworks' own tests and theirs, in the environment that the Makefile makes for them."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from servers import ROOT, Server, selected

PYTHON = pathlib.Path(sys.prefix) / "published-frameworks/bin/python"
PACKAGES = sorted(path.name for path in (ROOT / "packages").iterdir())


@pytest.fixture(scope="module", params=[kind for kind in selected() if kind in ("redis70", "valkey91")])
def server(request):
    server = Server(request.param)
    yield server
    server.remove()


def run(server, *command):
    assert PYTHON.exists(), f"{PYTHON} is missing: run `make test-server`, which installs it"
    sources = [ROOT / "package/src", *(ROOT / "packages" / package for package in PACKAGES)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources)), "VSET_URL": f"redis://127.0.0.1:{server.port}"}
    return subprocess.run([PYTHON, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("package", PACKAGES)
def test_package(clean, package):
    done = run(clean, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", ROOT, "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", f"packages/{package}/tests")
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("package", PACKAGES)
def test_example_of_the_readme(clean, package):
    (code,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "packages" / package / "README.md").read_text(), re.M | re.S)
    done = run(clean, "-c", code.replace("redis://127.0.0.1:6379", f"redis://127.0.0.1:{clean.port}"))
    assert done.returncode == 0 and done.stdout.startswith("['june']\n['may']\n"), done.stdout + done.stderr
