"""`vset exporter`: a server's vector sets, search and JSON for Prometheus."""

from __future__ import annotations

import argparse
import re
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .common import DEFAULT_URL, Failure, Subparsers, add_command, client_of, port_number, text

if TYPE_CHECKING:
    import redis
    from prometheus_client.core import Metric

TEXT = """Serves http://BIND:PORT/metrics for Prometheus: every field of INFO vectorset as vectorset_*, and the durations of the
module's commands as histograms, from LATENCY HISTOGRAM (Redis 7.0, Valkey), which CONFIG RESETSTAT resets. It needs
prometheus-client: pip install 'vset[exporter]'. The server's user needs INFO, COMMAND and LATENCY.
"""

# Fields that only grow, until the server starts again. All others are gauges.
COUNTERS = {
    "inserts",
    "delayed_replies",
    "links",
    "removals",
    "repairs",
    "queries",
    "query_evaluations",
    "query_filter_tests",
    "search_queries",
    "search_timeouts",
    "search_indexing_failures",
}
# Fields that say of which kind something is, become labels.
LABELLED = [
    (re.compile(r"bytes_(\w+)"), "bytes", "kind", False),
    (re.compile(r"query_plan_(\w+)"), "query_plans", "plan", True),
    (re.compile(r"(\w+)_p(\d+)_microseconds"), "{}_quantile_seconds", "quantile", False),
]
# The server's buckets end at about these microseconds, from one to two minutes.
ENDS = [round(1.032 * 2**k) for k in range(27)]


def register(commands: Subparsers) -> None:
    """Adds the command."""
    made = add_command(commands, "exporter", run, "serve metrics for Prometheus", TEXT)
    made.add_argument("server", nargs="?", default=DEFAULT_URL, help=f"redis://[user:password@]host:port/db (default: {DEFAULT_URL})")
    made.add_argument("--port", type=port_number, default=9122, help="default: 9122")
    made.add_argument("--bind", default="127.0.0.1", help="address to listen on; 0.0.0.0 for all (default: 127.0.0.1)")
    made.add_argument("--once", action="store_true", help="print the metrics and end")


def run(options: argparse.Namespace) -> int:
    """Serves until it is stopped."""
    import prometheus_client

    registry = prometheus_client.CollectorRegistry(auto_describe=False)
    registry.register(Collector(options.server))
    if options.once:
        print(prometheus_client.generate_latest(registry).decode(), end="")
        return 0
    try:
        prometheus_client.start_http_server(options.port, options.bind, registry)
    except OSError as error:
        raise Failure(f"{options.bind}:{options.port}: {error.strerror}") from None
    print(f"http://{options.bind}:{options.port}/metrics", flush=True)
    threading.Event().wait()
    return 0


class Collector:
    """Asks the server each time that Prometheus asks."""

    def __init__(self, url: str) -> None:
        self.client, _ = client_of(url, socket_timeout=5, socket_connect_timeout=5)

    def describe(self) -> Iterable[Metric]:
        """Nothing: names follow from what the server has."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics; of a server that does not answer only vectorset_up, which is 0."""
        import redis
        from prometheus_client.core import GaugeMetricFamily

        found: list[Metric] = []
        try:
            found = list(self.ask())
        except (redis.RedisError, OSError):
            pass
        yield GaugeMetricFamily("vectorset_up", "1 if the server answers and has the module", value=1 if found else 0)
        yield from found

    def ask(self) -> Iterator[Metric]:
        """What the server tells; nothing without the module."""
        from prometheus_client.core import GaugeMetricFamily

        info = self.client.info("everything")
        if "vectorset_kernel" not in info:
            return
        yield from fields(info)
        for name in ("used_memory", "maxmemory"):
            yield GaugeMetricFamily(f"vectorset_server_{name}_bytes", f"{name} of INFO", value=info.get(name, 0))
        yield from commands(self.client, info)


def fields(info: dict[str, Any]) -> Iterator[Metric]:
    """The fields of INFO vectorset. Text is a label of vectorset_info."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

    made: dict[str, Any] = {}
    words = {}
    for field, value in info.items():
        name = field.removeprefix("vectorset_")
        if name == field:
            continue
        if not isinstance(value, (int, float)):
            words[name] = str(value)
            continue
        name, labels, value, grows = metric_of(name, value)
        if name not in made:
            family = CounterMetricFamily if grows else GaugeMetricFamily
            made[name] = family(f"vectorset_{name}", f"{field} of INFO", labels=list(labels))
        made[name].add_metric(list(labels.values()), value)
    yield from made.values()
    yield InfoMetricFamily("vectorset", "What the server uses", value=words)


def metric_of(name: str, value: float) -> tuple[str, dict[str, str], float, bool]:
    """A field's metric, its labels, its value in base units, and whether it only grows."""
    labels: dict[str, str] = {}
    for pattern, family, label, grows in LABELLED:
        if found := pattern.fullmatch(name):
            if label == "quantile":
                quantile = int(found[2]) / 10 ** len(found[2])
                return family.format(found[1]), {label: str(quantile)}, value / 1e6, grows
            return family, {label: found[1]}, value, grows
    if name.endswith("_microseconds"):
        return name.replace("_microseconds", "_seconds"), labels, value / 1e6, True
    return name, labels, value, name in COUNTERS


def commands(client: redis.Redis, info: dict[str, Any]) -> Iterator[Metric]:
    """Calls, failures and durations of the module's commands, queues and delays included."""
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    names = module_commands(client, info)
    stats = {name: info[f"cmdstat_{name}"] for name in names if f"cmdstat_{name}" in info}
    for field, what in (("failed_calls", "failed"), ("rejected_calls", "rejected")):
        family = CounterMetricFamily(f"vectorset_commands_{what}", f"Calls that {what}" if what == "failed" else "Calls that were rejected", labels=["command"])
        for name, stat in stats.items():
            family.add_metric([name.lower()], stat.get(field, 0))
        yield family
    histogram = HistogramMetricFamily("vectorset_command_seconds", "Durations of commands", labels=["command"])
    for name, (calls, ends) in histograms(client, list(stats)).items():
        buckets = [(repr(end / 1e6), counted(ends, end)) for end in ENDS]
        histogram.add_metric([name.lower()], [*buckets, ("+Inf", calls)], stats[name]["usec"] / 1e6)
    yield histogram


def module_commands(client: redis.Redis, info: dict[str, Any]) -> list[str]:
    """The module's commands; on Redis 6.2, which cannot be asked, those that were called and look like it."""
    import redis

    try:
        return [text(name) for name in client.execute_command("COMMAND LIST", "FILTERBY", "MODULE", "vectorset")]
    except redis.ResponseError:
        called = [field.removeprefix("cmdstat_") for field in info if field.startswith("cmdstat_")]
        return [name for name in called if re.match(r"V[A-Z]|FT\.|JSON\.", name)]


def histograms(client: redis.Redis, names: list[str]) -> dict[str, tuple[int, dict[int, int]]]:
    """Of each command the calls, and how many took no longer than so many microseconds; none on Redis 6.2."""
    import redis

    if not names:
        return {}
    try:
        reply = client.execute_command("LATENCY", "HISTOGRAM", *names)
    except redis.ResponseError:
        return {}
    reply = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2]))
    found = {}
    for name, fields in reply.items():
        fields = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2]))
        ends = fields[b"histogram_usec"]
        found[text(name)] = fields[b"calls"], ends if isinstance(ends, dict) else dict(zip(ends[::2], ends[1::2]))
    return found


def counted(ends: dict[int, int], end: int) -> int:
    """How many took no longer than `end`: the server leaves out buckets to which nothing was added."""
    return max((count for known, count in ends.items() if known <= 1.01 * end + 1), default=0)
