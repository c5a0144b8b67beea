"""Runs the command `vset` from the sources, as a user runs it from the wheel."""

import os
import subprocess
import sys

from servers import ROOT

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "package/src")}
sys.path.insert(0, ENVIRONMENT["PYTHONPATH"])
from vset.cli import main  # noqa: E402


def vset(*arguments, code=0, environment=ENVIRONMENT, **options):
    """What came of it, which must end with this status."""
    command = [sys.executable, "-m", "vset", *(str(x) for x in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, **options)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def in_process(capsys, *arguments, code=0):
    """The same within this process, which is quicker: what it writes to stdout and stderr."""
    try:
        ended = main([str(x) for x in arguments])
    except SystemExit as end:
        ended = end.code
    out, err = capsys.readouterr()
    assert ended == code, out + err
    return out, err
