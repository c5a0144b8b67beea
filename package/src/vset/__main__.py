"""`python -m vset` is the command `vset`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
