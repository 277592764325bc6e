"""Explains a past decision: reads what it saw from the ledger, decides again, and says where the two differ.

For ``rpc``. Belongs to the event loop; deciding again runs on a thread, one decision at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar, cast
from zoneinfo import ZoneInfo

from pointguard_server.domain.codes import (
    INTERVENTIONS,
    OF_RESERVATIONS,
    SEVERAL_ACCOUNTS,
    Channel,
    ExemptEntity,
    Kind,
    Operation,
    Reason,
    RequestFlag,
    Scope,
)
from pointguard_server.domain.errors import InvalidRequest, NotFound, Violation
from pointguard_server.domain.identifiers import card_number, device_number
from pointguard_server.domain.interventions import decode_intervention
from pointguard_server.domain.record import Record, decode_record
from pointguard_server.rules.isolation import Isolation
from pointguard_server.rules.rule_set import RuleSet, RuleSetError
from pointguard_server.rules.sandbox_limits import DEFAULT_FUEL
from pointguard_server.service.birth_inputs import birth_inputs_of
from pointguard_server.service.code_matches import GROUP_SEPARATOR
from pointguard_server.service.directive import Exemption, Stop
from pointguard_server.service.explanation.accrual import (
    decide_accrual,
    money_scale,
    seen_windows,
    window_numbers,
)
from pointguard_server.service.explanation.activity import record_activity
from pointguard_server.service.explanation.adjustment import corrected_seen, decide_adjustment
from pointguard_server.service.explanation.caps import earned_before
from pointguard_server.service.explanation.case import Case, Retrial
from pointguard_server.service.explanation.checks import checks_of, measure_count, rule_windows
from pointguard_server.service.explanation.conversion import conversion_differences
from pointguard_server.service.explanation.differences import (
    Difference,
    decision_differences,
    ledger_differences,
    past_differences,
    text_differences,
)
from pointguard_server.service.explanation.fact import record_fact
from pointguard_server.service.explanation.intervention import intervene, named_id
from pointguard_server.service.explanation.lots import decide_expiry, decide_maturity
from pointguard_server.service.explanation.offline import redeem_uncovered
from pointguard_server.service.explanation.past import NO_EVENTS, Past, after_time, past_of
from pointguard_server.service.explanation.ports import (
    DecisionReader,
    PastAdvice,
    PastAward,
    PastOriginal,
    StoredDecision,
    StoredText,
    StoreVersion,
)
from pointguard_server.service.explanation.redemption import decide_redemption
from pointguard_server.service.explanation.reservation import about_reservation
from pointguard_server.service.explanation.returns import decide_return, original_seen
from pointguard_server.service.explanation.scopes import ScopedPast, read_scope
from pointguard_server.service.explanation.several_accounts import decide_together
from pointguard_server.service.explanation.windows import Counting
from pointguard_server.service.program_config import LotsConfig, ProgramConfig, ProgramConfigError
from pointguard_server.service.rule_simulation import Order, OrderLine
from pointguard_server.service.rule_versions import RuleSetVersion
from pointguard_server.service.vault import VaultError

LEGS_MAX: Final = 100_000
"""An account with more legs before a decision is not explained: it would take many seconds of the server."""
CONFIGURATIONS_MAX: Final = 8
"""How many configurations are remembered, the last that were asked for: checking one takes longer than all the rest."""
_DAY: Final = 86_400_000_000
_NO_STORE: Final = StoreVersion(0, "", 0)

Answer = TypeVar("Answer")
Check = Callable[[RuleSetVersion], Awaitable[RuleSet]]
"""Returns the rule set of a version; raises ``RuleSetError``."""
CheckedConfiguration = tuple[ProgramConfig, RuleSet | None]
"""A configuration, and the conditions of its fraud rules if there are any."""
CheckConfiguration = Callable[[str, str], Awaitable[CheckedConfiguration]]
"""Returns what a text says, which mistakes name by the second text; raises ``ProgramConfigError``."""
ReadBasket = Callable[[bytes], tuple[OrderLine, ...]]
"""Returns the lines of a basket as a record keeps it; raises ``ValueError``."""


Scoped = Mapping[tuple[Scope, Counting], tuple[ScopedPast, ...]]
"""What wider windows held, by what they count."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A past decision, what it saw, and what it comes to when it is decided again.

    ``case`` and ``retrial`` are None where it cannot be decided again, and ``record`` where it cannot be read;
    ``differences`` then say why. ``erased`` are the account's members whose data key was destroyed.
    """

    stored: StoredDecision
    record: Record | None
    configuration: StoredText | None
    rules: RuleSetVersion | None
    past: Past
    store: StoreVersion
    lines: tuple[OrderLine, ...]
    awards: tuple[PastAward, ...]
    texts: dict[int, str]
    erased: tuple[int, ...]
    exemptions: tuple[Exemption, ...] = ()  # that were in force
    stops: tuple[Stop, ...] = ()  # of redemptions, likewise
    birth_date: str | None = ""  # empty: none was known; None: it was erased
    scoped: Scoped = field(default_factory=dict)
    original: PastOriginal | None = None  # of a return or a correction
    about_agent: tuple[PastAdvice, ...] = ()  # who asked
    legs: tuple["Explanation", ...] = ()  # what each leg saw, this one too, of a transaction about several accounts
    case: Case | None = None
    retrial: Retrial | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def erased_inputs(self) -> tuple[str, ...]:
        """The inputs of earn rules and of conditions of fraud rules that were erased with the member, by name."""
        if self.birth_date is not None or self.case is None:
            return ()
        looked = [rules for rules in (self.case.rule_set, self.case.conditions) if rules is not None]
        return tuple(sorted({name for rules in looked for name in birth_inputs_of(rules.checked)}))

    @property
    def reproduced(self) -> bool:
        """Whether the second decision is the recorded one in every part, and the ledger holds together around it."""
        return self.retrial is not None and not self.differences


@dataclass(frozen=True, slots=True)
class AccountHistory:
    """An account at a moment, what earn rules had given it, and the texts of its numbers.

    ``lots`` is what the program said then of points that are held back or end; None: what it says now holds.
    """

    past: Past
    awards: tuple[PastAward, ...]
    texts: dict[int, str]
    lots: LotsConfig | None = None


def on_history(order: Order, history: AccountHistory, rule_set: RuleSet, scale: int, zone: ZoneInfo) -> Order:
    """Return an order with what a rule set asks of the account's history; ``scale`` makes money the rules' numbers."""
    seen = seen_windows(rule_set, history.past, order.accepted_at, zone)
    return replace(
        order,
        windows=window_numbers(rule_set, seen, scale),
        earned=earned_before(rule_set, history.awards, history.texts, order.accepted_at, zone),
    )


class _Unchecked(Exception):
    """A configuration is needed that has not been checked."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source


@dataclass(slots=True)
class _Found:
    """What was read and what was found wrong on the way."""

    differences: list[Difference] = field(default_factory=list)

    def note(self, part: str, recorded: str, reproduced: str) -> None:
        self.differences.append(Difference(part, recorded, reproduced))


class Explainer:
    """Explains the decisions of a ledger. ``catch_up`` waits until the database has all that was answered."""

    def __init__(
        self,
        reader: DecisionReader,
        catch_up: Callable[[], Awaitable[None]],
        check: Check,
        check_configuration: CheckConfiguration,
        read_basket: ReadBasket,
    ) -> None:
        self._reader, self._catch_up, self._check, self._read_basket = reader, catch_up, check, read_basket
        self._check_configuration = check_configuration
        self._configurations: dict[str, CheckedConfiguration | ProgramConfigError] = {}  # the last asked for last
        self._one = asyncio.Semaphore(1)

    async def explain(
        self, tenant_id: int, transaction_id: bytes, leg_number: int = 0, *, is_traced: bool
    ) -> Explanation:
        """Explain a leg of a decision; ``is_traced`` says how the earn rules came to each award.

        Raises:
            NotFound: if the tenant has no such transaction, or it has no such leg.
            InvalidRequest: if its account has too many legs before it.
        """
        return await self._explain(lambda: self._read(tenant_id, transaction_id, leg_number), is_traced)

    async def explain_key(self, tenant_id: int, key: bytes, leg_number: int = 0, *, is_traced: bool) -> Explanation:
        """Explain the decision that an idempotency key's request came to; raises as ``explain`` does."""

        def read() -> tuple[Explanation, _Found] | None:
            transaction_id = self._reader.transaction_of_key(tenant_id, key)
            return None if transaction_id is None else self._read(tenant_id, transaction_id, leg_number)

        return await self._explain(read, is_traced)

    async def _explain(self, read: Callable[[], "tuple[Explanation, _Found] | None"], is_traced: bool) -> Explanation:
        async with self._one:
            explanation, found = await self._caught_up(read)
            rule_set = await self._rule_set(explanation, found)
            configuration = self._configuration(explanation.configuration, found)
            return await asyncio.to_thread(_decide_again, explanation, configuration, rule_set, found, is_traced)

    async def accrual(self, tenant_id: int, transaction_id: bytes) -> tuple[Order, AccountHistory]:
        """Return the order of a past accrual, and the account's history before it.

        Raises:
            NotFound: if the tenant has no such transaction.
            InvalidRequest: if it is no accrual, or its account has too many legs before it.
        """
        async with self._one:
            explanation, found = await self._caught_up(lambda: self._read(tenant_id, transaction_id))
            configuration = self._configuration(explanation.configuration, found)
        record = explanation.record
        if record is None or record.leg["operation"] != Operation.ACCRUE:
            raise InvalidRequest(Violation("transaction_id", "must be an accrual's"))
        lots = None if configuration is None else configuration[0].lots
        history = AccountHistory(explanation.past, explanation.awards, explanation.texts, lots)
        return order_of(explanation, record), history

    async def account_now(self, tenant_id: int, account_id: int, seq: int, now: int) -> AccountHistory:
        """Return an account as its leg ``seq`` and the time since have left it.

        Raises:
            InvalidRequest: if it has too many legs.
        """

        def read() -> AccountHistory | None:
            past = self._past(tenant_id, account_id, seq + 1, now)
            if past.seq != seq:
                return None
            state, awards = past.state, tuple(self._reader.awards(tenant_id, account_id, seq + 1))
            numbers = {state.tier_id, state.province_id, state.group_set_id, *(award.rule_id for award in awards)}
            return AccountHistory(after_time(past, now), awards, self._reader.texts(numbers))

        async with self._one:
            return await self._caught_up(read)

    async def _caught_up(self, read: Callable[[], Answer | None]) -> Answer:
        """Return what is read, at once or when the database has all that was answered.

        Raises:
            NotFound: if it is not there then either.
        """
        made = await self._checked(read)
        if made is None:
            await self._catch_up()
            made = await self._checked(read)
        if made is None:
            raise NotFound
        return made

    async def _checked(self, read: Callable[[], Answer]) -> Answer:
        """Return what is read, the configurations that it takes checked: each once, and not by this process."""
        while True:
            try:
                return await asyncio.to_thread(read)
            except _Unchecked as needed:
                await self._remember(needed.source)

    async def _remember(self, source: str) -> None:
        try:
            checked: CheckedConfiguration | ProgramConfigError = await self._check_configuration(
                source, "configuration"
            )
        except ProgramConfigError as error:
            checked = error
        for oldest in list(self._configurations)[: len(self._configurations) + 1 - CONFIGURATIONS_MAX]:
            del self._configurations[oldest]
        self._configurations[source] = checked

    def _configuration(self, stored: StoredText | None, found: _Found) -> CheckedConfiguration | None:
        """Return a configuration that was checked; None if there is none, or it is not understood.

        Raises:
            _Unchecked: if it was not checked.
        """
        if stored is None:
            return None
        checked = self._configurations.pop(stored.source, None)
        if checked is None:
            raise _Unchecked(stored.source)
        self._configurations[stored.source] = checked
        if isinstance(checked, ProgramConfigError):
            found.note("configuration", "a configuration", f"this server does not understand it: {checked.problems[0]}")
            return None
        return checked

    def _read(self, tenant_id: int, transaction_id: bytes, leg_number: int = 0) -> tuple[Explanation, _Found] | None:
        """Read all that a decision saw; None if the tenant has no such transaction or it has no such leg."""
        made = self._read_leg(tenant_id, transaction_id, leg_number)
        if made is None or made[0].stored.leg["operation"] not in SEVERAL_ACCOUNTS:
            return made
        legs: list[Explanation] = []
        while (each := self._read_leg(tenant_id, transaction_id, len(legs))) is not None:
            legs.append(each[0])
        return replace(made[0], legs=tuple(legs)), made[1]

    def _read_leg(self, tenant_id: int, transaction_id: bytes, leg_number: int) -> tuple[Explanation, _Found] | None:
        reader, found = self._reader, _Found()
        stored = reader.decision(tenant_id, transaction_id, leg_number)
        if stored is None:
            return None
        leg = cast("dict[str, int]", stored.leg)
        record = _read_record(stored, found)
        past = self._past(tenant_id, leg["account_id"], leg["seq"], leg["accepted_at"])
        found.differences += past_differences(past, leg["seq"], reader.posted(tenant_id, leg["account_id"], leg["seq"]))
        place = (tenant_id, leg["program_id"])
        configuration = reader.configuration(*place, leg["fraud_rules_version"])
        rules = reader.rule_set_version(*place, leg["rule_set_version"])
        found.differences += text_differences(configuration, rules)
        store = reader.store(tenant_id, leg["store_id"], leg["accepted_at"]) or _NO_STORE
        awards = tuple(reader.awards(tenant_id, leg["account_id"], leg["seq"]))
        original = None
        if leg["operation"] in (Operation.RETURN, Operation.ADJUST) and leg["refers_to_seq"]:
            original = reader.original(tenant_id, leg["account_id"], leg["refers_to_seq"], leg["seq"])
        exemptions = reader.exemptions(*place, leg["accepted_at"])
        about_agent = []
        if leg["agent_id"]:
            about_agent = reader.about_agent(tenant_id, leg["agent_id"], leg["position"], leg["accepted_at"])
        numbers = _numbers(stored, record, past, store) | {award.rule_id for award in awards} | _rules_of(original)
        numbers |= {number for each in exemptions for number in (each.rule_id, each.subject_id)}
        numbers |= {each.rule_id for each in about_agent}
        explanation = Explanation(
            stored=stored,
            record=record,
            configuration=configuration,
            rules=rules,
            past=past,
            store=store,
            lines=self._lines(record, found) if record is not None else (),
            awards=awards,
            texts=reader.texts(numbers),
            exemptions=tuple(exemptions),
            stops=tuple(reader.stops(*place, leg["accepted_at"])),
            erased=tuple(reader.erased_members(tenant_id, leg["account_id"])),
            birth_date=self._birth_date(tenant_id, leg, found),
            scoped=self._scoped(tenant_id, leg, configuration),
            original=original,
            about_agent=tuple(about_agent),
        )
        return explanation, found

    def _scoped(self, tenant_id: int, leg: dict[str, int], configuration: StoredText | None) -> Scoped:
        """Return what the wider windows of the fraud rules held before a leg that they look at."""
        checked = self._configuration(configuration, _Found())
        if checked is None or leg["operation"] in NO_EVENTS:
            return {}
        config, _ = checked
        of_agents_alone = leg["operation"] in INTERVENTIONS
        zone = ZoneInfo(config.time_zone)
        return {
            (check.scope, check.counting): read_scope(self._reader, tenant_id, leg, check, zone)
            for check in {(check.scope, check.counting): check for check in checks_of(config)}.values()
            if check.scope is not Scope.ACCOUNT and check.counting is not None
            if check.scope is Scope.AGENT or not of_agents_alone
        }

    def _birth_date(self, tenant_id: int, leg: dict[str, int], found: _Found) -> str | None:
        """Return what a decision saw of the member's birth date; what it changed itself, it saw changed."""
        try:
            return self._reader.birth_date(tenant_id, leg["account_id"], leg["seq"])
        except VaultError as error:
            found.note("member.birth_date", "a birth date", f"cannot be read: {error}")
            return ""

    def _past(self, tenant_id: int, account_id: int, below_seq: int, moment: int) -> Past:
        legs = self._reader.past(tenant_id, account_id, below_seq, LEGS_MAX + 1)
        if len(legs) > LEGS_MAX:
            text = f"must be of an account with at most {LEGS_MAX:,} transactions before it"
            raise InvalidRequest(Violation("transaction_id", text))
        past = past_of(legs, self._reader.standing(tenant_id, account_id, below_seq, moment))
        settled_at = max((leg.accepted_at for leg in legs if leg.accepted_at < moment), default=0)
        return replace(past, lots=tuple(self._reader.lots(tenant_id, account_id, below_seq)), settled_at=settled_at)

    def _lines(self, record: Record, found: _Found) -> tuple[OrderLine, ...]:
        """Return the lines of an accrual's basket; a total is one line of an unknown article."""
        if record.request is None or record.leg["operation"] != Operation.ACCRUE:
            return ()
        if not record.basket:
            return (OrderLine("", "", "", 1, cast("int", record.request["money"])),)
        try:
            return self._read_basket(record.basket)
        except ValueError as error:
            found.note("basket", "a basket", f"cannot be read: {error}")
            return ()

    async def _rule_set(self, explanation: Explanation, found: _Found) -> RuleSet | None:
        rules = explanation.rules
        if rules is None or explanation.stored.leg["operation"] != Operation.ACCRUE:
            return None
        try:
            return await self._check(rules)
        except RuleSetError:
            found.note("rule_set", f"version {rules.version}", "this server does not understand it")
            return None


def _read_record(stored: StoredDecision, found: _Found) -> Record | None:
    try:
        record = decode_record(stored.record)
    except ValueError as error:  # UnicodeDecodeError is one
        found.note("record", "a record", f"cannot be read: {error}")
        return None
    found.differences += ledger_differences(stored, record)
    return record


def _numbers(stored: StoredDecision, record: Record | None, past: Past, store: StoreVersion) -> set[int]:
    """Return the numbers whose texts an explanation needs."""
    named = (
        "store_id",
        "terminal_id",
        "cashier_id",
        "business_unit_id",
        "redemption_type_id",
        "province_id",
        "tier_id",
        "group_set_id",
        "agent_id",
    )
    numbers = {cast("int", stored.leg[name]) for name in named}
    state = past.state
    numbers |= {store.business_unit_id, store.province_id, state.province_id, state.tier_id, state.group_set_id}
    numbers |= {number for each in past.standing for number in (each.rule_id, each.author_id, each.api_key_id)}
    numbers |= {lot.rule_id for lot in past.lots}
    if record is not None:
        rows: Iterable[dict[str, Any]] = (*record.entries, *record.advice)
        numbers |= {row["rule_id"] for row in rows} | {rule for _, rule in record.reasons}
        if record.request is not None:
            request = cast("dict[str, int]", record.request)
            numbers |= {request[name] for name in ("tender_id", "province_id", "tier_id")}
    return numbers


def _rules_of(original: PastOriginal | None) -> set[int]:
    """Return the numbers of the rules that gave what is returned."""
    try:
        record = decode_record(original.record) if original is not None else None
    except ValueError:
        return set()  # it is noted where it is decided again
    return {cast("int", entry["rule_id"]) for entry in record.entries} if record is not None else set()


def _decide_again(
    explanation: Explanation,
    configuration: CheckedConfiguration | None,
    rule_set: RuleSet | None,
    found: _Found,
    is_traced: bool,
) -> Explanation:
    record = explanation.record
    if record is None or configuration is None or (record.leg["operation"] == Operation.ACCRUE and rule_set is None):
        return replace(explanation, differences=tuple(found.differences))
    case, retrial = None, None
    try:
        case = _case(explanation, record, configuration, rule_set)
        if explanation.legs:
            retrial = decide_together(_cases(explanation.legs, configuration))[case.leg_number]
        else:
            retrial = _retry(case, explanation.original, record, is_traced=is_traced)
        if retrial is None and case.operation in (Operation.RETURN, Operation.ADJUST):
            found.note("refers_to_seq", str(record.leg["refers_to_seq"]), "not the transaction that was named")
        elif retrial is None and case.said is not None:
            found.note("advice_id", named_id(case.request).hex(), "no such advice stood")
        elif retrial is None:
            found.note("refers_to_seq", str(record.leg["refers_to_seq"]), "no such reservation was open")
        else:
            found.differences += decision_differences(record, retrial, case)
            found.differences += conversion_differences(record, case)
    except ValueError as error:
        # No leg that this server wrote has a number that means nothing.
        found.note("record", "a decision", f"cannot be decided again: {error}")
        retrial = None
    return replace(explanation, case=case, retrial=retrial, differences=tuple(found.differences))


def _cases(legs: Iterable[Explanation], configuration: CheckedConfiguration) -> list[Case]:
    """Return what each leg saw.

    Raises:
        ValueError: if the record of one cannot be read.
    """
    cases = []
    for each in legs:
        if each.record is None:
            raise ValueError("the record of another leg cannot be read")
        cases.append(_case(each, each.record, configuration, None))
    return cases


def _case(
    explanation: Explanation, record: Record, configuration: CheckedConfiguration, rule_set: RuleSet | None
) -> Case:
    leg = cast("dict[str, int]", record.leg)
    config, conditions = configuration
    zone = ZoneInfo(config.time_zone)
    past, checks = explanation.past, checks_of(config)
    stopped = _stopped(record, config)
    case = Case(
        transaction_id=cast("bytes", record.leg["transaction_id"]),
        operation=leg["operation"],
        moment=leg["accepted_at"],
        request=cast("dict[str, int]", record.request or {}),
        past=past,
        config=config,
        checks=checks,
        zone=zone,
        store_province_id=explanation.store.province_id,
        texts=explanation.texts,
        reservation_seq=_reservation_seq(record, past),
        refers_to_seq=leg["refers_to_seq"],
        said=decode_intervention(record.basket) if leg["operation"] in INTERVENTIONS else None,
        scoped=explanation.scoped,
        recorded=dict(record.windows),
        exemptions=tuple(each for each in explanation.exemptions if _names(each, leg, explanation.texts)),
        stopped_by=tuple(
            each.reason
            for each in explanation.stops
            if each.bears_on(leg["business_unit_id"], leg["store_id"], leg["terminal_id"])
        ),
        about_agent=explanation.about_agent,
        card_id=card_number(leg["identifier_kind"], leg["identifier_id"]),
        device_id=device_number(leg["identifier_kind"], leg["identifier_id"]),
        leg_number=leg["leg_number"],
        earn_stopped=0 in stopped,
        conditions_stopped=bool(stopped - {0}),
    )
    if case.said is not None:
        return case
    if conditions is not None and record.request is not None and leg["operation"] not in NO_EVENTS:
        case = replace(case, conditions=conditions, asked=order_of(explanation, record))
    if rule_set is None:
        return case
    seen = seen_windows(rule_set, past, case.moment, zone)
    order = order_of(explanation, record)
    first = measure_count(checks) + (len(rule_windows(conditions)) if conditions is not None else 0)
    earned = earned_before(rule_set, explanation.awards, explanation.texts, case.moment, zone)
    return replace(
        case,
        rule_set=rule_set,
        order=replace(order, windows=window_numbers(rule_set, seen, money_scale(config)), earned=earned),
        earn_windows=tuple((text, first + number, window) for number, (text, window) in enumerate(seen)),
        counters=tuple(enumerate(earned.values(), first + len(seen))),
    )


def _stopped(record: Record, config: ProgramConfig) -> set[int]:
    """Return the rules that are recorded as stopped by a sandbox with too little fuel, 0 standing for the earn rules.

    How much fuel a transaction takes depends on numbers that texts had in the server, which the ledger does not keep.
    With the default fuel, or without a sandbox, nothing is stopped but by a defect, which is to show as a difference.
    """
    if config.isolation is not Isolation.WASM or config.fuel >= DEFAULT_FUEL:
        return set()
    return {rule for code, rule in record.reasons if code == Reason.RULES_STOPPED}


def _names(exemption: Exemption, leg: dict[str, int], texts: dict[int, str]) -> bool:
    """Return whether an exemption names what a leg is about."""
    match exemption.entity:
        case ExemptEntity.ACCOUNT:
            return exemption.subject_id == leg["account_id"]
        case ExemptEntity.GROUP:
            return texts[exemption.subject_id] in texts[leg["group_set_id"]].split(GROUP_SEPARATOR)
        case ExemptEntity.STORE:
            return exemption.subject_id == leg["store_id"]
        case ExemptEntity.CASHIER:
            return exemption.subject_id == leg["cashier_id"]
        case ExemptEntity.REDEMPTION_TYPE:
            return exemption.subject_id == leg["redemption_type_id"]


def _reservation_seq(record: Record, past: Past) -> int:
    """Return the place of the reservation that a request names; 0 if the account has none such open."""
    if record.request is None or record.leg["operation"] not in OF_RESERVATIONS:
        return 0
    # An id's halves are the integers that its bytes stand for in memory.
    high, low = (cast("int", record.request[name]) for name in ("reservation_high", "reservation_low"))
    named = high.to_bytes(8, "little", signed=True) + low.to_bytes(8, "little", signed=True)
    return next((each.seq for each in past.reservations if each.transaction_id == named), 0)


def _retry(case: Case, original: PastOriginal | None, record: Record, *, is_traced: bool) -> Retrial | None:
    match case.operation:
        case Operation.RETURN | Operation.ADJUST:
            named = decode_record(original.record).leg["transaction_id"] if original is not None else bytes(16)
            if named_id(case.request) != named:
                return None
            if case.operation == Operation.ADJUST:
                return decide_adjustment(case, None if original is None else corrected_seen(original))
            return decide_return(case, None if original is None else original_seen(original), record.basket)
        case Operation.AUTHORISE:
            is_offline = case.request["flags"] & RequestFlag.OFFLINE
            return redeem_uncovered(case) if is_offline else decide_redemption(case)
        case Operation.ACCRUE:
            return decide_accrual(case, is_traced=is_traced)
        case Operation.MATURE:
            return decide_maturity(case)
        case Operation.EXPIRE if not case.refers_to_seq:
            return decide_expiry(case)
        case Operation.CAPTURE | Operation.VOID | Operation.EXTEND | Operation.EXPIRE:
            return about_reservation(case)
        case Operation.RECORD_ACTIVITY:
            return record_activity(case)
        case Operation.ENROLL | Operation.UPDATE_MEMBER | Operation.LINK_IDENTIFIER | Operation.SET_REDEMPTION_LOCK:
            return record_fact(case)
        case (
            Operation.RAISE_ADVICE
            | Operation.OVERRIDE_ADVICE
            | Operation.REMOVE_ADVICE
            | Operation.RESOLVE_CASE
            | Operation.CHANGE_GROUPS
            | Operation.SET_ACCOUNT_STATUS
        ):
            return intervene(case)
        case _:
            raise ValueError(f"operation {case.operation} is not known here")


def order_of(explanation: Explanation, record: Record) -> Order:
    """Return an accrual's order as its rules saw it, but for what windows held."""
    leg, request = cast("dict[str, int]", record.leg), cast("dict[str, int]", record.request)
    texts, past, store = explanation.texts, explanation.past, explanation.store
    groups = texts[leg["group_set_id"]]
    return Order(
        total=request["money"],
        lines=explanation.lines,
        kind=Kind(request["kind"]).name,
        accepted_at=leg["accepted_at"],
        channel=Channel(request["channel"]).name if request["channel"] else "",
        tender=texts[request["tender_id"]],
        coupon_used=bool(request["flags"] & RequestFlag.COUPON_USED),
        store=texts[leg["store_id"]],
        business_unit=texts[store.business_unit_id],
        store_province=texts[store.province_id],
        store_country=store.country,
        groups=tuple(groups.split(GROUP_SEPARATOR)) if groups else (),
        birth_date=explanation.birth_date or "",
        tier=texts[past.state.tier_id],
        province=texts[past.state.province_id],
        days_since_enrolment=(leg["accepted_at"] - past.enrolled_at) // _DAY,
        posted=past.state.posted,
        reserved=past.state.reserved,
        pending=past.state.pending,
        spend=past.state.spend_total,
    )
