"""The seed of random tests: VSET_SEED, which `make test` sets so that a commit gives the same result each time, or a new one."""

import os
import random


def new_seed():
    """Printed by the test that takes it; VSET_SEED repeats the test."""
    return int(os.environ.get("VSET_SEED") or random.SystemRandom().randrange(1, 1 << 30))
