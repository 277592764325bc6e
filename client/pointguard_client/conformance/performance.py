"""Plays one scenario: enrolls who takes part, takes the steps, compares, and checks what is left. For ``run``."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from pointguard.v1 import common_pb2, member_pb2, offline_pb2, transaction_pb2
from pointguard_client.conformance import aftermath
from pointguard_client.conformance.columns import Row
from pointguard_client.conformance.expectations import (
    LOST,
    SAME,
    Mismatch,
    answer_of,
    answers_as,
    compare,
    tally_of,
)
from pointguard_client.conformance.outcome import Outcome
from pointguard_client.conformance.phrases import (
    AGAIN,
    ARRIVES,
    CURRENCY,
    RESTARTS,
    Said,
    seconds_of,
    understand,
)
from pointguard_client.conformance.phrases import WAITS as TIME_PASSES
from pointguard_client.conformance.power_cuts import PowerCuts
from pointguard_client.conformance.relay import Fault
from pointguard_client.conformance.tables import Scenario, ScenarioError, Step
from pointguard_client.conformance.wire import HeldBack, Wire, goes_in
from pointguard_client.errors import PointguardError
from pointguard_client.idempotency import new_idempotency_key

UNKNOWN: Final = "unknown"
"""The name of a step that there never was, for requests about what does not exist."""
_TOGETHER: Final = ("one batch", "one stream", "columns", "together")
"""What the column `wire` says of rows that go out at once, those next to each other with the same word."""
_COPIES: Final = re.compile(r"sent (\d+) times")
_RIVALS: Final = re.compile(r"(\d+) at once")
_WIRE: Final = re.compile("|".join([*_TOGETHER, *Fault, "sent twice", _COPIES.pattern, _RIVALS.pattern]))


class Verdict(StrEnum):
    """What became of a scenario."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario's result. ``line`` is where it failed, and ``why`` what was wrong there, a finding each."""

    scenario: Scenario
    verdict: Verdict
    seconds: float = 0.0
    line: int = 0
    where: str = ""
    why: tuple[str, ...] = ()


class Failed(Exception):
    """A step, or what is left after all, is not as it should be."""

    def __init__(self, line: int, where: str, why: Sequence[object]) -> None:
        self.line, self.where, self.why = line, where, tuple(map(str, why))
        super().__init__(where)


@dataclass(slots=True)
class _Done:
    """A step that was taken: what was sent, and the answer, if one came."""

    rpc: str
    request: Any
    outcome: Outcome | None = None
    held: HeldBack | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A scenario with its steps understood."""

    scenario: Scenario
    said: tuple[Said, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> "Part":
        """Understand every step.

        Raises:
            ScenarioError: nobody understands one, or it speaks of a step that is not before it.
        """
        said, known = [], {UNKNOWN}
        for step in scenario.steps:
            try:
                said.append(understand(step.does, step.who))
            except ValueError as error:
                raise ScenarioError(scenario.path, step.line, str(error)) from error
            if step.wire and not _WIRE.fullmatch(step.wire):
                raise ScenarioError(scenario.path, step.line, f"unknown in the column wire: {step.wire!r}")
            if said[-1].rpc != AGAIN and not goes_in(step.wire, said[-1].rpc):
                raise ScenarioError(scenario.path, step.line, f"{said[-1].rpc} does not go in {step.wire}")
            for named in filter(None, (said[-1].step, said[-1].key_of)):
                if named not in known:
                    raise ScenarioError(scenario.path, step.line, f"there is no step {named!r} before it")
            known.add(step.name)
        return cls(scenario, tuple(said))

    @property
    def roles(self) -> frozenset[str]:
        """What the API key must be allowed to do."""
        return frozenset(said.phrase.role for said in self.said)

    @property
    def cuts_power(self) -> bool:
        """Whether the target is killed in it."""
        return any(said.rpc == RESTARTS for said in self.said)


@dataclass(slots=True)
class Performance:
    """One scenario in one run. ``run`` makes its names unlike those of any other run."""

    part: Part
    wire: Wire
    run: str
    power_cuts: PowerCuts | None = None
    _done: dict[str, _Done] = field(default_factory=dict)
    _writes: aftermath.Writes = field(default_factory=aftermath.Writes)
    _time_passed: bool = False

    async def play(self) -> Result:
        """Play it from its beginning to its end."""
        scenario, started = self.part.scenario, time.monotonic()
        try:
            await self._begin()
            await self._take_steps()
            await self._look_back()
        except Failed as failed:
            verdict = Verdict.FAILED
            return Result(scenario, verdict, time.monotonic() - started, failed.line, failed.where, failed.why)
        except OSError as error:
            why = (f"the kit could not go on: {error}",)
            return Result(scenario, Verdict.FAILED, time.monotonic() - started, where="the kit", why=why)
        finally:
            await self._clean_up()
        return Result(scenario, Verdict.PASSED, time.monotonic() - started)

    def member(self, name: str) -> common_pb2.MemberReference:
        """Return what finds a member."""
        return common_pb2.MemberReference(loyalty_id=self.unique(name))

    def card(self, name: str) -> common_pb2.MemberReference:
        """Return a card by its name in the scenario."""
        return common_pb2.MemberReference(card=self.unique(name))

    def unique(self, name: str) -> str:
        """Return a name that no other scenario and no other run has."""
        return f"{self.run}-{name}"

    def transaction(self, step: str) -> str:
        """Return the id of the transaction, or of the stop, that a step made."""
        if step == UNKNOWN:
            return new_idempotency_key()
        outcome = self._done[step].outcome
        message = None if outcome is None else outcome.message
        if message is None:
            raise Failed(0, f"step {step}", ["it has made no transaction that this step could speak of"])
        return str(message.stop.stop_id) if hasattr(message, "stop") else str(message.transaction_id)

    def allowance(self, step: str) -> offline_pb2.Allowance:
        """Return the allowance that a step had signed out."""
        outcome = self._done[step].outcome
        allowance = None if outcome is None else getattr(outcome.message, "allowance", None)
        if not isinstance(allowance, offline_pb2.Allowance):
            raise Failed(0, f"step {step}", ["it has signed nothing out that this step could spend"])
        return allowance

    def key(self, step: str) -> str:
        """Return the idempotency key of an earlier step."""
        return aftermath.key_of(self._done[step].request)

    async def _begin(self) -> None:
        """Enroll the members and give them what they have."""
        scenario = self.part.scenario
        for member in scenario.members:
            enroll = member_pb2.EnrollMemberRequest(
                idempotency_key=new_idempotency_key(),
                identifiers=[self.member(member.name), *([self.card(member.card)] if member.card else [])],
                profile=member_pb2.Profile(province=member.province),
                tier=member.tier,
            )
            outcome = await self._write("EnrollMember", enroll)
            if outcome.code != "OK":
                raise Failed(1, f"enrolling {member.name}", [Mismatch("answer", "OK", _told(outcome))])
            if not member.has:
                continue
            total = common_pb2.Money(currency_code=CURRENCY, minor_units=member.has)
            opening = transaction_pb2.AccrueRequest(
                idempotency_key=new_idempotency_key(), member=self.member(member.name), total=total, tender=member.paid
            )
            outcome = await self._write("Accrue", opening)
            if outcome.code != "OK" or outcome.message.points != member.has:
                found = _told(outcome) if outcome.code != "OK" else outcome.message.points
                raise Failed(1, f"giving {member.name} points", [Mismatch("points", str(member.has), str(found))])

    async def _look_back(self) -> None:
        """Check what must hold after every scenario."""
        if problems := await aftermath.check(self.wire, self._writes, time_passed=self._time_passed):
            raise Failed(self.part.scenario.steps[-1].line, "afterwards", problems)

    async def _take_steps(self) -> None:
        rows = list(zip(self.part.scenario.steps, self.part.said, strict=True))
        while rows:
            group = [rows.pop(0)]
            while rows and group[0][0].wire in _TOGETHER and rows[0][0].wire == group[0][0].wire:
                group.append(rows.pop(0))
            try:
                await (self._take_together(group) if group[0][0].wire in _TOGETHER else self._take(*group[0]))
            except Failed as failed:
                step = group[0][0]
                where = failed.where or step.text
                raise Failed(failed.line or step.line, where, failed.why) from failed

    async def _take(self, step: Step, said: Said) -> None:
        """Take one step."""
        if said.rpc == TIME_PASSES:
            self._time_passed = True
            await asyncio.sleep(seconds_of(said.parts["length"]))
        elif said.rpc == RESTARTS:
            if self.power_cuts is None:
                raise Failed(0, "", ["nobody said how the target is killed and started again"])
            try:
                await self.power_cuts.cut()
            except (OSError, PointguardError) as error:
                raise Failed(0, "", [f"the target was not started again: {error}"]) from error
        elif said.rpc == ARRIVES:
            done = self._done[said.step]
            if done.held is None:
                raise Failed(0, "", [f"the step {said.step} is not held back"])
            self._judge(step, done, await done.held.arrive())
        elif rivals := _RIVALS.fullmatch(step.wire):
            self._judge_rivals(step, await self._send_rivals(said, int(rivals[1])))
        else:
            await self._send_step(step, self._prepared(step, said))

    def _prepared(self, step: Step, said: Said) -> _Done:
        """Return what a step sends: an earlier step's request once more, or one of its own."""
        if said.rpc == AGAIN:
            return self._done[said.step]
        key = self.key(said.key_of) if said.key_of else new_idempotency_key()
        done = _Done(said.rpc, said.request(self, key))
        if step.name:
            self._done[step.name] = done
        return done

    async def _send_step(self, step: Step, done: _Done) -> None:
        if step.wire == Fault.HELD_BACK:
            done.held = await self.wire.hold_back(done.rpc, done.request)
        elif step.wire in tuple(Fault):
            self._judge(step, done, await self.wire.call_with(Fault(step.wire), done.rpc, done.request))
        elif copies := 2 if step.wire == "sent twice" else int((_COPIES.fullmatch(step.wire) or [0, 0])[1]):
            calls = [self.wire.call(done.rpc, done.request) for _ in range(copies)]
            first, *others = await asyncio.gather(*calls)
            self._judge(step, done, first)
            for other in others:
                self._judge_same(step, first, other)
        else:
            self._judge(step, done, await self.wire.call(done.rpc, done.request))

    async def _take_together(self, group: Sequence[tuple[Step, Said]]) -> None:
        """Take steps at once: in one batch, over one stream, as columns, or in calls side by side."""
        done = [self._prepared(step, said) for step, said in group]
        calls = [(each.rpc, each.request) for each in done]
        how = group[0][0].wire
        if how == "one batch":
            outcomes = await self.wire.batch(calls)
        elif how == "one stream":
            outcomes = await self.wire.stream(calls)
        elif how == "columns":
            outcomes = [
                await self._told_alone(*each) for each in zip(calls, await self.wire.columns(calls), strict=True)
            ]
        else:
            outcomes = list(await asyncio.gather(*(self.wire.call(*call) for call in calls)))
        if len(outcomes) != len(calls):
            raise Failed(0, "", [f"{len(outcomes)} answers to {len(calls)} requests"])
        for (step, _), each, outcome in zip(group, done, outcomes, strict=True):
            try:
                self._judge(step, each, outcome)
            except Failed as failed:
                raise Failed(step.line, step.text, failed.why) from failed

    async def _told_alone(self, call: tuple[str, Any], row: Row | Outcome) -> Outcome:
        """Return the answer to a row of columns, which the same key alone gets whole."""
        if isinstance(row, Outcome):
            return row
        outcome = await self.wire.call(*call)
        if outcome.message is None:
            raise Failed(0, "", [Mismatch("answer", "the same alone as in columns", _told(outcome))])
        if differences := row.differences(outcome.message):
            raise Failed(0, "", differences)
        return outcome

    async def _send_rivals(self, said: Said, count: int) -> list[Outcome]:
        requests = [said.request(self, new_idempotency_key()) for _ in range(count)]
        return list(await asyncio.gather(*(self._write(said.rpc, request) for request in requests)))

    async def _write(self, rpc: str, request: Any) -> Outcome:
        outcome = await self.wire.call(rpc, request)
        self._writes.add(rpc, request, outcome)
        return outcome

    def _judge(self, step: Step, done: _Done, outcome: Outcome) -> None:
        """Compare an answer with what the row expects, and keep it."""
        self._writes.add(done.rpc, done.request, outcome)
        if step.answer == LOST:
            if not outcome.is_lost:
                raise Failed(0, "", [Mismatch("answer", "none", _told(outcome))])
            return
        if step.answer == SAME:
            if done.outcome is None:
                raise Failed(0, "", ["there is no first answer that this could be the same as"])
            self._judge_same(step, done.outcome, outcome)
        elif not answers_as(step.answer, outcome):
            mismatch = Mismatch("answer", step.answer or "no refusal", _told(outcome))
            raise Failed(0, "", [mismatch, *_reasons_of(outcome)])
        if mismatches := compare(step.expected, outcome):
            raise Failed(0, "", mismatches)
        if problem := aftermath.balance_problem(outcome):
            raise Failed(0, "", [problem])
        if done.outcome is None:
            done.outcome = outcome

    def _judge_same(self, step: Step, first: Outcome, outcome: Outcome) -> None:
        if (first.code, first.reason, first.message) != (outcome.code, outcome.reason, outcome.message):
            mismatch = Mismatch("answer", f"the same as the first time, {_told(first)}", _told(outcome))
            raise Failed(step.line, step.text, [mismatch, *aftermath.differences(first.message, outcome.message)])

    def _judge_rivals(self, step: Step, outcomes: list[Outcome]) -> None:
        found = tally_of(outcomes)
        wanted = ", ".join(sorted((part.strip() for part in step.answer.split(",")), key=lambda part: part.split()[1:]))
        if found != wanted:
            raise Failed(0, "", [Mismatch("answer", step.answer, found)])

    async def _clean_up(self) -> None:
        """Let go of what is on its way, and release what was stopped."""
        for done in self._done.values():
            if done.held is not None:
                await done.held.give_up()
        for release in self._writes.releases(self.unique("analyst")):
            await self.wire.call("ReleaseRedemptions", release)


def _told(outcome: Outcome) -> str:
    """Return an outcome with the text that came with it."""
    fields = f" ({', '.join(outcome.fields)})" if outcome.fields else ""
    return f"{answer_of(outcome)}{fields}" + (f": {outcome.text}" if outcome.text else "")


def _reasons_of(outcome: Outcome) -> list[str]:
    """Return why the target decided as it did, for people who look for the mistake."""
    reasons = getattr(outcome.message, "reasons", ())
    told = ", ".join(f"{common_pb2.ReasonCode.Name(each.code)} {each.rule}".strip() for each in reasons)
    return [f"its reasons: {told}"] if told else []
