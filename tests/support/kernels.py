"""Compiles the kernels before all tests are run, so that no test waits for it: by two processes, one half each.

``python -m tests.support.kernels HALF`` is such a process. Where they are compiled already, it takes a second or two.
"""

import subprocess
import sys

from pointguard_server.kernels import compile_codec
from tests.support.ledger import open_ledger
from tests.support.server import ROOT, server_environment


def compile_kernels() -> bool:
    """Have both halves compiled for the servers and ledgers of tests; return whether they could be."""
    halves = [
        subprocess.Popen([sys.executable, "-m", "tests.support.kernels", half], cwd=ROOT, env=server_environment())
        for half in HALVES
    ]
    statuses = [half.wait() for half in halves]
    return not any(statuses)


def _compile_decider() -> None:
    with open_ledger() as ledger:
        ledger.decider.warm_up()


HALVES = {"decider": _compile_decider, "codec": compile_codec}

if __name__ == "__main__":
    HALVES[sys.argv[1]]()
