"""The server with two faults that no real one has at will. End-to-end tests start it in its place.

    python -m tests.support.patched_server server arguments…

* A rule set whose text has ``UNCOMPILABLE`` in it does not compile.
* A change whose rules' text has ``FATAL`` in it kills the process between its commit and its taking effect.
"""

import os
import signal
from collections.abc import Callable
from typing import Any

from pointguard_server.__main__ import main
from pointguard_server.rules.compiler import CompilationFailed
from pointguard_server.rules.rule_set import RuleSet
from pointguard_server.service.rule_compiler import ReadyRules, RuleCompiler
from pointguard_server.service.serving_program import ServingProgram

UNCOMPILABLE, FATAL = "# uncompilable", "# fatal"
_compile: Callable[[RuleCompiler, RuleSet], ReadyRules] = RuleCompiler._compile
_change = ServingProgram.change


def compile_or_fail(self: RuleCompiler, rule_set: RuleSet) -> ReadyRules:
    """Compile, but for the texts that say they do not."""
    if UNCOMPILABLE in rule_set.source:
        raise CompilationFailed("the compiler was told to fail")
    return _compile(self, rule_set)


def end_at_once(*taken: Any) -> None:
    """End the process as a power cut would."""
    del taken
    os.kill(os.getpid(), signal.SIGKILL)


async def change(self: ServingProgram, step: Any, *ready: ReadyRules, **rest: Any) -> Any:
    """Change what decides, and see to it that rules that are fatal never do in this process."""
    if any(FATAL in rules.rule_set.source for rules in ready):
        self._take = end_at_once  # type: ignore[assignment, method-assign]
    return await _change(self, step, *ready, **rest)


if __name__ == "__main__":
    RuleCompiler._compile = compile_or_fail  # type: ignore[method-assign]
    ServingProgram.change = change  # type: ignore[method-assign]
    main()
