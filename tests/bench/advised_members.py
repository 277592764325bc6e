"""The process that makes the ledger of ``advice``: members, each with an advice raised by hand. Started by it.

It is the server with its own services, without gRPC between them and who calls: over gRPC it took a quarter of an
hour. It reads its job (``arguments``: the server's command line, ``members``: how many) as JSON from standard input.
"""

import asyncio
import json
import sys
import time
from contextlib import redirect_stdout
from itertools import islice

from google.protobuf import duration_pb2

from pointguard.v1 import advice_pb2, common_pb2, member_pb2
from pointguard_client.idempotency import new_idempotency_key
from pointguard_client.load.members import LoadMember
from pointguard_server.bootstrap import Server
from pointguard_server.rpc.advice_service import AdviceService
from pointguard_server.rpc.guard import Call
from pointguard_server.rpc.member_service import MemberService
from pointguard_server.settings import read_settings
from tests.bench.program import load_members

AT_ONCE = 512
STANDS_FOR_S = 30 * 24 * 60 * 60
DEADLINE_S = 600.0


async def advise(arguments: list[str], members: int) -> None:
    """Do the job."""
    settings, _ = read_settings(arguments)
    server = Server(settings)
    await server.open()
    desk = server.rpc._desk
    members_service, advice_service = MemberService(desk), AdviceService(desk)
    call = Call(
        {server.tenant.tenant_id: server.tenant}, server.tenant.tenant_id, "bench", time.monotonic() + DEADLINE_S
    )
    left = iter(load_members(members))
    while some := list(islice(left, AT_ONCE)):
        decoder = desk.decoder(call)
        # Without the answer: the service would read each new member for it.
        await desk.engine.submit(
            [members_service._enroll_ask(decoder, _enrollment(each)) for each in some],
            call.deadline,
        )
        await asyncio.gather(*(advice_service.raise_advice(call, _advice(each)) for each in some))
    await server.close()


def _enrollment(member: LoadMember) -> member_pb2.EnrollMemberRequest:
    return member_pb2.EnrollMemberRequest(
        idempotency_key=new_idempotency_key(), identifiers=[common_pb2.MemberReference(loyalty_id=member.loyalty_id)]
    )


def _advice(member: LoadMember) -> advice_pb2.RaiseAdviceRequest:
    return advice_pb2.RaiseAdviceRequest(
        idempotency_key=new_idempotency_key(),
        member=common_pb2.MemberReference(loyalty_id=member.loyalty_id),
        context=common_pb2.ADVICE_CONTEXT_REDEMPTION,
        posture=common_pb2.ADVICE_POSTURE_WARN,
        duration=duration_pb2.Duration(seconds=STANDS_FOR_S),
        intervention=common_pb2.Intervention(author="bench", reason=common_pb2.INTERVENTION_REASON_SUSPECTED_FRAUD),
    )


if __name__ == "__main__":
    job = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):  # where the server logs to
        asyncio.run(advise(job["arguments"], job["members"]))
    print(json.dumps({}))
