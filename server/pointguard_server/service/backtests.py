"""Backtests of a program's earn rules: asked for here, run in the background. For ``rpc``.

That process reads the ledger by itself, and ends when its standard input is closed: with the server, however that ends.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from pointguard_server.domain.errors import (
    BacktestFailed,
    BacktestUnderWay,
    NotOnThisDatabase,
    RulesNotCompiled,
)
from pointguard_server.rules import background
from pointguard_server.rules.checked import CheckedRuleSet
from pointguard_server.rules.compiler import RulesError, child_environment
from pointguard_server.rules.inputs import WindowInput, WindowMeasure
from pointguard_server.rules.rule_set import RuleSet, RuleSetError
from pointguard_server.service.backtest_needs import fields_of
from pointguard_server.service.rule_sets import RuleSets
from pointguard_server.service.rule_versions import RuleSetVersion
from pointguard_server.service.serving_program import ServingProgram

MODULE: Final = "pointguard_server.backtest"
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
_ERROR_CHARACTERS_KEPT: Final = 2_000
_ACCOUNT_FIELDS: Final = frozenset(("account.posted", "account.available", "account.spend"))

Event = dict[str, Any]
"""``{"progress": …}`` or ``{"result": …}``, as ``backtest/run.py`` gives them."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a backtest is asked for; moments in microseconds, ``end`` the first that is left out.

    ``other_version`` 0 compares with what was issued. ``by_occurred_at``: rules see orders when the terminal says.
    """

    version: int
    other_version: int
    begin: int
    end: int
    examples_max: int
    by_occurred_at: bool


@dataclass(frozen=True, slots=True)
class Caveats:
    """What bears on a result and is not as it was, or as the version would have made it.

    ``accounts``: the rules read balances, or points that windows counted. ``stores``: of some store only what was known
    of it later is kept. ``birth_dates``: one was erased since, or cannot be read.
    """

    accounts: bool
    stores: bool = False
    birth_dates: bool = False


class Backtests:
    """The backtests of the program that serves, one at a time. Belongs to the event loop.

    ``catch_up`` waits until the database has all that was answered; compiled rules are in ``rules_directory``.
    The process opens ``key_ring`` where rules look at birth dates.
    """

    def __init__(
        self,
        rule_sets: RuleSets,
        serving: ServingProgram,
        database: Path | None,
        catch_up: Callable[[], Awaitable[None]],
        rules_directory: Path,
        key_ring: Path,
    ) -> None:
        self._rule_sets, self._serving = rule_sets, serving
        self._database, self._catch_up, self._key_ring = database, catch_up, key_ring
        self._rules_directory = rules_directory
        self._under_way = False

    @property
    def points_worth(self) -> tuple[int, int]:
        """So many points are worth so many minor units, as the program is configured now."""
        redemption = self._serving.configuration.config.redemption
        return redemption.points, redemption.money_minor

    async def run(self, asked: Asked) -> AsyncGenerator[tuple[Event, Caveats]]:
        """Yield each event, and what bears on it. Whoever stops asking must close this, which ends the process.

        Raises:
            BacktestUnderWay: another one is.
            NotOnThisDatabase: the database is no file that the process could open.
            NotFound: a version is not there.
            RulesNotCompiled: a version could not be.
            BacktestFailed: the process ended without a result.
        """
        if self._database is None:
            raise NotOnThisDatabase("a backtest")
        if self._under_way:
            raise BacktestUnderWay
        self._under_way = True
        try:
            versions, rule_sets = await self._load(asked)
            reads_accounts = any(_reads_accounts(rule_set.checked) for rule_set in rule_sets)
            await self._catch_up()
            log.info("backtest_started", version=asked.version, other_version=asked.other_version)
            orders = 0
            wanted = self._specification(asked, versions)
            async with _process() as process, aclosing(_events(process, wanted)) as events:
                async for event in events:
                    found = event.get("result") or event["progress"]
                    orders, guesses = found["orders"], found.get("guesses", ())
                    yield event, Caveats(reads_accounts, "stores" in guesses, "birth_dates" in guesses)
            log.info("backtest_ended", version=asked.version, other_version=asked.other_version, orders=orders)
        finally:
            self._under_way = False

    async def _load(self, asked: Asked) -> tuple[list[RuleSetVersion], list[RuleSet]]:
        """Return the versions and their rule sets, compiled."""
        numbers = (asked.version, asked.other_version) if asked.other_version else (asked.version,)
        versions, rule_sets = [], []
        for number in numbers:
            version = await self._rule_sets.version(number)
            try:
                rule_set = await self._rule_sets.check_version(version)
            except RuleSetError as error:
                raise RulesNotCompiled(
                    number, self._rule_sets.active_version, "this server does not understand it"
                ) from error
            versions.append(version)
            rule_sets.append(rule_set)
        for version, rule_set in zip(versions, rule_sets, strict=True):
            try:
                await self._serving.compiler.compile(rule_set)
            except (RulesError, OSError) as error:
                log.error("rule_set_refused", version=version.version, problem=str(error))  # noqa: TRY400
                why = "the compiler failed or took too long"
                raise RulesNotCompiled(version.version, self._rule_sets.active_version, why) from error
        return versions, rule_sets

    def _specification(self, asked: Asked, versions: list[RuleSetVersion]) -> bytes:
        tenant = self._serving.tenant
        return json.dumps(
            {
                "database": str(self._database),
                "tenant_id": tenant.tenant_id,
                "program_id": tenant.program_id,
                "begin": asked.begin,
                "end": asked.end,
                "currency": tenant.currency,
                "money_scale": tenant.money_scale,
                "time_zone": self._rule_sets.time_zone,
                "cache_directory": str(self._rules_directory),
                "isolation": self._serving.compiler.isolation.value,
                "fuel": self._serving.compiler.limits.fuel,
                "sources": [[version.source, _files(version)] for version in versions],
                "examples_max": asked.examples_max,
                "by_occurred_at": asked.by_occurred_at,
                "key_ring": str(self._key_ring),
            }
        ).encode()


def _reads_accounts(rules: CheckedRuleSet) -> bool:
    """Whether rules read what other points would have made otherwise."""
    counts_points = (
        isinstance(wanted, WindowInput) and wanted.measure is WindowMeasure.POINTS for wanted in rules.inputs
    )
    return not fields_of(rules).isdisjoint(_ACCOUNT_FIELDS) or any(counts_points)


def _files(version: RuleSetVersion) -> dict[str, str]:
    return {name: entries.lines.decode() for name, entries in version.files.items()}


@asynccontextmanager
async def _process() -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the process; it is ended with the block."""
    process = await asyncio.create_subprocess_exec(
        *background.command(MODULE), env=child_environment(), limit=LINE_BYTES_MAX,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        # Even a call that is given up again while it ends must not leave it behind.
        await asyncio.shield(process.wait())


async def _events(process: asyncio.subprocess.Process, specification: bytes) -> AsyncGenerator[Event]:
    """Yield what the process says, until its result."""
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    if stdin is None or stdout is None or stderr is None:
        raise AssertionError("all three are pipes")
    errors = asyncio.create_task(stderr.read())
    try:
        stdin.write(specification + b"\n")
        try:
            await stdin.drain()
            while line := await stdout.readline():
                event: Event = json.loads(line)
                yield event
                if "result" in event:
                    return
        except (ConnectionError, ValueError) as error:
            log.debug("backtest_interrupted", problem=str(error))
        status = await process.wait()
        said = (await errors).decode(errors="replace")[-_ERROR_CHARACTERS_KEPT:]
        log.error("backtest_failed", status=status, problem=said)
        raise BacktestFailed
    finally:
        errors.cancel()
