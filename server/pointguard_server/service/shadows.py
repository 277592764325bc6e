"""What a manager does with shadows, and the process that each runs in. For ``rpc`` and ``bootstrap``.

A shadow's start and stop are written in the ledger's database; what it finds is in a book of its own, which its process
writes. That process follows the ledger by itself, and ends when its standard input is closed: with the server, however
that ends. See docs/adr/0016-experiments.md.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog

from pointguard_server.domain.errors import (
    KeyReused,
    NotFound,
    NotOnThisDatabase,
    RulesNotCompiled,
    ShadowNotRunning,
    ShadowRunning,
)
from pointguard_server.engine.engine import Engine
from pointguard_server.rules import background
from pointguard_server.rules.compiler import child_environment
from pointguard_server.service.experiment import Step
from pointguard_server.service.ports import ShadowReader
from pointguard_server.service.ports import Shadows as ShadowStore
from pointguard_server.service.rule_sets import RuleSets
from pointguard_server.service.rule_versions import RequestKey, RuleChange
from pointguard_server.service.serving_program import ServingProgram
from pointguard_server.service.shadow import Findings, Shadow

MODULE: Final = "pointguard_server.backtest.shadow"
AGAIN_AFTER_S: Final = 30.0
_ERROR_CHARACTERS_KEPT: Final = 2_000
ReadFindings = Callable[[int, int], Findings]
"""Takes a shadow's number and how many differences are wanted; reads a file."""

log = structlog.get_logger(__name__)


class Shadows:
    """The shadows of the program that serves. Belongs to the event loop.

    ``evaluated``, ``flips`` and ``dropped`` count since the start of the server, by version.
    """

    def __init__(
        self,
        serving: ServingProgram,
        rule_sets: RuleSets,
        engine: Engine,
        store: ShadowStore,
        reader: ShadowReader,
        read_findings: ReadFindings,
        *,
        database: Path | None,
        book: Path,
        rules_directory: Path,
        key_ring: Path,
    ) -> None:
        self._serving, self._rule_sets, self._engine = serving, rule_sets, engine
        self._store, self._reader, self._read_findings = store, reader, read_findings
        self._database, self._book, self._rules_directory = database, book, rules_directory
        self._key_ring = key_ring
        self._following: asyncio.Task[None] | None = None
        self.running_version = 0
        self.counts: dict[int, dict[str, int]] = {}

    @property
    def _place(self) -> tuple[int, int]:
        tenant = self._serving.tenant
        return tenant.tenant_id, tenant.program_id

    # --------------------------------------------------------------------------------------------------------- reading

    async def shadow(self, number: int) -> Shadow:
        """Return a shadow; 0 is the newest.

        Raises:
            NotFound: if there is none.
        """
        found = await self._reader.shadow(*self._place, number)
        if found is None:
            raise NotFound
        return found

    async def findings(self, number: int, differences_max: int) -> Findings:
        """Return what a shadow found so far."""
        return await asyncio.to_thread(self._read_findings, number, differences_max)

    # -------------------------------------------------------------------------------------------------------- changing

    async def start(self, number: int, change: RuleChange, key: RequestKey) -> Shadow:
        """Have a version evaluated on live traffic from now on.

        Raises:
            NotFound: if there is no such version.
            RulesNotCompiled: if it could not be compiled.
            ShadowRunning: if another shadow runs.
            NotOnThisDatabase: if the database is no file that its process could open.
            KeyReused: if the key was used for another request.
        """
        if self._database is None:
            raise NotOnThisDatabase("a shadow")
        return await self._rule_sets.unhindered(self._start(number, change, key))

    async def _start(self, number: int, change: RuleChange, key: RequestKey) -> Shadow:
        await self._rule_sets.made_ready(number)

        def write(connection: Any) -> tuple[Shadow, bool]:
            known = self._known(connection, key, is_stop=False)
            if known is not None:
                return known, False
            newest = self._store.shadow(connection, *self._place, 0)
            if newest is not None and newest.stopped is None:
                raise ShadowRunning(newest.shadow_id)
            step = Step(self._serving.moment(), change)
            return self._store.start(connection, *self._place, number, step, key), True

        shadow: Shadow
        shadow, is_new = await self._engine.run(write)
        if is_new:
            log.info("shadow_started", shadow=shadow.shadow_id, version=shadow.version)
            self._follow(shadow)
        return shadow

    async def stop(self, number: int, change: RuleChange, key: RequestKey) -> Shadow:
        """End a shadow.

        Raises:
            NotFound: if there is no such shadow.
            ShadowNotRunning: if it does not run.
            KeyReused: if the key was used for another request.
        """

        def write(connection: Any) -> tuple[Shadow, bool]:
            known = self._known(connection, key, is_stop=True)
            if known is not None:
                return known, False
            shadow = self._store.shadow(connection, *self._place, number)
            if shadow is None:
                raise NotFound
            if shadow.stopped is not None:
                raise ShadowNotRunning(number)
            step = Step(self._serving.moment(), change)
            return self._store.stop(connection, *self._place, shadow, step, key), True

        shadow: Shadow
        shadow, is_new = await self._engine.run(write)
        if is_new:
            log.info("shadow_stopped", shadow=shadow.shadow_id, version=shadow.version)
            await self.close()
        return shadow

    def _known(self, connection: Any, key: RequestKey, *, is_stop: bool) -> Shadow | None:
        """Return what the request's first answer said, if it was made before; the writer's thread."""
        known = self._store.known(connection, self._place[0], key.key)
        if known is None:
            return None
        if known.digest != key.digest or known.is_stop != is_stop:
            raise KeyReused
        shadow = self._store.shadow(connection, *self._place, known.shadow_id)
        if shadow is None or is_stop:
            return shadow
        return Shadow(shadow.shadow_id, shadow.version, shadow.started)

    # ------------------------------------------------------------------------------------------------------- following

    async def resume(self) -> None:
        """Go on with the shadow that ran when the server ended, if one did."""
        newest = await self._reader.shadow(*self._place, 0)
        if newest is not None and newest.stopped is None:
            self._follow(newest)

    async def close(self) -> None:
        """Follow no more."""
        following, self._following = self._following, None
        self.running_version = 0
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def _follow(self, shadow: Shadow) -> None:
        self.running_version = shadow.version
        self.counts.setdefault(shadow.version, {"evaluated": 0, "flips": 0, "dropped": 0})
        self._following = asyncio.create_task(self._keep_following(shadow))

    async def _keep_following(self, shadow: Shadow) -> None:
        while True:
            try:
                await self._follow_once(shadow)
            except (NotFound, RulesNotCompiled, OSError) as error:
                log.error("shadow_failed", shadow=shadow.shadow_id, problem=str(error))  # noqa: TRY400
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _follow_once(self, shadow: Shadow) -> None:
        """Run the process until it ends, which it should not."""
        await self._rule_sets.made_ready(shadow.version)
        errand = await self._errand(shadow)
        process = await asyncio.create_subprocess_exec(
            *background.command(MODULE), env=child_environment(),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        if stdin is None or stdout is None or stderr is None:
            raise AssertionError("all three are pipes")
        errors = asyncio.create_task(stderr.read())
        try:
            with suppress(ConnectionError):
                stdin.write(errand + b"\n")
                await stdin.drain()
                while line := await stdout.readline():
                    for name, count in json.loads(line).items():
                        self.counts[shadow.version][name] += count
            said = (await errors).decode(errors="replace")[-_ERROR_CHARACTERS_KEPT:]
            log.error("shadow_failed", shadow=shadow.shadow_id, problem=said)
        finally:
            errors.cancel()
            if process.returncode is None:
                process.kill()
            await asyncio.shield(process.wait())

    async def _errand(self, shadow: Shadow) -> bytes:
        version = await self._rule_sets.version(shadow.version)
        tenant, compiler = self._serving.tenant, self._serving.compiler
        backtest = {
            "database": str(self._database),
            "tenant_id": tenant.tenant_id,
            "program_id": tenant.program_id,
            "begin": 0,
            "end": 0,
            "currency": tenant.currency,
            "money_scale": tenant.money_scale,
            "time_zone": self._rule_sets.time_zone,
            "cache_directory": str(self._rules_directory),
            "isolation": compiler.isolation.value,
            "fuel": compiler.limits.fuel,
            "sources": [[version.source, {name: entries.lines.decode() for name, entries in version.files.items()}]],
            "examples_max": 0,
            "key_ring": str(self._key_ring),
        }
        place = {"shadow_id": shadow.shadow_id, "started_at": shadow.started.at, "book": str(self._book)}
        return json.dumps(place | {"backtest": backtest}).encode()
