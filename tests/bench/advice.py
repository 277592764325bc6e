"""``advice``: CheckAdvice over gRPC, beside an echo of the same messages, with 100,000 standing advices in the ledger.

Each of so many members has one, raised by hand; tills ask about one member after the other. All have been asked about
before, once, which reads them from the ledger: how long that takes is told beside.
"""

import asyncio
from typing import Any

import grpc

from pointguard.v1 import advice_pb2, common_pb2
from pointguard_client.channel import call_metadata
from pointguard_client.load.exchange import RawCall
from pointguard_client.load.members import LoadMember
from tests.bench.processes import ProcessFailed, run_worker
from tests.bench.program import load_members
from tests.bench.results import Result, Round, summarize
from tests.bench.stage import Stage
from tests.bench.unary import CHANNELS, CONCURRENCY, PROCESSOR_UNIT, echo, facts_of, keep_answers, server_us

GOAL = "ratio ≥ 0.85"
ADVICES = 100_000
CHECK = "/pointguard.v1.AdviceService/CheckAdvice"
MAKING_TIMEOUT_S = 900.0
FIRST_SHARE = 1.3
"""The first time takes so much longer than its beginning promises, to be sure that it comes to an end."""


def run(stage: Stage) -> list[Result]:
    """Measure both sides in turn."""
    directory = stage.folder / "advice"
    api_key = stage.issue_key(directory)
    stage.say(f"advice: making a ledger of {ADVICES:,} members with an advice each")
    job = {"arguments": stage.server_arguments(directory), "members": ADVICES}
    run_worker("tests.bench.advised_members", job, MAKING_TIMEOUT_S)
    answers = stage.folder / "advice-answers"
    job = {
        "mode": "unary", "concurrency": CONCURRENCY, "channels": CHANNELS,
        "operations": ("advice",), "members": ADVICES,
    }  # fmt: skip
    rounds: list[Round] = []
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    with stage.pointguard(directory) as pointguard:
        keep_answers({"advice": asyncio.run(_ask_once(pointguard.address, api_key, load_members(1)[0]))}, answers)
        with echo(stage, answers) as baseline:
            first = Round(
                *(stage.load(server, api_key, **job)["requests_per_second"] for server in (pointguard, baseline))
            )
            stage.say("advice: asking about everyone once")
            stage.load(pointguard, api_key, **job | {"seconds": FIRST_SHARE * ADVICES / first.pointguard})
            for number in range(stage.rounds):
                stage.say(f"advice: round {number + 1} of {stage.rounds}")
                ours.append(stage.load(pointguard, api_key, **job))
                theirs.append(stage.load(baseline, api_key, **job))
                rounds.append(Round(ours[-1]["requests_per_second"], theirs[-1]["requests_per_second"]))
    settings = stage.settings(
        advices=ADVICES,
        concurrency=CONCURRENCY,
        channels=CHANNELS,
        loop="closed; one client process in Python, the same for both sides",
        pointguard_runs=[facts_of(summary) for summary in ours],
        baseline_runs=[facts_of(summary) for summary in theirs],
    )
    costs = [Round(server_us(mine), server_us(echoed)) for mine, echoed in zip(ours, theirs, strict=True)]
    return [
        summarize("advice", "checks/s", GOAL, rounds, settings),
        summarize("advice-first", "checks/s", "", [first], settings),
        summarize("advice-processor", PROCESSOR_UNIT.replace("decision", "check"), "", costs, settings),
    ]


async def _ask_once(address: str, api_key: str, member: LoadMember) -> bytes:
    """Return the serialized answer about one member."""
    request = advice_pb2.CheckAdviceRequest(member=common_pb2.MemberReference(loyalty_id=member.loyalty_id))
    async with grpc.aio.insecure_channel(address) as channel:
        call: RawCall = channel.unary_unary(CHECK)
        answer = await call(request.SerializeToString(), metadata=call_metadata(api_key), timeout=10)
    if len(advice_pb2.CheckAdviceResponse.FromString(answer).advice) != 1:
        raise ProcessFailed("no advice stands against the first member")
    return answer
