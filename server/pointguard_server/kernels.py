"""Compiles the kernels that decide nothing, in a process of its own: ``python -m pointguard_server.kernels``.

For the first start of a server, which compiles those that decide meanwhile.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def compile_codec() -> None:
    """Compile what reads and writes messages, and what a backtest needs; where all is cached, it is loaded."""
    from pointguard_server.backtest.run import warm_up
    from pointguard_server.engine.buffers import Buffers
    from pointguard_server.engine.inbox import Inbox
    from pointguard_server.engine.verdicts import Answers
    from pointguard_server.rpc.encode import Encoder
    from pointguard_server.rpc.wire.codec import Codec
    from pointguard_server.service.line_codes import LineCodes
    from pointguard_server.service.tenants import Tenant

    tenant = Tenant(
        tenant_id=1, program_id=1, currency="CAD", money_scale=1, reservation_ttl_max=1, line_codes=LineCodes(),
        digest_key=bytes(16),
    )  # fmt: skip
    out = Buffers().output(requests=1, legs=1, entries=1, advice=1, shown=1, measures=1, awards=1, facts=1, work=1)
    inbox = Inbox()
    Codec(tenant, Encoder("CAD", str)).warm_up(Answers(out, inbox.requests[:0], inbox.envelopes[:0], {}, {}))
    warm_up()


@contextmanager
def codec_compiled_beside() -> Iterator[Callable[[], object]]:
    """Have another process compile it; yields what waits until that has ended, well or not."""
    process = subprocess.Popen([sys.executable, "-m", __spec__.name])  # noqa: S603 - a fixed program
    try:
        yield process.wait
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    compile_codec()
