"""Why compiled rules are not to be had. For whoever asks ``compiler`` for them.

RulesError (RuntimeError)
├── NotCompiled           there is no whole entry for this rule set
├── SandboxTooLarge       it needs more memory than a sandbox may have
└── CompilationFailed     the child process failed or took too long
"""


class RulesError(RuntimeError):
    """Compiled rules are not to be had."""


class NotCompiled(RulesError):
    """There is no whole entry for this rule set in the cache; ``compile_in_child`` makes one."""


class SandboxTooLarge(RulesError):
    """The rule set's sets and names need more memory than a sandbox may have."""


class CompilationFailed(RulesError):
    """The child process failed or took too long; the message ends with what it said."""
