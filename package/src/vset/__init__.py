"""Vector sets, search and JSON for Redis 6.2/7 and Valkey 8/9. MODULE is the file for --loadmodule.

The command `vset` (or `python -m vset`) starts servers, migrates, measures and watches them: `vset --help`.
"""

from __future__ import annotations

import importlib.metadata
import pathlib

__all__ = ["MODULE", "__version__"]

#: The module for this platform; wheels for other platforms than Linux have none.
MODULE: pathlib.Path = pathlib.Path(__file__).resolve().parent / "libvset.so"

try:
    __version__: str = importlib.metadata.version("vset")
except importlib.metadata.PackageNotFoundError:  # a source tree
    __version__ = "0+source"
