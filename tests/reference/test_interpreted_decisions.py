"""What decides until there is machine code: the interpreter, called by the kernel, decides as compiled code does."""

from collections import Counter
from contextlib import ExitStack
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import CodeKind, Decision, Kind, Operation, Reason
from pointguard_server.domain.record import encode_body
from pointguard_server.engine.rows import RequestFields, currency_number
from pointguard_server.rules.interpreted_rules import InterpretedRules
from pointguard_server.rules.rule_set import RuleSet
from tests.reference.test_explanations import EARN, Explained, assert_reproduced
from tests.reference.test_fraud_conditions import CONDITIONS
from tests.reference.test_windows import CONTROLS, GUARDS, STARTS, ZONES, Step, histories
from tests.support.ledger import DAY, SECOND, Ledger, open_ledger, sandboxed
from tests.support.rule_programs import TEXTS, random_source

DRAWN = {"transaction_id", "idempotency_key", "request_digest", "record", "advice_id"}
"""What holds numbers that are drawn, or may."""
BASKETS = 60


def interpreted(rule_set: RuleSet) -> InterpretedRules:
    def fail(defect: Exception) -> None:
        raise AssertionError(rule_set.source) from defect

    return InterpretedRules(rule_set.checked, fail)


def rows_of(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """Return what was decided, but for the numbers that are drawn."""
    return {
        table: [{name: value for name, value in row.items() if name not in DRAWN} for row in ledger.rows(table)]
        for table in ("legs", "entries", "advice")
    }


@settings(max_examples=6, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(history=histories, zone=st.sampled_from(ZONES), start=st.sampled_from(STARTS))
def test_a_random_history_is_decided_alike_interpreted_and_compiled_and_is_reproduced(
    history: list[tuple[int, Step]], zone: str, start: str
) -> None:
    made = {"earn": EARN, "rules": CONDITIONS + GUARDS, "controls": CONTROLS, "zone": zone}
    with open_ledger(**made) as compiled, open_ledger(**made, back_end=interpreted) as meanwhile:
        for ledger in (compiled, meanwhile):
            ledger.clock.set(start)
            player = Explained(ledger)
            for number, step in history:
                player.play(number, step)
        assert rows_of(meanwhile) == rows_of(compiled)
        assert_reproduced(meanwhile)


def random_purchases(ledger: Ledger, seed: int) -> Counter[str]:
    """Decide purchases of random baskets; return how often each decision, and each reason against one, came up."""
    source = Random(seed)
    accounts = [ledger.member(province=province) for province in ("CA-ON", "")]
    stores = [0, ledger.store_in("CA-ON"), *(ledger.code(CodeKind.STORE, text) for text in TEXTS)]
    seen: Counter[str] = Counter()
    for _ in range(BASKETS):
        ledger.clock.moment += source.choice((SECOND, DAY, 20 * DAY))
        lines = [
            (*(source.randrange(4) for _ in range(3)), source.choice((1, 2, 7)) * 500_000, source.randrange(10**8), 0)
            for _ in range(source.randrange(4))
        ]
        fields = RequestFields(
            int(Operation.ACCRUE), int(source.choice((Kind.PURCHASE, Kind.ACTIVITY))), source.choice(accounts),
            money=source.choice((0, 1, 199, 5_00, 75_00, 10**6, 10**11)), store_id=source.choice(stores),
        )  # fmt: skip
        packed = b"".join(value.to_bytes(8, "little") for line in lines for value in line)
        ask = ledger.ask(
            None, fields, currency=currency_number("CAD"), lines=packed, line_count=len(lines),
            body=encode_body("receipt", b""),
        )  # fmt: skip
        verdict = ledger.one(ask)
        seen[Decision(verdict.decision).name] += 1
        seen.update(Reason(reason).name for reason, _ in verdict.reasons)
        seen["with points"] += verdict.points > 0
    return seen


def test_random_baskets_are_decided_alike_by_random_rule_sets_interpreted_and_compiled() -> None:
    seen: Counter[str] = Counter()
    for seed in range(40):
        source = random_source(Random(seed), rules=3)
        if 'from "' in source:
            continue
        with ExitStack() as stack:
            ledgers = [
                stack.enter_context(open_ledger(earn=source, back_end=back_end))
                for back_end in (sandboxed, interpreted)
            ]
            compiled, meanwhile = (random_purchases(ledger, seed) for ledger in ledgers)
            assert meanwhile == compiled
            assert rows_of(ledgers[1]) == rows_of(ledgers[0]), source
            seen += meanwhile
    assert seen["APPROVED"] > 10 * BASKETS
    assert seen["RULE_ARITHMETIC"] > 2 * BASKETS
    assert seen["with points"] > 5 * BASKETS


def test_a_defect_of_the_interpreter_declines_the_purchase_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    defects: list[Exception] = []

    def fails(*_given: Any) -> None:
        raise RecursionError("told to fail")

    with open_ledger(back_end=lambda rule_set: InterpretedRules(rule_set.checked, defects.append)) as ledger:
        account = ledger.member()
        with monkeypatch.context() as patched:
            patched.setattr("pointguard_server.rules.interpreted_rules.evaluate", fails)
            verdict = ledger.accrue(account, 1_00)
        assert (verdict.decision, verdict.reasons) == (int(Decision.DECLINED), ((int(Reason.RULES_STOPPED), 0),))
        assert [str(defect) for defect in defects] == ["told to fail"]
        assert ledger.accrue(account, 1_00).points == 10
