"""Compiles the kernels before all tests are run, so that no test waits for it: by two processes, one half each.

``python -m tests.support.kernels HALF`` is such a process. Where they are compiled already, it takes a second or two.
"""

import subprocess
import sys

from pointguard_server.backtest.run import warm_up
from pointguard_server.engine.buffers import Buffers
from pointguard_server.engine.inbox import Inbox
from pointguard_server.engine.verdicts import Answers
from pointguard_server.rpc.encode import Encoder
from pointguard_server.rpc.wire.codec import Codec
from pointguard_server.service.line_codes import LineCodes
from pointguard_server.service.tenants import Tenant
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


def _compile_codec() -> None:
    out = Buffers().output(requests=1, legs=1, entries=1, advice=1, shown=1, measures=1, awards=1, facts=1, work=1)
    tenant = Tenant(
        tenant_id=1, program_id=1, currency="CAD", money_scale=1, reservation_ttl_max=1, line_codes=LineCodes(),
        digest_key=bytes(16),
    )  # fmt: skip
    warm_up()
    Codec(tenant, Encoder("CAD", str)).warm_up(Answers(out, Inbox().requests[:0], Inbox().envelopes[:0], {}, {}))


HALVES = {"decider": _compile_decider, "codec": _compile_codec}

if __name__ == "__main__":
    HALVES[sys.argv[1]]()
