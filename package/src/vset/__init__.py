"""Vector sets for Redis 6.2/7 and Valkey 8/9. MODULE is the file for --loadmodule."""

import pathlib

MODULE = pathlib.Path(__file__).resolve().parent / "libvset.so"
