"""Makes rule sets ready to decide: checks their texts and compiles them in child processes. For those who change rules.

One at a time of each, and no request waits for it. See docs/adr/0005-compile-elsewhere-and-swap.md.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from pointguard_server.rules.compiler import Child, RulesError, compile_in_child, load_compiled, load_isolated
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.rules.sandbox_limits import Isolation, SandboxLimits
from pointguard_server.service.checking_worker import CheckingWorker
from pointguard_server.service.programs import CompiledEarnRules
from pointguard_server.service.rule_versions import NO_FILES, RuleSetVersion, SetFiles, source_digest


@dataclass(frozen=True, slots=True)
class ReadyRules:
    """A rule set with its machine code."""

    rule_set: RuleSet
    compiled: CompiledEarnRules

    @property
    def digest(self) -> bytes:
        """The digest of the source text with its files."""
        return source_digest(self.rule_set.source, self.rule_set.files)


class RuleCompiler:
    """Compiles one program's rules into a directory; ``failures`` counts what did not compile.

    Belongs to the event loop. ``currency`` is the program's. With ``isolation`` they run in sandboxes, within
    ``limits``.
    """

    def __init__(
        self,
        directory: Path,
        currency: str,
        isolation: Isolation = Isolation.NONE,
        limits: SandboxLimits | None = None,
    ) -> None:
        self.isolation = isolation
        self.limits = limits or SandboxLimits()
        self.checking = CheckingWorker(currency)
        self._directory = directory
        self._one = asyncio.Semaphore(1)
        self._child: Child | None = None
        self._stopped = False
        self.failures = 0

    async def check(self, source: str, name: str, files: SetFiles = NO_FILES) -> RuleSet:
        """Return the rule set of a source text; ``name`` is what mistakes are reported under.

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
                return await asyncio.to_thread(self._compile, rule_set)
            except (RulesError, OSError):
                self.failures += 1
                raise

    async def ready(self, version: RuleSetVersion) -> ReadyRules:
        """Return a version's rule set with its machine code; raises what ``check`` and ``compile`` do."""
        return await self.compile(await self.check(version.source, f"version {version.version}", version.files))

    async def stop(self) -> None:
        """Wait for no compiler, and check nothing more."""
        self._stopped = True
        if self._child is not None:
            self._child.kill()
        await self.checking.stop()

    def _compile(self, rule_set: RuleSet) -> ReadyRules:
        try:
            compile_in_child(rule_set, self._directory, on_start=self._keep, isolation=self.isolation)
        finally:
            self._child = None
        if self.isolation is Isolation.WASM:
            return ReadyRules(rule_set, load_isolated(rule_set, self._directory, self.limits))
        return ReadyRules(rule_set, load_compiled(rule_set, self._directory))

    def _keep(self, child: Child) -> None:
        self._child = child
        if self._stopped:
            child.kill()
