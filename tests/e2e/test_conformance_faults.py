"""The conformance kit catches a broken server: faults are planted one after the other, and each fails its scenario."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointguard_client.conformance.performance import Verdict
from pointguard_client.conformance.report import text_lines
from pointguard_client.conformance.run import Report, load_parts, play
from tests.support.conformance import KitServer
from tests.support.faulty_server import FAULT_FILE, FAULTS, IN_POWER_CUTS, choose

CAUGHT_BY = {
    "double capture": "reservations/double-confirm",
    "over-capture is cut down": "reservations/over-capture",
    "a partial capture takes all": "reservations/capture-part",
    "every capture is the last": "reservations/several-captures",
    "an extension is answered and forgotten": "reservations/extended",
    "a void spends": "reservations/void",
    "an expired hold is captured": "reservations/expired-hold",
    "one more than the threshold": "fraud/one-too-many",
    "window not netted": "returns/windows-are-netted",
    "declined attempts do not count": "fraud/declined-attempts-count",
    "the redemption lock is ignored": "members/lock",
    "a suspension is ignored": "staff/suspension",
    "the province is ignored": "fraud/another-province",
    "whoever asks is verified": "fraud/step-up",
    "less is approved than was asked for": "redemption/no-partial-approval-unasked",
    "partial approval is forgotten": "redemption/partial-approval",
    "money is rounded down to points": "redemption/money-is-rounded-up-to-points",
    "rounding up": "accrual/rounded-down",
    "reserved points are spent": "reservations/reserved-cannot-be-spent",
    "pending points are spent": "lots/pending",
    "a balance goes below zero": "redemption/one-point-too-many",
    "returned again and again": "returns/never-beyond",
    "lots returned with a new end": "lots/returned-into-their-lot",
    "the terminal's clock decides": "offline/clock-ahead",
    "allowances are spent again and again": "allowances/never-above",
    "agents give without limit": "agents/credit-limit",
    "reasons in reverse": "fraud/reasons-in-order",
    "stops are ignored": "staff/store-stopped",
    "a different body is answered": "retries/another-body",
    "lost dedupe": "retries/same-key-same-answer",
    "keys are forgotten after a second": "reservations/expired-replay",
    "a retry is told another balance": "retries/the-first-answer-for-ever",
    "an ended reservation is unknown": "reservations/capture-after-void",
    "stale balances": "lots/next-end",
    "declines are not kept": "redemption/declined-is-kept",
    "a batch is answered in another order": "batches/in-order",
    "a household in another order": "households/in-order",
    "early acknowledgement": "power-cuts/answered-is-kept",
    "keys are forgotten in a restart": "power-cuts/keys-are-kept",
}


class FaultyServer(KitServer):
    """A server whose fault is chosen while it runs."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "fault"
        self._file.touch()
        super().__init__(directory, module="tests.support.faulty_server", **{FAULT_FILE: str(self._file)})

    async def play(self, fault: str, only: str = "", *, with_power_cuts: bool = False) -> Report:
        """Have the kit try the server with a fault: one scenario, or all but those with power cuts."""
        parts = [part for part in load_parts() if only in ("", part.scenario.name)]
        choose(self._file, fault)
        try:
            return await play(parts, self.endpoint, restart=self.restart if with_power_cuts else None)
        finally:
            choose(self._file, "")


@pytest.fixture(scope="module")
def faulty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyServer]:
    server = FaultyServer(tmp_path_factory.mktemp("faulty"))
    try:
        server.process.start()
        yield server
    finally:
        server.process.clean_up()


def failed(report: Report) -> set[str]:
    return {result.scenario.name for result in report.results if result.verdict is Verdict.FAILED}


def test_every_planted_fault_has_the_scenario_that_catches_it() -> None:
    assert set(CAUGHT_BY) == set(FAULTS)
    assert len(FAULTS) >= 20
    assert set(CAUGHT_BY.values()) <= {part.scenario.name for part in load_parts()}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, marks=pytest.mark.long if number % 6 else ())
        for number, fault in enumerate(sorted(set(FAULTS) - set(IN_POWER_CUTS)))
    ],
)
async def test_a_planted_fault_fails_its_scenario_which_passes_without(faulty_server: FaultyServer, fault: str) -> None:
    scenario = CAUGHT_BY[fault]
    assert scenario in failed(await faulty_server.play(fault, scenario)), "the fault was not caught"
    report = await faulty_server.play("", scenario)
    assert not failed(report), "\n".join(text_lines(report))


@pytest.mark.parametrize(
    "fault", [IN_POWER_CUTS[0], *(pytest.param(fault, marks=pytest.mark.long) for fault in IN_POWER_CUTS[1:])]
)
async def test_a_fault_that_shows_in_a_power_cut_is_caught(faulty_server: FaultyServer, fault: str) -> None:
    scenario = CAUGHT_BY[fault]
    assert scenario in failed(await faulty_server.play(fault, scenario, with_power_cuts=True))


@pytest.mark.long
async def test_the_server_that_faults_are_planted_in_passes_without_one(faulty_server: FaultyServer) -> None:
    report = await faulty_server.play("", with_power_cuts=True)
    assert not failed(report), "\n".join(text_lines(report))


@pytest.mark.long
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - set(IN_POWER_CUTS))[::3])  # each third: a run takes its time
async def test_a_planted_fault_is_caught_among_all_scenarios(faulty_server: FaultyServer, fault: str) -> None:
    scenario = CAUGHT_BY[fault]
    assert scenario in failed(await faulty_server.play(fault))
    assert not failed(await faulty_server.play("", scenario)), "it is not the fault that was seen"
