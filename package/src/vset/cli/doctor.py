"""`vset doctor`: versions, settings, and what is likely to be wrong."""

from __future__ import annotations

import argparse
import platform
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .. import MODULE, __version__
from . import serve
from .common import DEFAULT_URL, Subparsers, add_command, connect, pairs, text

if TYPE_CHECKING:
    import redis

TEXT = """Shows versions and settings, here and of a server, and warns of what is likely to be wrong. The exit status is 1 if the
server has no vector sets or does not answer; warnings do not change it.
"""


def register(commands: Subparsers) -> None:
    """Adds the command."""
    made = add_command(commands, "doctor", run, "show versions and settings, and warn of mistakes", TEXT)
    made.add_argument("server", nargs="?", default=DEFAULT_URL, help=f"redis://[user:password@]host:port/db (default: {DEFAULT_URL})")


def run(options: argparse.Namespace) -> int:
    """Shows all of it."""
    import redis

    show("package", f"vset {__version__}, Python {platform.python_version()}, redis-py {redis.__version__}")
    show("module", str(MODULE) if MODULE.is_file() else "none in this package")
    found = serve.find_server()
    show("server program", f"{' '.join(serve.version(found) or ())} ({found})" if found else "none that suits; pip install 'vset[server]'")
    client = connect(options.server)
    info = client.info("everything")
    valkey = "valkey_version" in info
    show("server", f"Valkey {info['valkey_version']}" if valkey else f"Redis {info['redis_version']}")
    version = module_version(client)
    if version is None or "vectorset_kernel" not in info:
        own = version is not None
        show("vector sets", "of Redis's own" if own else "none: load the module, see `vset path`")
        return 0 if own else 1
    show("vector sets", f"vset {version}, kernel {info.get('vectorset_kernel')}, {info.get('vectorset_pool_threads')} query threads")
    show("contents", f"{info.get('vectorset_sets', 0):,} sets, {info.get('vectorset_elements', 0):,} elements, {info.get('vectorset_pending', 0):,} to be linked")
    settings = configuration(client, "vectorset.*")
    for name, value in sorted(settings.items()):
        show(name, value)
    warnings = list(advice(client, info, settings, version))
    for warning in warnings:
        print(f"WARNING: {warning}")
    print("no warnings" if not warnings else f"{len(warnings)} warning{'s' if len(warnings) > 1 else ''}")
    return 0


def show(name: str, value: str) -> None:
    """One line of the report."""
    print(f"{name + ':':<42} {value}")


def module_version(client: redis.Redis) -> str | None:
    """The version of the module in a server, such as 0.1.0; None without."""
    for module in client.execute_command("MODULE", "LIST"):
        fields = {text(key): text(value) for key, value in (module if isinstance(module, dict) else pairs(module)).items()}
        if fields.get("name") == "vectorset":
            number = int(fields["ver"])
            return f"{number // 10_000}.{number // 100 % 100}.{number % 100}"
    return None


def configuration(client: redis.Redis, pattern: str) -> dict[str, str]:
    """Settings of a server; none where the user may not ask."""
    import redis

    try:
        return pairs(client.execute_command("CONFIG", "GET", pattern))
    except redis.ResponseError:
        return {}


def advice(client: redis.Redis, info: dict[str, Any], settings: dict[str, str], version: str) -> Iterator[str]:
    """What is likely to be a mistake."""
    if re.match(r"\d", __version__) and version != __version__:
        yield f"the server has vset {version}, this package is {__version__}"
    if info.get("maxmemory") and str(info.get("maxmemory_policy", "")).startswith("allkeys"):
        yield f"maxmemory-policy {info['maxmemory_policy']} removes whole sets when memory is short; noeviction refuses writes instead"
    if not info.get("maxmemory"):
        yield "no maxmemory: the system may end the server when memory is short"
    used, limit = info.get("used_memory", 0), info.get("maxmemory", 0)
    if limit and used > 0.9 * limit:
        yield f"{used / limit:.0%} of maxmemory is used"
    if not info.get("aof_enabled") and configuration(client, "save").get("save") == "":
        yield "neither save nor appendonly is set: a restart loses everything"
    if info.get("rdb_last_bgsave_status") == "err":
        yield "the last save failed; the server's log tells why"
    if configuration(client, "protected-mode").get("protected-mode") == "no" and not password(client):
        yield "protected-mode is off and the default user has no password: everyone who reaches the port may do anything"
    if settings.get("vectorset.force-single-threaded-execution") == "yes":
        yield "vectorset.force-single-threaded-execution: queries block all other clients"
    if info.get("vectorset_kernel") == "scalar":
        yield "kernel scalar: the CPU's vector instructions are not used"
    if info.get("vectorset_pool_queue", 0) > 10 * info.get("vectorset_pool_threads", 1):
        yield f"{info['vectorset_pool_queue']:,} queries wait for a thread"
    if info.get("mem_fragmentation_ratio", 1) > 1.5 and info.get("used_memory", 0) > 100 << 20:
        yield f"memory fragmentation {info['mem_fragmentation_ratio']}: activedefrag yes may help"


def password(client: redis.Redis) -> bool:
    """Whether the default user needs a password; taken to be so where this may not be asked."""
    import redis

    try:
        flags = pairs(client.execute_command("ACL", "GETUSER", "default") or [])["flags"]
    except (redis.ResponseError, KeyError):
        return True
    return "nopass" not in [text(flag) for flag in flags]
