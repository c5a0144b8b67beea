"""Fixtures that all tests share: servers of each kind under test, connections to them, and what a failed test shows."""

import pytest

pytest.register_assert_rewrite("command_line", "resp", "servers", "vectors", "payload")

from servers import Server, selected  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "differs(reason): Redis's own vector sets (VSET_SERVERS=peer) are known to fail this")


# Not repeated: a wrong reply that occurs once in many runs is still a bug.
NO_RERUNS = {f"test_{name}.py" for name in ("concurrency", "differential", "json_differential", "judged", "search_concurrency", "search_differential", "torture")}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name in NO_RERUNS:
            item.add_marker(pytest.mark.flaky(reruns=0))
        params = getattr(item, "callspec", None) and item.callspec.params
        mark = item.get_closest_marker("differs")
        if mark and params and params.get("server") == "peer":
            item.add_marker(pytest.mark.xfail(reason=mark.args[0], strict=False))


@pytest.fixture(scope="session", params=selected())
def server(request):
    """One server of each kind, for all tests that need no special configuration."""
    server = Server(request.param)
    yield server
    server.remove()


@pytest.fixture
def clean(server):
    """The shared server, empty. Fails the test that crashed it, and starts another for the next."""
    if not server.alive():
        server.start()
    conn = server.connect()
    conn("FLUSHALL")
    server.give_time(conn)
    yield server
    code = server.process.poll()
    server.close_connections()
    assert code is None or server.peer, f"{server!r} ended with {code}:\n{server.log(100)}"


@pytest.fixture
def has_search(server):
    """Redis's own vector sets (VSET_SERVERS=peer) come without FT.*."""
    if server.peer:
        pytest.xfail("has no search")


@pytest.fixture
def c(clean):
    """A RESP2 connection to an empty server."""
    return clean.connect()


@pytest.fixture
def c3(clean):
    """The same in RESP3."""
    return clean.connect(protocol=3)


@pytest.fixture
def launch(server):
    """Starts more servers of the same kind, with a configuration: launch(("appendonly", "yes"))."""
    started = []

    def start(*config):
        started.append(Server(server.kind, *config))
        return started[-1]

    yield start
    for s in started:
        s.remove()


@pytest.fixture
def replicated(launch):
    """A master with a configuration and a replica of it: replicated(("appendonly", "yes"))."""

    def start(*config):
        master, replica = launch(*config), launch()
        replica.replicate(master)
        return master, replica

    return start


@pytest.fixture
def start():
    """start(kind, *config, arguments=()): servers of any kind, removed at the end."""
    started = []

    def start(*args, **kw):
        started.append(Server(*args, **kw))
        return started[-1]

    yield start
    for server in started:
        server.remove()


@pytest.fixture(scope="session")
def peer_server():
    server = Server("peer")
    yield server
    server.remove()


@pytest.fixture
def peer(peer_server):
    """A RESP2 connection to Redis with its own vector sets, empty."""
    conn = peer_server.connect()
    conn("FLUSHALL")
    yield conn
    peer_server.close_connections()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the server's log."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        server = item.funcargs.get("server") if hasattr(item, "funcargs") else None
        if server:
            report.sections.append((f"log of {server!r}", server.log(20)))


def pytest_terminal_summary(terminalreporter):
    """The first failures of tests that were repeated."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"run once more: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
