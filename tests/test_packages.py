"""`make package`: the wheel, the Debian package and the tarball carry a module that loads, also on older systems."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import tarfile
import time
import venv
import zipfile

import pytest

from resp import Conn, ReplyError
from servers import ROOT, UNDER_TEST, Server, binary, eventually, free_port
from vectors import values

# What `make portable` builds.
PORTABLE = pathlib.Path(os.environ.get("VSET_PORTABLE", ROOT / "target/package/libvset.so")).resolve()


def run(*command, **options):
    done = subprocess.run([str(x) for x in command], capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package") / "dist"
    if not PORTABLE.exists():
        raise FileNotFoundError(f"no module {PORTABLE}: run `make portable`")
    run(sys.executable, ROOT / "package/build.py", PORTABLE, folder)
    return folder


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory):
    """The Python of a fresh environment that has the wheel and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    # With this environment's pip: to unpack another takes seconds.
    pip = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check"]
    run(*pip, "install", "--no-index", "--no-deps", "--find-links", dist, "vset")
    return python


def path_with(folder, **servers):
    """A folder to be PATH, with these servers under these names."""
    for name, kind in servers.items():
        (folder / f"{name}-server").symlink_to(binary(kind))
    return {**os.environ, "PATH": f"{folder}:/nowhere"}


def load(module, kind):
    """Loads a file into a server beside the module under test, and uses it."""
    server = Server(kind, ("enable-module-command", "yes"))
    try:
        c = server.connect()
        assert c("MODULE", "LOAD", module, "prefix", "P.", "type", "packaged1") == "OK"
        assert c("P.VADD", "k", *values(1, 0), "a") == 1
        assert c("P.VSIM", "k", *values(1, 0)) == [b"a"]
    finally:
        server.remove()


def test_wheel_names_its_module(installed):
    path = pathlib.Path(run(installed, "-m", "vset", "path").strip())
    assert path.name == "libvset.so"
    assert path.stat().st_size < PORTABLE.stat().st_size  # stripped
    for kind in ("redis70", "valkey91", "peer"):
        load(path, kind)


SERVERS_ON_PATH = [{"valkey": "valkey91"}, {"redis": "redis62"}, {"valkey": "valkey81", "redis": "peer"}]


@pytest.mark.parametrize("servers", [servers for servers in SERVERS_ON_PATH if {*servers.values()} <= {*UNDER_TEST, "peer"}])
def test_wheel_serves(installed, tmp_path, servers):
    environment, port = path_with(tmp_path, **servers), free_port()
    command = [installed, "-m", "vset", "serve", "--port", port, "--save", "", "--dir", tmp_path]
    process = subprocess.Popen([str(x) for x in command], env=environment, stdout=subprocess.DEVNULL)
    try:

        def ready():
            try:
                connection = Conn(port)
                connection("PING")
                return connection
            except (OSError, ReplyError):
                assert process.poll() is None
                return None

        eventually(ready)
        c = ready()
        assert c("VADD", "k", *values(1, 0), "a") == 1
        assert c("VSIM", "k", *values(1, 0)) == [b"a"]
        c.close()
    finally:
        process.terminate()
        assert process.wait(120) == 0


def test_wheel_wants_a_server_and_no_redis_8(installed, tmp_path):
    environment = path_with(tmp_path, redis="peer")
    done = subprocess.run([installed, "-m", "vset", "serve"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "no Redis 6.2 or 7" in done.stderr
    assert subprocess.run([installed, "-m", "vset"], capture_output=True).returncode == 2


def test_wheel_brings_the_command(installed):
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M)
    assert run(installed.parent / "vset", "--version") == f"vset {version}\n"
    assert run(installed, "-c", "import vset; print(vset.__version__)") == version + "\n"


def test_wheels_of_the_frameworks(dist, tmp_path):
    for wheel in dist.glob("l*-none-any.whl"):
        run(sys.executable, "-m", "zipfile", "-e", wheel, tmp_path)
    for folder in ("langchain_vset", "llama_index/vector_stores/vset"):
        assert (tmp_path / folder / "__init__.py").exists() and (tmp_path / folder / "py.typed").exists()
    # These belong to other packages.
    assert not (tmp_path / "llama_index/__init__.py").exists() and not (tmp_path / "llama_index/vector_stores/__init__.py").exists()
    for metadata in tmp_path.glob("*.dist-info/METADATA"):
        assert "Requires-Dist: vset>=" in metadata.read_text() and list(metadata.parent.rglob("LICENSE"))


def test_other_platforms_have_a_wheel_without_the_module(dist, tmp_path):
    (wheel,) = dist.glob("vset-*-none-any.whl")
    run(sys.executable, "-m", "zipfile", "-e", wheel, tmp_path)
    assert (tmp_path / "vset/cli/migrate.py").exists() and not (tmp_path / "vset/libvset.so").exists()
    done = subprocess.run([sys.executable, "-m", "vset", "path"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "it is for Linux" in done.stderr


FIRST = """
import redis
r = redis.Redis(port=PORT, decode_responses=True)
for name, vector in {"cat": [0.9, 0.1], "dog": [0.8, 0.3], "car": [0.1, 0.9]}.items():
    r.vset().vadd("things", vector, name)
print(r.vset().vsim("things", [1.0, 0.2], count=2))
"""


def test_a_strangers_first_minute(dist, tmp_path, capsys):
    """From `pip install 'vset[server]'` in a fresh environment, where there is no compiler, to the first answer."""
    venv.create(tmp_path / "fresh", with_pip=True)
    commands, port = tmp_path / "fresh/bin", free_port()
    environment = {"PATH": str(commands), "HOME": str(tmp_path), "CC": "/no/compiler", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HTTP", "http", "SSL", "REQUESTS"))}
    (wheel,) = dist.glob("*-manylinux_*.whl")
    start = time.monotonic()
    run(commands / "pip", "install", "--quiet", "--only-binary", ":all:", f"{wheel}[server]", env=environment)
    installed = time.monotonic()
    command = [commands / "vset", "serve", "--port", port, "--save", "", "--dir", tmp_path]
    process = subprocess.Popen([str(x) for x in command], env=environment, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: listening(port))
        found = run(commands / "python", "-c", FIRST.replace("PORT", str(port)), env=environment)
        end = time.monotonic()
    finally:
        process.terminate()
        process.wait(120)
    assert found == "['cat', 'dog']\n"
    with capsys.disabled():
        print(f"\nfirst answer after {end - start:.1f} s, {installed - start:.1f} s of them to install")


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def test_debian_package(dist, tmp_path):
    (package,) = dist.glob("*.deb")
    run("dpkg", "-x", package, tmp_path)
    load(tmp_path / "usr/lib/redis/modules/libvset.so", "redis70")
    docs = tmp_path / "usr/share/doc/redis-vset"
    assert (docs / "copyright").read_text() == (ROOT / "LICENSE").read_text()
    assert "\nloadmodule /usr/lib/redis/modules/libvset.so\n" in (docs / "redis.conf.sample").read_text()
    control = run("dpkg-deb", "--field", package)
    assert "Package: redis-vset\n" in control and "\nDepends: libc6 (>= 2." in control
    assert "\nMaintainer: vset maintainers <noreply@vset.invalid>\n" in control
    assert control.count("@") == 1  # nothing of the template is left


def test_tarball(dist, tmp_path):
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    assert {f.name for f in folder.iterdir()} == {"libvset.so", "LICENSE", "README.md", "redis.conf.sample"}
    load(folder / "libvset.so", "valkey91")


def test_nothing_newer_than_debian_11(dist, installed):
    """Its glibc is 2.31. The packages say so, and what the dynamic linker will look for is not newer."""
    (package,) = dist.glob("*.deb")
    depends = run("dpkg-deb", "--field", package, "Depends")
    assert int(depends.split("libc6 (>= 2.")[1].split(")")[0]) <= 31
    (wheel,) = dist.glob("*-manylinux_*.whl")
    assert int(re.search(r"-manylinux_2_(\d+)_", wheel.name)[1]) <= 31
    symbols = run("objdump", "-T", run(installed, "-m", "vset", "path").strip())
    assert {int(minor) for minor in re.findall(r"GLIBC_2\.(\d+)", symbols)} <= set(range(32))


def test_the_package_index_takes_the_wheels(dist):
    """The same checks as at an upload, metadata and long description."""
    run(sys.executable, "-m", "twine", "check", "--strict", *dist.glob("*.whl"))
    for wheel in dist.glob("*.whl"):
        with zipfile.ZipFile(wheel) as files:
            (name,) = [name for name in files.namelist() if name.endswith(".dist-info/METADATA")]
            metadata = files.read(name).decode()
        for field in ("Author: ", "Project-URL: Homepage, ", "Classifier: ", "License-Expression: BSD-3-Clause", "Requires-Python: "):
            assert f"\n{field}" in metadata, field
        assert not re.search(r"\]\((?!https?:|#)", metadata)


def test_the_crate_index_takes_the_crate(tmp_path):
    """All but the build and the upload; metadata and files."""
    target = {**os.environ, "CARGO_TARGET_DIR": str(tmp_path)}
    done = subprocess.run(
        ["cargo", "publish", "--dry-run", "--no-verify", "--allow-dirty"], cwd=ROOT, env=target, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert "manifest has no" not in done.stderr
