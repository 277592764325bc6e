"""Which exemptions the kernel finds among many, against a plain look at each."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointguard_server.domain.codes import CodeKind, Context, Decision, ExemptEntity
from pointguard_server.engine.world import EXEMPTION
from tests.support.ledger import DAY, Ledger, open_ledger

RULE = """
[[fraud_rule]]
name = "closed"
context = "REDEMPTION"
counts = { parts = ["REDEEM"], attempts = "ALL" }
measure = "COUNT"
window = { rolling = "1h" }
threshold = 0
posture = "BLOCK"
duration = "0s"
"""
ENTITIES = (ExemptEntity.ACCOUNT, ExemptEntity.STORE, ExemptEntity.CASHIER, ExemptEntity.REDEMPTION_TYPE)
choices = st.tuples(
    st.sampled_from(ENTITIES), st.booleans(), st.integers(0, 2), st.integers(0, 2), st.sampled_from((-DAY, 0, DAY))
)


@pytest.fixture(scope="module")
def closed() -> Iterator[tuple[Ledger, int]]:
    """A ledger whose rule declines every redemption, and an account."""
    with open_ledger(rules=RULE) as ledger:
        yield ledger, ledger.member(10_000)


@settings(max_examples=60)
@given(chosen=st.lists(choices, max_size=8), others=st.lists(st.integers(1, 9), max_size=40))
def test_a_transaction_passes_if_any_exemption_in_force_names_it_and_the_rule(
    closed: tuple[Ledger, int], chosen: list[tuple[ExemptEntity, bool, int, int, int]], others: list[int]
) -> None:
    ledger, account = closed
    own = {
        ExemptEntity.ACCOUNT: account,
        ExemptEntity.STORE: ledger.store_in("CA-ON"),
        ExemptEntity.CASHIER: 0,  # the request says none, and none is not a cashier
        ExemptEntity.REDEMPTION_TYPE: ledger.code(CodeKind.REDEMPTION_TYPE, "GIFT"),
    }
    program_id = ledger.programs.programs[0].program_id
    rule, now = ledger.code(CodeKind.RULE, "closed"), ledger.decider.latest_moment
    rows, passes = [], False
    for entity, is_own, of_rule, context, begins in chosen:
        value = own[entity] if is_own else own[entity] + 1_000
        rule_id = (0, rule, rule + 1_000)[of_rule]
        rows.append((int(entity), value, program_id, rule_id, context, now + begins, now + begins + DAY))
        names = is_own and value and of_rule < 2 and context in (0, Context.REDEMPTION)
        passes = passes or bool(names and begins == 0)
    rows += [(int(entity), number, program_id + 1, 0, 0, 0, 1 << 62) for entity in ENTITIES for number in others]
    ledger.decider.directives.take_exemptions(np.array(rows, EXEMPTION))
    verdict = ledger.authorise(account, 1, province="CA-ON", redemption_type="GIFT")
    assert verdict.decision == (Decision.APPROVED if passes else Decision.DECLINED)
