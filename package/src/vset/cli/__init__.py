"""The command `vset`: a server with the module, and tools for one that runs.

Each subcommand is a module of this package with `register(subparsers)`, which names its arguments and its function.
What goes wrong outside the tools is reported in one line, without a traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from .. import __version__
from . import bench, doctor, exporter, migrate, recall, serve
from .common import Failure, explain

__all__ = ["main"]


class Parser(argparse.ArgumentParser):
    """Wrong arguments are one line, too."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser() -> Parser:
    """The parser of all subcommands."""
    made = Parser(prog="vset", description="Vector sets, search and JSON for Redis and Valkey.")
    made.add_argument("--version", action="version", version=f"vset {__version__}")
    commands = made.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for command in (serve, migrate, recall, bench, doctor, exporter):
        command.register(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and returns the exit status: 0, 1 for a failure, 2 for wrong arguments."""
    options, rest = parser().parse_known_args(arguments)
    if rest and not options.takes_more:
        options.parser.error(f"unknown argument {rest[0]}")
    try:
        return int(options.run(options, rest) if options.takes_more else options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone; Python would say so when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        message = explain(error)
        if message is None:
            raise
        print(f"vset: {message}", file=sys.stderr)
        return 2 if isinstance(error, Failure) and error.usage else 1
