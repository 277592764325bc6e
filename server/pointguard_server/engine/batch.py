"""One batch, start to end.

Begin, keys, accounts, decide, append, commit. The writer's thread runs it; ``engine.py`` feeds it.
"""

import math
import time
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import numpy as np

from pointguard_server.domain.codes import FIRST_READ, INTERVENTIONS, OF_RESERVATIONS, Operation, Outcome
from pointguard_server.domain.errors import ProgramChanged
from pointguard_server.domain.record import decode_body
from pointguard_server.domain.returns import decode_lines
from pointguard_server.engine.agents import AgentAdvice
from pointguard_server.engine.allowances import put_captures_off
from pointguard_server.engine.ask import Ask, Claim, Verdict
from pointguard_server.engine.buffers import Buffers
from pointguard_server.engine.compiled.accounts import replay_legs
from pointguard_server.engine.compiled.advice import keep_standing
from pointguard_server.engine.compiled.lots import replay_lots
from pointguard_server.engine.compiled.records import write_records
from pointguard_server.engine.compiled.slots import find_slots
from pointguard_server.engine.corrections import NO_CORRECTIONS, Corrections
from pointguard_server.engine.counters import count_awards
from pointguard_server.engine.directives import Directives
from pointguard_server.engine.following import News
from pointguard_server.engine.identifying import identify, leave_ended
from pointguard_server.engine.inbox import INBOXES, Inbox
from pointguard_server.engine.kernel import decide
from pointguard_server.engine.lots import lots_left
from pointguard_server.engine.memory import ACCOUNT, Arrays, Memory
from pointguard_server.engine.originals import NO_RETURNS, Originals
from pointguard_server.engine.past_legs import latest_steps, legs_of_records
from pointguard_server.engine.ports import BatchRecord, Clock, Heads, History, LedgerStore, Rows
from pointguard_server.engine.programs import Programs, Upcoming, kept_counters, tallied
from pointguard_server.engine.recount import Recount
from pointguard_server.engine.rows import (
    ADVICE,
    ADVICE_COLUMNS,
    ENVELOPE_COLUMNS,
    LEG_COLUMNS,
    REQUEST_COLUMNS,
    SETTLED,
)
from pointguard_server.engine.several_accounts import LOTS_MOVED, NO_OTHERS, OtherAccounts, without_slot
from pointguard_server.engine.totals import BatchReport, Totals
from pointguard_server.engine.verdicts import Answers
from pointguard_server.engine.world import (
    ADVICE_ROWS,
    ENTRIES,
    HEADER_SIZE,
    LEGS,
    NOW,
    Batch,
    IntArray,
    Output,
    World,
)
from pointguard_server.velocity.scopes import CHANGES_MAX
from pointguard_server.velocity.views import Recent
from pointguard_server.velocity.windows import BLOCK, NONE

# An enumeration's member takes longer to look up than to compare.
_CAPTURE, _VOID, _EXTEND = sorted(map(int, OF_RESERVATIONS))
_RETURN, _ADJUST, _FIRST_READ = int(Operation.RETURN), int(Operation.ADJUST), int(FIRST_READ)
_BY_AGENTS = [_ADJUST, int(Operation.TRANSFER), int(Operation.SET_REDEMPTION_LOCK), *map(int, INTERVENTIONS)]
_NO_ID = bytes(16)
LOADED_TOGETHER = 64
"""So many accounts are read from the ledger at once: room is made for the worst that their legs may need."""


class _Step:
    """One batch on its way: the inbox's rows, and what becomes of those that the kernel does not answer."""

    def __init__(self, inbox: Inbox) -> None:
        count = inbox.count
        self.inbox = inbox
        self.count = count
        self.requests, self.envelopes = inbox.requests[:count], inbox.envelopes[:count]
        self.operations, self.skip = self.requests["operation"], self.envelopes["skip"]
        self.replayed: dict[int, bytes] = {}  # request → the record that answers it
        self.same_as: dict[int, int] = {}  # request → an earlier one of this batch with the same key
        self.claims: list[Claim] = []
        self.begun: list[int] = []  # accounts that claims began
        self.originals: Originals | None = None  # where there are returns
        self.corrections: Corrections | None = None  # where there are some
        self.adjusts = np.zeros(0, np.int64)  # the requests that are adjustments
        self.others = NO_OTHERS


class Decider:
    """Decides batches, one at a time, on one thread; no moment of theirs is before ``not_before``.

    ``count_s``: how long it may take here to count the ledger's legs for wider windows, in seconds. What is not counted
    by then is not known until ``take_counted`` is given ``recounting``, counted to the end.
    """

    def __init__(
        self,
        store: LedgerStore,
        memory: Memory,
        programs: Programs,
        clock: Clock,
        not_before: int = 0,
        count_s: float = math.inf,
    ) -> None:
        self._store = store
        self.memory = memory
        self.programs = programs
        self._clock = clock
        self._buffers = Buffers()
        self._header = np.zeros(HEADER_SIZE, np.int64)
        self._recent = Recent(INBOXES)
        self.heads = store.heads()
        memory.take_distinct(programs.distinct_measures)
        self.recounting: Recount | None = None  # what is still to be counted on, beside the writer
        self._count_at_start(programs, count_s)
        self._unsure: Heads | None = None  # what the ledger ends with if a commit of unknown outcome was done
        self.taken_up: int | None = None
        """The change of the program, as ``ports.Others`` counts them, that what decides here is true to: nothing is
        decided where there is a later one. None: nobody follows those of other servers."""
        self._now = not_before
        self._upcoming: Upcoming = ()
        self.directives = Directives()
        self._agent_advice = AgentAdvice(store.agent_advice())
        self._turn = 0  # counts batches, reads too, for the cache
        self.totals = Totals()
        self._hits = 0
        self.last_report: BatchReport | None = None

    def decide(self, asks: Sequence[Ask]) -> list[Verdict]:
        """Decide the asks in order, make the decisions durable, and return a verdict for each.

        Raises:
            StorageUnavailable: see ``decide_inbox``.
        """
        inbox = Inbox()
        for ask in asks:
            inbox.put(ask)
        return self.decide_inbox(inbox).verdicts()

    def decide_inbox(self, inbox: Inbox) -> Answers:
        """Decide the requests in order and make the decisions durable; the answers last until the next batch.

        Raises:
            ProgramChanged: another server has changed what decides; nothing was done, and the inbox is as it was.
            StorageUnavailable: nothing may be said of any of them; what memory held of their accounts is forgotten.
        """
        step = _Step(inbox)
        started = time.perf_counter()
        try:
            self._store.begin()
            self.moment()
            self._check_program()
            self._turn += 1
            self._settle_keys(step)
            self._take_claims(step, self._now)
            self._find_accounts(step, self._now)
            batch, out = self._run(step, self._now)
            decided = time.perf_counter()
            heads = self._append(step, batch, out)
            appended = time.perf_counter()
            self._unsure = heads
            self._store.commit()
            self.heads, self._unsure = heads, None
            self.memory.scopes.settle()
            if out.counts[ADVICE_ROWS]:
                self._agent_advice.take(out.advice[: out.counts[ADVICE_ROWS]])
        except BaseException:
            self._undo(step)
            raise
        committed = time.perf_counter()
        self.totals.add(out, step.count, self.programs)
        self.last_report = BatchReport(
            requests=step.count,
            legs=int(out.counts[LEGS]),
            replays=len(step.replayed) + len(step.same_as),
            decide_s=decided - started,
            append_s=appended - decided,
            commit_s=committed - appended,
            position=heads.position,
        )
        return Answers(out, step.requests, step.envelopes, step.replayed, step.same_as)

    def moment(self) -> int:
        """Return the moment of what is done next; what decides from then on has been taken up.

        For the writer's thread, inside the store's atomic step. No leg before has this moment or a later one.
        """
        self._catch_up()
        # Never back, not even behind a read: it has moved windows forward.
        self._now = max(self._clock.now(), self._now, self.heads.accepted_at + 1)
        while self._upcoming and self._upcoming[0][0] <= self._now:
            self.take_programs(self._upcoming[0][1], self._upcoming[1:])
        return self._now

    def write(self, job: Callable[[Any], Any]) -> Any:
        """Run ``job(connection)`` in an atomic step of its own, on the writer's thread, and return what it returns.

        Raises:
            StorageUnavailable: whether it was done is unknown.
        """
        others, taken_up = self._store.others, self.taken_up

        def step(connection: Any) -> tuple[Any, int | None]:
            self._catch_up()
            result = job(connection)
            # What this server changes, it takes up by itself: but what another one has changed before, it has not.
            if others is None or others.latest_change.number != taken_up:
                return result, taken_up
            return result, others.latest_change_now().number

        result, self.taken_up = self._store.write(step)
        return result

    def take_up(self, change: int) -> None:
        """Know that what decides here is true to a change of the program. For the writer's thread."""
        self.taken_up = change

    def _catch_up(self) -> None:
        """Know what the ledger has come to, where a commit's outcome was unknown or other servers write to it."""
        others = self._store.others
        if others is None and self._unsure is None:
            return
        heads, known = self._store.heads(), self.heads
        if (unsure := self._unsure) is not None:
            if heads.digest == unsure.digest or (
                others is not None and others.has_batch(unsure.batch_id, unsure.digest)
            ):
                known = unsure
                self.memory.scopes.settle()
            else:
                self.memory.scopes.undo()
            self._agent_advice = AgentAdvice(self._store.agent_advice())
        if others is not None:
            if heads != known:
                news = News.of(others, self._store.leg_of, self.programs, known, heads)
                self.memory = news.told_to(self.memory, self.programs)
                self.recounting = news.recount if news.accounts is None else self.recounting
                self._agent_advice.take(news.agent_advice)
            self._now = max(self._now, others.latest_change.changed_at)
        self.heads, self._unsure = heads, None

    def _check_program(self) -> None:
        others = self._store.others
        if others is not None and self.taken_up is not None and others.latest_change.number != self.taken_up:
            raise ProgramChanged

    @property
    def latest_moment(self) -> int:
        """The moment of the latest batch. All legs before it are durable; any thread may ask."""
        return self._now

    def take_programs(self, programs: Programs, upcoming: Upcoming = (), recount: Recount | None = None) -> None:
        """Decide by other versions of the same programs from the next batch on. For the writer's thread.

        ``upcoming`` follow, each from its moment on: earliest first, each in place of the one before. Tallies are
        rebuilt from the events in memory; where a window now reaches further back than those, a cap asks what a rule
        gave that none asked before, or birth dates are asked for anew, the accounts are read from the ledger again.
        What ``recount`` has not seen of the wider windows that are new is read from the ledger now.
        """
        counted = self._counted(programs, recount)
        before = self.programs
        reaches_further = any(programs.retention(each) > before.retention(each) for each in programs.first_of)
        kept = kept_counters(programs, before)
        asks_for_birth_dates = bool(programs.age_bands) and not before.age_bands
        if reaches_further or kept is None or asks_for_birth_dates:
            self.memory = self.memory.emptied(programs.measures_max, programs.counters_max)
        else:
            self.memory.resize_tallies(programs.measures_max)
            if kept != list(range(before.counters_max)):
                self.memory.take_counters(kept)
            if programs.splits != before.splits:
                self.memory.displace(np.array([programs.first_of[each.program_id] for each in before.programs]))
        if tallied(programs) != tallied(before) and (programs.distinct_measures or before.distinct_measures):
            self.memory.take_distinct(programs.distinct_measures)
        self._take_scopes(programs, counted)
        self.programs, self._upcoming = programs, upcoming

    def _counted(self, programs: Programs, recount: Recount | None = None) -> Recount:
        """Return what the wider windows hold that the programs have and memory has not, up to the ledger's end."""
        new = [key for key in programs.scoped if key not in self.memory.scopes.keys]
        if recount is None or not set(new) <= set(recount.keys):
            recount = programs.recount(new, self.heads.accepted_at)
        if new:
            self._count_on(recount)
        return recount

    def _count_on(self, recount: Recount) -> None:
        """Count what a recount has not seen of the ledger, as far as memory knows that: the next step tells of more."""
        for legs in self._store.legs_after(recount.position, recount.since):
            recount.add(legs[legs["position"] <= self.heads.position], self._store.leg_of)

    def _take_scopes(self, programs: Programs, counted: Recount) -> None:
        if programs.scoped != self.memory.scopes.keys:
            self.memory.scopes.take(programs.scoped, counted, programs.group_sets)
        programs.mark_uncounted(self.memory.scopes.uncounted)

    def _count_at_start(self, programs: Programs, count_s: float) -> None:
        """Count the ledger's legs for all wider windows, or in the time that there is begin to."""
        recount = programs.recount(programs.scoped, self.heads.accepted_at)
        last = time.monotonic() + count_s
        for legs in self._store.legs_after(0, recount.since) if programs.scoped else ():
            if time.monotonic() >= last:
                self.recounting = recount
                recount = programs.recount((), self.heads.accepted_at)
                self.memory.scopes.await_counts(programs.scoped)
                break
            recount.add(legs[legs["position"] <= self.heads.position], self._store.leg_of)
        self._take_scopes(programs, recount)

    def take_counted(self, recount: Recount) -> None:
        """Know from the next batch on what the wider windows hold that were still counted. For the writer's thread.

        What ``recount`` has not seen of the ledger is read now.
        """
        self._count_on(recount)
        self.memory.scopes.take(self.memory.scopes.keys, recount, self.programs.group_sets)
        self.programs.mark_uncounted(self.memory.scopes.uncounted)
        self.recounting = self.recounting if self.memory.scopes.uncounted else None

    def _undo(self, step: _Step) -> None:
        """Undo the step, and forget what memory holds of the accounts: the ledger knows."""
        self._store.rollback()
        if self._unsure is None:
            self.memory.scopes.undo()
        others = step.others.envelopes["account_id"].tolist()
        self.memory.evict({*step.envelopes["account_id"].tolist(), *step.begun, *others})
        for claim in step.claims:
            claim.forget()

    def warm_up(self) -> Answers:
        """Have the kernels compiled, or loaded from the cache, before the first request waits for them.

        Returns the answers to an empty batch.
        """
        arrays, out = self.memory.arrays(1, 1, 1), self._buffers.output(
            requests=1, legs=1, entries=1, advice=1, shown=1, measures=self.programs.windows_max,
            awards=self.programs.awards_max, facts=self.programs.facts_max, work=self.programs.work_max,
            held=self.programs.held_max,
        )  # fmt: skip
        step = _Step(Inbox())
        now = self._clock.now()
        batch = self._batch(step, now, 0)
        decide(arrays, self.programs.world(now), batch, out)
        replay_legs(arrays, self.programs.world(now), out.legs[:0], 0)
        replay_lots(arrays, out.entries[:0], 0)
        find_slots(self.memory.table, self.memory.accounts, step.envelopes, self._turn)
        self.memory.evict((NONE,))
        self._records(step, batch, out)
        stand = np.zeros(1, ADVICE)[0]
        keep_standing(arrays, np.zeros(1, ACCOUNT)[0], stand)
        self.memory.scopes.warm_up()
        Totals().add(out, 0, self.programs)
        legs_of_records(())
        return Answers(out, step.requests, step.envelopes, {}, {})

    @property
    def behind_legs(self) -> int:
        """How many legs are durable and not yet where other readers look."""
        return self._store.behind_legs

    def cache_figures(self) -> tuple[int, int, int, int]:
        """Return (accounts in memory, requests that found theirs there, accounts read, accounts thrown out)."""
        memory = self.memory
        return len(memory), self._hits, memory.loads, memory.evictions

    def _settle_keys(self, step: _Step) -> None:
        """Find the requests whose keys are known, from the ledger or from earlier in this batch."""
        rows = ((step.operations < _FIRST_READ) & (step.skip == 0)).nonzero()[0]
        tenants = step.envelopes["tenant_id"][rows]
        for tenant_id in set(tenants.tolist()):
            of_tenant = rows[tenants == tenant_id].tolist()
            keys = step.envelopes.view(ENVELOPE_COLUMNS)["idempotency_key"][of_tenant].tolist()
            known = self._store.known_keys(tenant_id, keys)
            if known or len(set(keys)) < len(keys):
                self._settle_used(step, of_tenant, keys, known)

    @staticmethod
    def _settle_used(step: _Step, rows: list[int], keys: list[bytes], known: dict[bytes, tuple[bytes, bytes]]) -> None:
        """Settle those of a tenant's requests whose key has been used, in the ledger or by an earlier request."""
        digests = step.envelopes.view(ENVELOPE_COLUMNS)["request_digest"][rows].tolist()
        first_use: dict[bytes, tuple[int, bytes]] = {}
        for row, key, digest in zip(rows, keys, digests, strict=True):
            if key in known:
                used_for, record = known[key]
                if used_for == digest:
                    step.replayed[row] = record
            elif key in first_use:
                first, used_for = first_use[key]
                if used_for == digest:
                    step.same_as[row] = first
            else:
                first_use[key] = row, digest
                continue
            step.skip[row] = SETTLED if used_for == digest else Outcome.KEY_REUSED

    def _take_claims(self, step: _Step, now: int) -> None:
        """Write what goes with a request outside the ledger, and make the accounts that begin with it."""
        claims = step.inbox.claims
        named = {each[0]: each for each in step.inbox.identifiers if each[0] in claims} if claims else {}
        for row, claim in claims.items():
            if step.skip[row]:
                continue
            step.claims.append(claim)
            if row in named:
                # As the claims before leave it, and before this one takes away what finds the account.
                identify(self._store, step.envelopes, step.skip, (named[row],))
            known = int(step.envelopes["account_id"][row])
            outcome, account_id, program_id = claim.take(self._store, known, now)
            if outcome != Outcome.DONE:
                step.skip[row] = outcome
            elif account_id:
                self.memory.make_room(1, self._turn)
                slot = self.memory.add(account_id, self._turn)
                account = self.memory.accounts[slot]
                account["tenant_id"] = step.envelopes["tenant_id"][row]
                account["program"] = self.programs.place(self.programs.first_of[program_id], account_id)
                step.envelopes["slot"][row] = slot
                step.begun.append(account_id)
        put_captures_off(step.requests, step.envelopes, step.skip, claims)

    def _find_accounts(self, step: _Step, now: int) -> None:
        """Bring every account that is asked about into memory and note its slot."""
        self._resolve(step)
        memory, envelopes = self.memory, step.envelopes
        missing, unplaced = find_slots(memory.table, memory.accounts, envelopes, self._turn)
        self._hits += step.count - missing
        everyone = (envelopes, step.others.envelopes) if step.others.count else (envelopes,)
        if step.others.count:
            more = find_slots(memory.table, memory.accounts, step.others.envelopes, self._turn)
            missing, unplaced = missing + more[0], unplaced + more[1]
        if missing:
            unknown = set().union(*map(without_slot, everyone))
            accounts = sorted(each for each in unknown if memory.slot_of(each[1]) is None)
            memory.make_room(len(accounts), self._turn)
            for first in range(0, len(accounts), LOADED_TOGETHER):
                for tenant_id, some in groupby(accounts[first : first + LOADED_TOGETHER], itemgetter(0)):
                    self._load(tenant_id, [account_id for _, account_id in some], now)
            for each in everyone:
                find_slots(memory.table, memory.accounts, each, self._turn)
        if unplaced:
            self._place(np.concatenate([each["slot"] for each in everyone]))

    def _place(self, slots: IntArray) -> None:
        """Find what decides for the accounts that were in memory when an experiment began or ended."""
        accounts = self.memory.accounts
        slots = slots[slots != NONE]
        for slot in set(slots[accounts["program"][slots] < 0].tolist()):
            account = accounts[slot]
            account["program"] = self.programs.place(~int(account["program"]), int(account["account_id"]))

    def _resolve(self, step: _Step) -> None:
        """Find the accounts of the requests that name an identifier or a reservation."""
        envelopes, skip = step.envelopes, step.skip
        claims = step.inbox.claims
        named = (each for each in step.inbox.identifiers if each[0] not in claims)
        identify(self._store, envelopes, skip, named)
        leave_ended(self._store, envelopes, claims)
        if step.inbox.others:
            step.others = OtherAccounts(step.inbox.others, envelopes)
            step.others.identify(self._store)
        returns = ((step.operations == _RETURN) & (skip == 0)).nonzero()[0]
        if returns.size:
            self._find_originals(step, returns.tolist())
        step.adjusts = ((step.operations == _ADJUST) & (skip == 0)).nonzero()[0]
        if step.adjusts.size:
            self._find_corrected(step, step.adjusts.tolist())
        operations = step.operations
        is_about = (operations == _CAPTURE) | (operations == _VOID) | (operations == _EXTEND)
        about = (is_about & (skip == 0)).nonzero()[0]
        if not about.size:
            return
        reservations = step.requests.view(REQUEST_COLUMNS)["reservation"]
        wanted: dict[int, list[int]] = {}
        for row in about.tolist():
            wanted.setdefault(int(envelopes["tenant_id"][row]), []).append(row)
        for tenant_id, rows in wanted.items():
            found = self._store.find_reservations(tenant_id, reservations[rows].tolist())
            for row in rows:
                account_id, seq = found.get(reservations[row].tobytes(), (0, 0))
                envelopes["account_id"][row], envelopes["refers_to"][row] = account_id, seq
                if not account_id:
                    skip[row] = Outcome.RESERVATION_UNKNOWN

    def _find_originals(self, step: _Step, rows: list[int]) -> None:
        """Find what is returned. A request that names a member too is about that one's transaction or about none."""
        envelopes, skip = step.envelopes, step.skip
        ids = step.requests.view(REQUEST_COLUMNS)["reservation"]
        identified = {row for row, *_ in step.inbox.identifiers}
        step.originals = Originals(self._store if self.programs.scoped else None)
        for row in rows:
            transaction_id = ids[row].tobytes()
            if transaction_id == _NO_ID:
                continue  # there is no receipt
            original = self._store.find_originals(int(envelopes["tenant_id"][row]), (transaction_id,)).get(
                transaction_id
            )
            named = int(envelopes["account_id"][row])
            if original is None or ((named or row in identified) and named != original.account_id):
                skip[row] = Outcome.RESERVATION_UNKNOWN
                continue
            envelopes["account_id"][row] = original.account_id
            _, basket = decode_body(step.inbox.body(row))
            envelopes["refers_to"][row] = place = step.originals.add(transaction_id, original, decode_lines(basket))
            if not place:
                skip[row] = Outcome.NOT_RETURNABLE

    def _find_corrected(self, step: _Step, rows: list[int]) -> None:
        """Find what is corrected: a transaction of the member that the request names, or none."""
        envelopes, skip = step.envelopes, step.skip
        ids = step.requests.view(REQUEST_COLUMNS)["reservation"]
        step.corrections = Corrections()
        for row in rows:
            transaction_id = ids[row].tobytes()
            if transaction_id == _NO_ID:
                continue
            found = self._store.find_originals(int(envelopes["tenant_id"][row]), (transaction_id,))
            original = found.get(transaction_id)
            if original is None or original.account_id != int(envelopes["account_id"][row]):
                skip[row] = Outcome.RESERVATION_UNKNOWN
                continue
            envelopes["refers_to"][row] = place = step.corrections.add(transaction_id, original)
            if not place:
                skip[row] = Outcome.NOT_CORRECTABLE

    def _load(self, tenant_id: int, account_ids: Sequence[int], now: int) -> None:
        """Read accounts from the ledger into memory, those that the tenant has."""
        memory, programs = self.memory, self.programs
        retention = max((program.settings["retention"] for program in programs.programs), default=0)
        histories = self._store.read_accounts(
            tenant_id,
            account_ids,
            now - retention,
            programs.awards_since(now),
            with_birth_date=bool(programs.age_bands),
        )
        # An account of a program that nobody serves is as good as none.
        histories = {each: history for each, history in histories.items() if history.program_id in programs.first_of}
        if not histories:
            return
        sizes = [(len(each.legs), len(each.advice), len(each.lots)) for each in histories.values()]
        legs, advice, lots = (sum(of_each) for of_each in zip(*sizes, strict=True))
        arrays, world = memory.arrays(legs // BLOCK + 2 * len(sizes), legs, advice, lots), programs.world(now)
        try:
            for account_id, history in histories.items():
                self._remember(tenant_id, account_id, history, arrays, world, now)
        finally:
            # Whatever went wrong, what was taken of the pools is taken: the accounts will give it back.
            memory.settle(arrays)

    def _remember(
        self, tenant_id: int, account_id: int, history: History, arrays: Arrays, world: World, now: int
    ) -> None:
        """Put an account into memory, where there is room for it."""
        memory, programs = self.memory, self.programs
        slot = memory.add(account_id, self._turn)
        account = memory.accounts[slot]
        account["tenant_id"] = tenant_id
        account["program"] = programs.place(programs.first_of[history.program_id], account_id)
        account["enrolled_at"] = history.enrolled_at
        account["birth_date"] = history.birth_date
        replay_legs(arrays, world, history.legs, slot)
        if counters := programs.counters[history.program_id]:
            found = count_awards(counters, history.awards, world.programs[account["program"]])
            memory.counters[slot, : len(counters)] = found
        if history.advice.size:
            for row in latest_steps(history.advice, now):
                keep_standing(arrays, arrays.accounts[slot], row)
        if history.lots.size and (left := lots_left(history.lots)).size:
            replay_lots(arrays, left, slot)

    def _run(self, step: _Step, now: int) -> tuple[Batch, Output]:
        """Call the kernel with room for the worst case."""
        count, programs, slots, others = step.count, self.programs, step.envelopes["slot"], step.others.count
        touched = list({*slots[slots >= 0].tolist(), *step.others.slots.tolist()})
        holds = int(self.memory.accounts["hold_count"][touched].sum())
        # Of each account with lots, the first request may find that some have matured and some have ended.
        lot_counts = self.memory.accounts["lot_count"][touched]
        legs = count + others + holds + 2 * int(np.count_nonzero(lot_counts))
        given = count * programs.awards_max if programs.makes_lots else 0
        if (originals := step.originals) is not None:
            given += originals.movements
        given += step.adjusts.size
        lots = int(lot_counts.sum()) + given
        moved = lots + LOTS_MOVED if lots and others else 0
        given, lots = given + moved, lots + moved
        entries = count * max(programs.awards_max, 1) + moved + 4 * others
        if lots:
            # A lot may pay a debt (two entries), end in part and be used up. A request may take a part of one and end
            # a part of another; so may each reservation whose time is up.
            entries += 4 * lots + 2 * count + holds
        if originals is not None:
            # Of each part of an original, points may be put back or taken, and others taken in their place.
            entries += 4 * originals.movements
        advice_max = programs.rules_max + 1  # an intervention writes one step, and rules about agents look at it
        batch = self._batch(step, now, legs, moved)
        out = self._buffers.output(
            requests=count,
            legs=legs,
            entries=entries,
            advice=(count + others) * advice_max,
            shown=self._shown_max(step),
            measures=programs.windows_max,
            awards=programs.awards_max,
            facts=programs.facts_max,
            work=programs.work_max,
            held=programs.held_max,
            reasons=programs.reasons_max,
        )
        if programs.scoped:
            # A request may count and give back, and so may each reservation whose time is up.
            changes = CHANGES_MAX * (2 * (count + others) + holds)
            self.memory.scopes.make_room(count + others, changes, programs.group_sets, programs.calendars(now), now)
        arrays = self.memory.arrays(legs, count, (count + others) * advice_max, given)
        world = self.directives.on(programs.world(now))
        world.rules["tripped"] = world.rules["unavailable"] = 0
        decide(arrays, world, batch, out)
        self.memory.settle(arrays)
        return batch, out

    def _shown_max(self, step: _Step) -> int:
        """Return how much standing advice the batch's reads can show: what stands, and what its writes may raise."""
        slots = step.envelopes["slot"]
        reads = slots[(step.operations >= _FIRST_READ) & (slots >= 0)]
        if not reads.size:
            return 0
        standing = int(self.memory.accounts["advice_count"][reads].sum())
        if reads.size == step.count:
            return standing
        writes = np.concatenate((slots[(step.operations < _FIRST_READ) & (slots >= 0)], step.others.slots))
        accounts, places = np.unique(writes, return_counts=True)
        if not accounts.size:
            return standing
        found = np.minimum(np.searchsorted(accounts, reads), accounts.size - 1)
        raised = np.where(accounts[found] == reads, places[found], 0) * max(self.programs.rules_max, 1)
        return standing + int(raised.sum())

    def _batch(self, step: _Step, now: int, legs: int, lots_to_move: int = 0) -> Batch:
        heads = self.heads
        deeds = int(np.isin(step.operations, _BY_AGENTS).sum()) if self.programs.agent_rules else 0
        agent_advice, about_agents = self._agent_advice.rows(now, deeds * self.programs.agent_rules)
        first = (heads.position + 1, heads.entry + 1, heads.advice + 1)
        self._header[:] = now, heads.batch_id + 1, step.count, *first, about_agents, lots_to_move
        batch = Batch(
            requests=step.inbox.requests,
            request_words=step.inbox.request_words,
            envelopes=step.inbox.envelopes,
            lines=step.inbox.lines,
            bodies=step.inbox.bodies,
            ids=self._buffers.ids(now, legs),
            header=self._header,
            returns=NO_RETURNS if step.originals is None else step.originals.arrays(),
            corrections=NO_CORRECTIONS if step.corrections is None else step.corrections.array(),
            agent_advice=agent_advice,
            sides=step.others.sides(step.envelopes),
        )
        return self._recent.same(batch)

    def _append(self, step: _Step, batch: Batch, out: Output) -> Heads:
        """Append what the kernel wrote; return where the ledger then ends."""
        heads = self.heads
        now, batch_id = int(batch.header[NOW]), heads.batch_id + 1
        legs = int(out.counts[LEGS])
        if legs == 0:
            return heads
        entries, advice = out.entries[: out.counts[ENTRIES]], out.advice[: out.counts[ADVICE_ROWS]]
        records, buffer = self._records(step, batch, out)
        record = BatchRecord.following(heads, self._store.writer_id, self._store.writer_epoch, legs, now, buffer)
        leg_rows = out.legs[:legs]
        requests = out.leg_request[:legs].tolist()
        currencies, references = self.programs.currencies, step.inbox.order_references()
        texts = [
            (currencies[program_id], references.get(request, ""), record)
            for program_id, request, record in zip(leg_rows["program_id"].tolist(), requests, records, strict=True)
        ]
        self._store.append(
            Rows(
                legs=leg_rows.view(LEG_COLUMNS),
                texts=texts,
                entries=entries,
                advice=advice.view(ADVICE_COLUMNS),
                batch=record,
            )
        )
        return Heads(
            heads.position + legs, heads.entry + len(entries), heads.advice + len(advice), batch_id, now, record.digest
        )

    def _records(self, step: _Step, batch: Batch, out: Output) -> tuple[list[bytes], memoryview]:
        """Return each leg's record, and all of them in a row."""
        room = self._buffers.records(out, step.inbox.body_size)
        whole = room.data[: write_records(batch, out, room)].tobytes()
        limits = [0, *room.ends[: out.counts[LEGS]].tolist()]
        return [whole[begin:end] for begin, end in pairwise(limits)], memoryview(whole)
