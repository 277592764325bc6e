"""Makes rule sets ready to decide: checks their texts and compiles them in child processes. For those who change rules.

One at a time of each, and no request waits for it. See docs/adr/0005-compile-elsewhere-and-swap.md, and
0024-interpret-until-compiled.md for what decides meanwhile.
"""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import structlog

from pointguard_server.rules.code_cache import usable_directory
from pointguard_server.rules.compiler import (
    Child,
    NotCompiled,
    RulesError,
    compile_in_child,
    load_compiled,
    load_isolated,
)
from pointguard_server.rules.interpreted_rules import InterpretedRules
from pointguard_server.rules.isolation import Isolation
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL, TRAPPED, SandboxLimits
from pointguard_server.service.checking_messages import SetTexts
from pointguard_server.service.checking_worker import CheckingWorker
from pointguard_server.service.programs import CompiledEarnRules
from pointguard_server.service.rule_versions import NO_FILES, RuleSetVersion, source_digest

log = structlog.get_logger(__name__)

Compiling = Callable[[], AbstractContextManager[None]]
"""Notes how long what is inside takes."""


@dataclass(frozen=True)
class ReadyRules:
    """A rule set that may decide: by its machine code, or interpreted until there is any."""

    rule_set: RuleSet
    compiled: CompiledEarnRules

    @property
    def is_interpreted(self) -> bool:
        """Whether it has no machine code yet."""
        return isinstance(self.compiled, InterpretedRules)

    @cached_property
    def digest(self) -> bytes:
        """The digest of the source text with its files."""
        return source_digest(self.rule_set.source, self.rule_set.files)


class RuleCompiler:
    """Compiles one program's rules into a directory; ``failures`` counts what did not compile.

    Belongs to the event loop. ``currency`` is the program's. With ``isolation`` they run in sandboxes, within
    ``limits``. ``compiling`` stands around each compilation.
    """

    _temporary: Path | None = None  # a directory that goes with this process

    def __init__(
        self,
        directory: Path,
        currency: str,
        isolation: Isolation = Isolation.NONE,
        limits: SandboxLimits | None = None,
        compiling: Compiling = nullcontext,
    ) -> None:
        self.isolation = isolation
        self.limits = limits or SandboxLimits()
        self._directory, problem = usable_directory(directory)
        if problem:
            # Rules are compiled all the same, but anew by each process.
            self._temporary = self._directory
            log.warning("code_cache_unusable", directory=str(directory), problem=problem)
        self.checking = CheckingWorker(currency)
        self._compiling = compiling
        self._one = asyncio.Semaphore(1)
        self._child: Child | None = None
        self._stopped = False
        self.failures = 0

    async def check(self, source: str, name: str, files: SetTexts = NO_FILES) -> RuleSet:
        """Return the rule set of a source text; ``name`` is what mistakes are reported under.

        ``files`` are what its sets read, as texts or entries.

        Raises:
            RuleSetError: with every mistake, and every thing that this server cannot do.
            RulesError, Overloaded: if it cannot be checked.
        """
        return await self.checking.check(source, name, files)

    async def formatted(self, source: str) -> str:
        """Return a source text in its canonical layout.

        Raises:
            RuleSetError: if its form is wrong.
            RulesError, Overloaded: if it cannot be laid out.
        """
        return await self.checking.formatted(source, "source")

    async def compile(self, rule_set: RuleSet) -> ReadyRules:
        """Return a rule set with its machine code.

        Raises:
            RulesError, OSError: if there is none to be had.
        """
        async with self._one:
            try:
                with self._compiling():
                    return await asyncio.to_thread(self._compile, rule_set)
            except (RulesError, OSError):
                self.failures += 1
                raise

    async def compile_any(self, rule_set: RuleSet | None) -> ReadyRules | None:
        """Return the same of a rule set that there may not be; raises what ``compile`` does."""
        return None if rule_set is None else await self.compile(rule_set)

    async def at_once(self, rule_set: RuleSet) -> ReadyRules:
        """Return a rule set with the machine code that is kept of it, or else to be interpreted.

        A sandbox with less fuel than any rule set in the budget needs may stop what an interpreter would not: there it
        is compiled first.

        Raises:
            RulesError, OSError: if there cannot be any.
        """
        if self.isolation is Isolation.WASM and self.limits.fuel < DEFAULT_FUEL:
            return await self.compile(rule_set)
        with self._compiling():
            return await asyncio.to_thread(self._at_once, rule_set)

    async def ready(self, version: RuleSetVersion) -> ReadyRules:
        """Return a version's rule set with its machine code; raises what ``check`` and ``compile`` do."""
        return await self.compile(await self._checked(version))

    async def ready_at_once(self, version: RuleSetVersion) -> ReadyRules:
        """Return the same, but ``at_once``."""
        return await self.at_once(await self._checked(version))

    async def stop(self) -> None:
        """Wait for no compiler, and check nothing more."""
        self._stopped = True
        if self._child is not None:
            self._child.kill()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
        await self.checking.stop()

    async def _checked(self, version: RuleSetVersion) -> RuleSet:
        return await self.check(version.source, f"version {version.version}", version.files)

    def _compile(self, rule_set: RuleSet) -> ReadyRules:
        try:
            try:
                compiled = self._compiled(rule_set)
            except NotCompiled:
                # Another process has let go of the entry between making it and loading it.
                compiled = self._compiled(rule_set)
        finally:
            self._child = None
        return _ready(rule_set, compiled)

    def _at_once(self, rule_set: RuleSet) -> ReadyRules:
        try:
            return _ready(rule_set, self._loaded(rule_set))
        except NotCompiled:
            return _ready(rule_set, InterpretedRules(rule_set.checked, self._note_defect))

    def _compiled(self, rule_set: RuleSet) -> CompiledEarnRules:
        compile_in_child(rule_set, self._directory, on_start=self._keep, isolation=self.isolation)
        return self._loaded(rule_set)

    def _loaded(self, rule_set: RuleSet) -> CompiledEarnRules:
        if self.isolation is Isolation.WASM:
            return load_isolated(rule_set, self._directory, self.limits)
        return load_compiled(rule_set, self._directory)

    def _note_defect(self, defect: Exception) -> None:
        """Count a transaction that the interpreter could not decide as one that a sandbox stopped for a defect."""
        self.limits.counts[TRAPPED] += 1
        log.error("fault", where="interpreter", exc_info=defect)

    def _keep(self, child: Child) -> None:
        self._child = child
        if self._stopped:
            child.kill()


def _ready(rule_set: RuleSet, compiled: CompiledEarnRules) -> ReadyRules:
    ready = ReadyRules(rule_set, compiled)
    _ = ready.digest  # here, and not on the event loop: of long sets it takes many milliseconds
    return ready
