"""examples/semantic_cache.py: as a program, and its class with times, users and questions that would be filters."""

import subprocess
import sys

import pytest
import redis

from command_line import ENVIRONMENT
from servers import ROOT, eventually

sys.path.append(str(ROOT / "examples"))
from semantic_cache import SemanticCache, letters  # noqa: E402


def test_the_program(clean):
    command = [sys.executable, ROOT / "examples/semantic_cache.py", f"redis://127.0.0.1:{clean.port}"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[-1] for line in lines[:4]] == ["1", "1", "2", "2"]
    assert lines[4:] == ["expires in a minute: True", "forgotten: 2"]


@pytest.fixture
def cache(clean):
    with redis.Redis(port=clean.port) as client:
        yield SemanticCache(client, letters)


def test_answers_expire(cache):
    cache.put("How tall is Everest?", "8849 m", ttl=1000)
    cache.put("How deep is the sea?", "11 km")
    assert cache.get("how tall is everest") == "8849 m"
    cache.put("How tall is Everest?", "8849 m", ttl=0.3)
    eventually(lambda: cache.get("how tall is everest") is None)
    assert cache.get("how deep is the sea") == "11 km"
    cache.put("How deep is the sea?", "10,935 m")
    assert cache.get("How deep is the sea?") == "10,935 m"


def test_users_see_their_own(cache):
    names = ["ann", "bob", '" or 1 == 1 or "', "$p0"]
    for name in names:
        cache.put("What is my name?", name, user=name)
    assert [cache.get("what is my name", user=name) for name in names] == names
    assert cache.get("What is my name?") is None and cache.get("What is my name?", user="eve") is None
    assert cache.forget(names[2]) == 1 and cache.set.count() == 3
