"""Whether the server is ready, and if not, why. Asked by ``http`` and the metrics, and followed by gRPC health.

``bootstrap`` says how each check is made. A process that answers at all is alive. It is ready when every check here
passes; a check may pass and still have something to say.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from pointguard_server.domain.errors import PointguardError
from pointguard_server.engine.engine import Engine

WATCH_INTERVAL_S: Final = 1.0
LEDGER_WRITABLE: Final = "ledger_writable"
RULES_LOADED: Final = "rules_loaded"
NOT_DRAINING: Final = "not_draining"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; ``detail`` is for an operator and may be empty."""

    ok: bool
    detail: str = ""


Check = Callable[[], Finding]


class Health:
    """The checks by name. Nothing is ready before ``set`` has replaced those that wait for the start."""

    def __init__(self) -> None:
        starting = Finding(ok=False, detail="the server is starting")
        self._checks: dict[str, Check] = {
            LEDGER_WRITABLE: lambda: starting,
            RULES_LOADED: lambda: starting,
            NOT_DRAINING: lambda: Finding(ok=True),
        }

    def set(self, name: str, check: Check) -> None:
        """Have a check made this way from now on."""
        self._checks[name] = check

    def findings(self) -> dict[str, Finding]:
        """Make every check."""
        return {name: check() for name, check in self._checks.items()}


def is_ready(findings: Mapping[str, Finding]) -> bool:
    """Whether every check passes."""
    return all(finding.ok for finding in findings.values())


def ledger_check(engine: Engine) -> Check:
    """Return the check whether an engine's ledger can be written."""

    def check() -> Finding:
        if engine.broken:
            return Finding(ok=False, detail="a flush to disk failed: the process ends, and only a restart helps")
        if not engine.writable:
            return Finding(ok=False, detail="the latest write failed; it is tried again every second")
        return Finding(ok=True)

    return check


async def watch(health: Health, tell: Callable[[bool], None], try_ledger: Callable[[], Awaitable[object]]) -> None:
    """Look every second, until cancelled: log and ``tell`` what changes, and try a ledger that could not be written.

    Without the trying, a server that is sent no more requests for not being ready would never be ready again.
    """
    ready = True
    while True:
        await asyncio.sleep(WATCH_INTERVAL_S)
        findings = health.findings()
        if not findings[LEDGER_WRITABLE].ok:
            try:
                await try_ledger()
            except PointguardError as error:
                log.debug("ledger_tried", error=error.reason)
            findings = health.findings()
        if is_ready(findings) != ready:
            ready = not ready
            tell(ready)
            reasons = {name: finding.detail for name, finding in findings.items() if not finding.ok}
            log.warning("readiness", ready=ready, **reasons)
