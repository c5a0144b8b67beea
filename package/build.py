#!/usr/bin/env python3
"""Packs a built module into FOLDER: Python wheels with and without it, those of packages/, a Debian package and a tarball.

    package/build.py target/package/libvset.so dist

Needs strip, objdump (binutils) and dpkg-deb; pip fetches the wheel's build backend.
"""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
DOCS = ["LICENSE", "README.md", "redis.conf.sample"]
PIP_WHEEL = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel", "--no-deps"]
# Debian wants an address. The top-level domain .invalid is reserved for those that are none (RFC 2606).
MAINTAINER = "vset maintainers <noreply@vset.invalid>"
# Where the sources are, for links of the packages. A release gives its own.
URL = os.environ.get("VSET_URL", "https://vset.invalid")


def run(*command):
    return subprocess.run([str(x) for x in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def glibc(module):
    """The oldest glibc that has all the symbols that the module asks for."""
    needed = re.findall(r"GLIBC_(\d+)\.(\d+)", run("objdump", "-T", module))
    return max((int(major), int(minor)) for major, minor in needed)


def depends(module):
    """The Debian packages that have the libraries that the module asks for."""
    needed = run("objdump", "-p", module)
    return "libc6 (>= {}.{})".format(*glibc(module)) + (", libgcc-s1" if "NEEDED               libgcc_s.so.1" in needed else "")


def filled(template, values):
    text = template.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def wheel(work, module, values, dist):
    """Two: one with the module, and one without it for other platforms, from which clients and tools work all the same."""
    stage = work / "wheel"
    shutil.copytree(HERE / "src", stage / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "LICENSE", stage)
    # Away from the repository its links need their place.
    readme = (ROOT / "README.md").read_text()
    (stage / "README.md").write_text(re.sub(r"\]\((?![a-z]+:|#)", f"]({URL}/raw/main/", readme))
    (stage / "pyproject.toml").write_text(filled(HERE / "pyproject.toml", values))
    pip = [*PIP_WHEEL, "--wheel-dir", dist]
    run(*pip, stage)
    shutil.copy(module, stage / "src/vset/libvset.so")
    tag = f"manylinux_{values['GLIBC'].replace('.', '_')}_{platform.machine()}"
    run(*pip, f"--config-settings=--build-option=--plat-name={tag}", stage)


def frameworks(work, dist):
    """The wheels of packages/, built from copies."""
    for package in sorted((ROOT / "packages").iterdir()):
        stage = shutil.copytree(package, work / package.name, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        shutil.copy(ROOT / "LICENSE", stage)
        # They install from their folders too, so the place of the sources is added here.
        with open(stage / "pyproject.toml", "a") as project:
            project.write(f'\n[project.urls]\nHomepage = "{URL}"\nChangelog = "{URL}/blob/main/CHANGELOG.md"\n')
        run(*PIP_WHEEL, "--wheel-dir", dist, stage)


def deb(work, module, values, dist):
    root = work / "deb"
    library, docs = root / "usr/lib/redis/modules", root / "usr/share/doc/redis-vset"
    for folder in (library, docs, root / "DEBIAN"):
        folder.mkdir(parents=True)
    shutil.copy(module, library / "libvset.so")
    shutil.copy(ROOT / "LICENSE", docs / "copyright")
    shutil.copy(ROOT / "README.md", docs)
    sample = (ROOT / "redis.conf.sample").read_text()
    (docs / "redis.conf.sample").write_text(sample.replace("/usr/local/lib/libvset.so", "/usr/lib/redis/modules/libvset.so"))
    size = sum(f.stat().st_size for f in root.rglob("*") if f.is_file()) // 1024 + 1
    (root / "DEBIAN/control").write_text(filled(HERE / "debian/control", {**values, "SIZE": size}))
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
    name = f"redis-vset_{values['VERSION']}_{values['ARCH']}.deb"
    run("dpkg-deb", "--root-owner-group", "--build", root, dist / name)


def tarball(module, values, dist):
    name = f"vset-{values['VERSION']}-linux-{platform.machine()}"
    with tarfile.open(dist / f"{name}.tar.gz", "w:gz") as archive:
        for path in [module, *(ROOT / doc for doc in DOCS)]:
            archive.add(path, f"{name}/{path.name}", filter=as_root)


def as_root(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    built, dist = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="vset-package-") as work:
        work = pathlib.Path(work)
        module = work / "libvset.so"
        run("strip", "--strip-unneeded", "-o", module, built)
        module.chmod(0o755)  # Redis from 7.0 on loads nothing that is not executable
        values = {
            "VERSION": re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1],
            "ARCH": run("dpkg", "--print-architecture").strip(),
            "GLIBC": "{}.{}".format(*glibc(module)),
            "DEPENDS": depends(module),
            "MAINTAINER": MAINTAINER,
            "URL": URL,
        }
        wheel(work, module, values, dist)
        frameworks(work, dist)
        deb(work, module, values, dist)
        tarball(module, values, dist)
    print(f"needs glibc {values['GLIBC']}")
    for path in sorted(dist.iterdir()):
        print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
