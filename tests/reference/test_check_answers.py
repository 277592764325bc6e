"""The answer to a CheckAdvice as a kernel writes it: what the encoder gives, whatever stands against an account."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import (
    STOPS,
    UNTIL_RESOLVED,
    AccountFlag,
    AdviceEntity,
    Context,
    Factor,
    Operation,
    Posture,
    Reason,
    Scope,
)
from pointguard_server.engine.buffers import Buffers
from pointguard_server.engine.rows import ENVELOPE, REQUEST, STANDING_COLUMNS
from pointguard_server.engine.verdicts import Answers
from pointguard_server.engine.world import SHOWN
from pointguard_server.rpc.encode import Encoder
from pointguard_server.rpc.wire.codec import NAME_BYTES_MAX, Codec
from pointguard_server.rules.fixed_point import SCALE
from pointguard_server.service.messages import Messages
from pointguard_server.service.tenants import Tenant
from tests.support.messages import KNOWN

NAMES = {0: "", 1: "BURN_DAY", 2: "tells", 3: "long" * 16, 4: "longer" * 16, 5: "é", 6: ""}
REASONS_MAX = 6


def advice_id(row: tuple[Any, ...]) -> Any:
    return row[1]


class OneMessage:
    """Messages of one rule."""

    languages: frozenset[str] = frozenset()

    def __contains__(self, rule: str) -> bool:
        return rule == NAMES[2]

    def text(self, rule: str, language: str, measured: int, ends_at: int) -> str:
        return f"{language} {measured} {ends_at}" if rule in self else ""


def values_of(enumeration: Any) -> st.SearchStrategy[int]:
    return st.sampled_from([0, *map(int, enumeration)])


def advice_of(rules: st.SearchStrategy[int], scopes: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Rows of ``STANDING_COLUMNS``, but for the advice's place among them."""
    moments = st.integers(0, 3_000_000_000_000_000)
    numbers = st.integers(-1, 2**62)
    return st.tuples(
        st.integers(1, 9), st.binary(min_size=16, max_size=16), rules, st.integers(0, 300),
        values_of(AdviceEntity), values_of(Context), st.sampled_from(Posture).map(int),
        moments, st.sampled_from([UNTIL_RESOLVED, 1_800_000_000_000_000]) | moments,
        numbers, numbers, st.just(0) | moments, scopes, st.just(0), values_of(Factor),
        st.just(0), st.just(0), st.just(0), st.just(0), st.just(0),
    )  # fmt: skip


usual_advice = advice_of(st.sampled_from([0, 1, 3]), st.sampled_from([0, int(Scope.ACCOUNT), int(Scope.PROGRAM)]))
any_advice = usual_advice | advice_of(st.sampled_from(list(NAMES)), st.sampled_from([0, 1, 2, int(Scope.CARD)]))
stops = st.lists(st.tuples(st.sampled_from(STOPS), st.just(0)), max_size=2)
reasons = st.lists(st.tuples(st.sampled_from(sorted(set(Reason) - set(STOPS))), st.sampled_from([0, 1, 3])), max_size=3)
checks = st.tuples(
    st.integers(1, 2**40),
    st.sampled_from(range(int(max(AccountFlag)) * 2)),
    st.lists(usual_advice, max_size=6, unique_by=advice_id) | st.lists(any_advice, max_size=3, unique_by=advice_id),
    st.tuples(stops, reasons).map(lambda both: both[0] + both[1]),
)


def answers_of(asked: list[tuple[Any, ...]]) -> Answers:
    """Return what a batch of checks gives that found all this."""
    count, shown = len(asked), sum(len(advice) for _, _, advice, _ in asked)
    out = Buffers().output(
        requests=count, legs=0, entries=0, advice=0, shown=shown, measures=0, awards=0, facts=0, work=0,
        reasons=REASONS_MAX,
    )  # fmt: skip
    columns = out.shown.view(STANDING_COLUMNS)
    for row, (account, flags, advice, given_reasons) in enumerate(asked):
        out.answers[row]["account_id"], out.answers[row]["account_flags"] = account, flags
        out.answers[row]["reason_count"] = len(given_reasons)
        for i, (code, rule) in enumerate(given_reasons):
            out.reasons[row, 2 * i : 2 * i + 2] = code, rule
            out.evidence[row, 2 * i : 2 * i + 2] = -1, 0
        for each in advice:
            at = int(out.counts[SHOWN])
            columns[at], out.shown_request[at] = each, row
            out.counts[SHOWN] = at + 1
    requests, envelopes = np.zeros(count, REQUEST), np.zeros(count, ENVELOPE)
    requests["operation"] = int(Operation.CHECK)
    return Answers(out, requests, envelopes, {}, {})


@given(asked=st.lists(checks, min_size=1, max_size=5), with_messages=st.booleans())
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_a_kernel_writes_what_the_encoder_writes(asked: list[tuple[Any, ...]], with_messages: bool) -> None:
    tenant = Tenant(1, 1, "CAD", SCALE // 100, 1, KNOWN, b"k" * 32)
    if with_messages:
        tenant = replace(tenant, messages=cast("Messages", OneMessage()))
    encoder = Encoder("CAD", NAMES.__getitem__, tenant.messages)
    codec = Codec(tenant, encoder)
    answers = answers_of(asked)
    for left_out_before in (True, False):
        written = codec._write(answers)
        for row, (_, _, advice, given_reasons) in enumerate(asked):
            expected = encoder.check(answers.verdict(row), "").SerializeToString()
            assert codec.write_one(answers, row) == expected
            rules = {each[2] for each in advice} | {rule for _, rule in given_reasons}
            usual = rules <= {0, 1, 3} and all(each[12] <= Scope.PROGRAM for each in advice)
            if usual and (not rules - {0} or not left_out_before):
                assert written.inners[row] >= 0, "the kernel left out what it could write"
        codec.__dict__["_written_for"] = None


@given(advice=st.lists(usual_advice, min_size=1, max_size=1))
@settings(deadline=None, max_examples=5)
def test_what_is_too_much_for_the_kernel_is_written_by_the_encoder(advice: list[tuple[Any, ...]]) -> None:
    tenant = Tenant(1, 1, "CAD", SCALE // 100, 1, KNOWN, b"k" * 32)
    encoder = Encoder("CAD", NAMES.__getitem__)
    for count in (64, 65):
        codec = Codec(tenant, encoder)
        # They differ in nothing but when they end, and the last one comes first.
        answers = answers_of(
            [(7, 0, [(1, end.to_bytes(16), 1, *advice[0][3:8], end, *advice[0][9:]) for end in range(count)], [])]
        )
        expected = encoder.check(answers.verdict(0), "").SerializeToString()
        assert [codec.write_one(answers, 0) for _ in range(2)] == [expected] * 2
        codec.__dict__["_written_for"] = None
        assert (codec._write(answers).inners[0] >= 0) == (count == 64)


def test_names_are_as_long_as_the_texts_of_this_test_have_them() -> None:
    lengths = sorted(len(name.encode()) for name in NAMES.values())
    assert lengths[-2] == NAME_BYTES_MAX < lengths[-1]
