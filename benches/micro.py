"""Runs kernels.rs, filter.rs or updates.rs, and keeps what it printed beside the other results: python micro.py kernels|filter|updates"""

import subprocess
import sys

import report

name = sys.argv[1]
command = f"cargo bench --no-default-features --target-dir target/core --bench {name}"
machine = report.machine()
printed = subprocess.run(command.split(), cwd=report.HERE.parent, stdout=subprocess.PIPE, text=True, check=True).stdout
result = {"machine": machine, "lines": printed.splitlines()}
text = [*report.about(machine), *(f"    {line}" for line in result["lines"])]
report.write(None, name, result, text)
