"""Explanations of the decisions of a test's ledger, without a server."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pointguard_server.rules.rule_set import RuleSet, load_rule_set
from pointguard_server.service.explanation.explainer import CheckedConfiguration, Explainer, Explanation
from pointguard_server.service.fraud_conditions import check_conditions
from pointguard_server.service.program_config import load_program_config
from pointguard_server.service.rule_simulation import OrderLine
from pointguard_server.service.rule_versions import RuleSetVersion
from pointguard_server.storage.decision_reader import DecisionReader
from tests.support.databases import look_up
from tests.support.ledger import TENANT, Ledger


class Explaining:
    """Explains decisions of a ledger one after the other."""

    def __init__(self, ledger: Ledger, loop: asyncio.AbstractEventLoop) -> None:
        self._ledger, self._loop = ledger, loop
        self._connection = look_up(ledger.path, ledger.postgres_url)
        reader = DecisionReader(self._connection, ledger.vault)
        self._explainer = Explainer(reader, self._catch_up, self._check, self._check_configuration, _no_basket)
        self.checked = 0  # how many configurations were
        self._rule_sets: dict[str, RuleSet] = {}

    async def _catch_up(self) -> None:
        self._ledger.catch_up()

    async def _check(self, version: RuleSetVersion) -> RuleSet:
        if version.source not in self._rule_sets:
            self._rule_sets[version.source] = load_rule_set(version.source, "test")
        return self._rule_sets[version.source]

    async def _check_configuration(self, source: str, name: str) -> CheckedConfiguration:
        self.checked += 1
        config = load_program_config(source, name)
        return config, check_conditions(config, name)

    def explain(self, transaction_id: bytes, tenant: int = TENANT, leg: int = 0) -> Explanation:
        """Explain a leg of one decision."""
        return self._loop.run_until_complete(self._explainer.explain(tenant, transaction_id, leg, is_traced=True))

    def all_legs(self) -> list[Explanation]:
        """Explain every leg of the ledger, in order."""
        names = ("transaction_id", "tenant_id", "leg_number")
        return [self.explain(*(leg[name] for name in names)) for leg in self._ledger.rows("legs")]

    def close(self) -> None:
        self._connection.close()


@contextmanager
def explaining(ledger: Ledger) -> Iterator[Explaining]:
    """Explain the decisions of a ledger that is open."""
    with asyncio.Runner() as runner:
        explainer = Explaining(ledger, runner.get_loop())
        try:
            yield explainer
        finally:
            explainer.close()


def _no_basket(_basket: bytes) -> tuple[OrderLine, ...]:
    raise AssertionError("a test's purchases have totals")
