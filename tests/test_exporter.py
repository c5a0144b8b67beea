"""`vset exporter`: what Prometheus reads, and that the dashboard and the alert rules name nothing else."""

import json
import re
import subprocess
import sys
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from command_line import ENVIRONMENT, in_process
from servers import ROOT, eventually, free_port, info
from vectors import add, random_vectors

MONITORING = ROOT / "package/monitoring"


def read(text):
    """Samples: {name: {labels: value}}."""
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return samples


def one(samples, name, **labels):
    return samples[name][frozenset(labels.items())]


@pytest.fixture
def exported(clean):
    """Serves the metrics of the shared server: a function that reads them."""
    port = free_port()
    command = [sys.executable, "-m", "vset", "exporter", f"redis://127.0.0.1:{clean.port}", "--port", str(port)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().strip()
            assert address == f"http://127.0.0.1:{port}/metrics"
            yield lambda: read(urllib.request.urlopen(address, timeout=120).read().decode())
        finally:
            process.terminate()


def use(c):
    eventually(lambda: info(c, "vectorset").get("vectorset_sets", "0") == "0")  # those of other tests are freed by threads
    c("CONFIG", "RESETSTAT")
    add(c, "k", random_vectors(500, 16, seed=1), attributes=lambda i: '{"i":%d}' % i)
    for i in range(20):
        c("VSIM", "k", "ELE", f"e{i}")
    c("VSIM", "k", "ELE", "e1", "TRUTH", "FILTER", ".i < 100")
    c.pipeline([["VSIM", "k", "ELE", "missing"]])


def test_every_field_of_info_is_there(clean, exported):
    c = clean.connect()
    use(c)
    samples = exported()
    assert one(samples, "vectorset_up") == 1
    assert one(samples, "vectorset_sets") == 1 and one(samples, "vectorset_elements") == 500
    assert sum(len(labels) for name, labels in samples.items() if not name.startswith(("vectorset_command", "vectorset_server", "vectorset_up"))) == len(
        info(c, "vectorset")
    )
    assert one(samples, "vectorset_bytes", kind="vectors") == int(info(c, "vectorset")["vectorset_bytes_vectors"])
    assert one(samples, "vectorset_query_plans_total", plan="scan") >= 1
    assert one(samples, "vectorset_info", kernel=info(c, "vectorset")["vectorset_kernel"]) == 1
    assert 0 < one(samples, "vectorset_query_quantile_seconds", quantile="0.5") <= one(samples, "vectorset_query_quantile_seconds", quantile="0.99") < 60
    assert 0 < one(samples, "vectorset_query_seconds_total") < 600
    assert one(samples, "vectorset_server_used_memory_bytes") > 1e5


def test_histograms_of_commands_are_reset_by_resetstat(clean, exported):
    c = clean.connect()
    use(c)
    samples = exported()
    if not clean.modern:
        assert "vectorset_command_seconds_bucket" not in samples  # Redis 6.2 has no histograms
        return
    assert one(samples, "vectorset_command_seconds_count", command="vadd") == 500
    buckets = {float(dict(labels)["le"]): count for labels, count in samples["vectorset_command_seconds_bucket"].items() if ("command", "vsim") in labels}
    counts = [count for _, count in sorted(buckets.items())]
    assert counts == sorted(counts) and counts[-1] == one(samples, "vectorset_command_seconds_count", command="vsim") >= 21
    spent = one(samples, "vectorset_command_seconds_sum", command="vsim")
    assert 0 < spent <= sum((after - before) * 2 * end for end, before, after in zip(sorted(buckets)[:-1], [0, *counts], counts))
    c("CONFIG", "RESETSTAT")
    samples = exported()
    assert not any(("command", "vsim") in labels for labels in samples.get("vectorset_command_seconds_count", {}))
    c("VSIM", "k", "ELE", "e1")
    assert one(exported(), "vectorset_command_seconds_count", command="vsim") == 1


def test_dashboard_and_alerts_name_metrics_that_exist(clean, exported):
    c = clean.connect()
    use(c)
    samples = exported()
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    expressions += re.findall(r"^ +expr: (.*)$", (MONITORING / "alerts.yml").read_text(), re.M)
    assert len(expressions) > 30
    named = {name for text in expressions for name in re.findall(r"\bvectorset_\w+", text)}
    if not clean.modern:
        named = {name for name in named if not name.startswith("vectorset_command_seconds")}
    assert named - set(samples) == set()
    commands = set(re.findall(r'command="(\w+)"', " ".join(expressions)))
    assert commands <= {dict(labels)["command"] for labels in samples["vectorset_commands_failed_total"]}


def test_servers_that_do_not_answer_or_have_no_module(peer_server, capsys):
    for port in (1, peer_server.port):
        assert in_process(capsys, "exporter", f"localhost:{port}", "--once")[0].splitlines()[-1] == "vectorset_up 0.0"
    _, told = in_process(capsys, "exporter", "--port", peer_server.port, code=1)
    assert told == f"vset: 127.0.0.1:{peer_server.port}: Address already in use\n"
