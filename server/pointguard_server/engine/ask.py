"""One request on its way through the engine, and the verdict that comes back. Made by ``rpc`` and ``service``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pointguard_server.domain.codes import Outcome

Member = tuple[int, tuple[int, str] | None]
"""An account, or 0 and the identifier (kind, normalized value) that finds it."""


@dataclass(slots=True)
class Ask:
    """A request in normal form, with what the ledger keeps of it.

    ``fields`` is ``rows.RequestFields.pack()``. ``key`` and ``digest`` have 16 bytes; a read has none. ``identifier``
    is (kind, normalized value) where ``fields`` has no account. ``lines`` is row-major int64 (``rules/fields.py``); an
    intervention has one, of its terms (``rows.TERMS_*``), and recorded activity one of ``calendar.stretches_of`` its
    moment. ``claim``, where there is one, runs inside the batch's atomic step once the key is known to be new.
    """

    tenant_id: int
    fields: bytes
    key: bytes = b""
    digest: bytes = b""
    account_id: int = 0
    identifier: tuple[int, str] | None = None
    business_unit_id: int = 0
    store_province_id: int = 0
    currency: int = 0
    lines: bytes = b""
    line_count: int = 0
    body: bytes = b"\0\0"
    claim: "Claim | None" = None
    group_set_id: int = 0
    birth_date: int = 0  # packed
    language: int = 0  # a number of ``service.messages.Languages``
    agent_id: int = 0
    reason_code: int = 0
    group_set_before: int = 0
    others: Sequence[Member] = ()  # the other accounts of one that is about several, in its order


class Claim(NamedTuple):
    """Rows outside the ledger that a request needs to go with its leg, such as a new member's.

    ``take(store, account id, now)`` gets the account that the ask is about, 0 if it is unknown or to come. It writes
    the rows and returns (outcome, account id, program id); an account id of 0 keeps the ask's own. A refused request's
    claim must leave nothing behind but evidence of that. ``forget()`` drops what it put into caches, if the step fails.
    """

    take: Callable[[Any, int, int], tuple[Outcome, int, int]]
    forget: Callable[[], None]


class StandingAdvice(NamedTuple):
    """Advice that stands, for a reader: the fields of ``memory.STANDING`` that readers see."""

    advice_id: bytes
    rule_id: int
    rule_version: int
    entity: int
    context: int
    posture: int
    starts_at: int
    ends_at: int
    measured: int
    threshold: int
    window_starts_after: int
    scope: int = 0
    scope_entity: int = 0
    factor: int = 0  # that a STEP_UP asks for; not a column


ADVICE_NAMES = StandingAdvice._fields[:-1]
"""Those of its fields that are columns of ``advice``."""


class EntryView(NamedTuple):
    """An entry of a verdict."""

    entry_type: int
    part: int
    signed_points: int
    running_balance: int
    rule_id: int


class Verdict(NamedTuple):
    """What became of a request: the fields of ``rows.ANSWER`` and what hangs on them."""

    outcome: int
    leg_row: int
    position: int
    transaction_id: bytes
    account_id: int
    seq: int
    decision: int
    points: int
    money: int
    released: int
    expires_at: int
    posted: int
    reserved: int
    pending: int
    account_flags: int
    experiment_id: int
    arm: int
    first_entry: int
    entry_count: int
    reason_count: int
    expiring_points: int = 0
    expiring_at: int = 0
    group_set_id: int = 0
    reasons: tuple[tuple[int, int], ...] = ()
    evidence: tuple[tuple[int, int], ...] = ()  # of each reason: see ``domain.record.Record``
    entries: tuple[EntryView, ...] = ()
    advice: tuple[StandingAdvice, ...] = ()
    replayed: bool = False
