"""One batch, start to end.

Begin, keys, accounts, decide, append, commit. The writer's thread runs it; ``engine.py`` feeds it.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pointguard_server.domain.codes import FIRST_READ, Decision, Outcome
from pointguard_server.engine.ask import Ask, Claim, Verdict
from pointguard_server.engine.buffers import Buffers
from pointguard_server.engine.compiled.accounts import replay_legs
from pointguard_server.engine.compiled.advice import keep_standing
from pointguard_server.engine.compiled.records import ADVICE_RAW, LEG_RAW, write_records
from pointguard_server.engine.identifiers import transaction_ids
from pointguard_server.engine.kernel import decide
from pointguard_server.engine.memory import ACCOUNT, Memory
from pointguard_server.engine.ports import BatchRecord, Clock, Heads, LedgerStore, Rows
from pointguard_server.engine.programs import Programs
from pointguard_server.engine.rows import ADVICE, ADVICE_COLUMNS, LEG_COLUMNS, REQUEST, RESOLVED
from pointguard_server.engine.verdicts import read_verdicts, verdict_of_record
from pointguard_server.engine.world import (
    ADVICE_ROWS,
    ENTRIES,
    HEADER_SIZE,
    LEGS,
    Batch,
    Output,
)
from pointguard_server.rules.fields import LINE_FIELD_COUNT
from pointguard_server.velocity.windows import BLOCK

_SKIP = -1


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a batch was, for those who watch. Times are seconds."""

    requests: int
    legs: int
    replays: int
    decide_s: float
    append_s: float
    commit_s: float
    position: int
    accepted_at: int
    decisions: dict[tuple[int, int], int]  # (operation, decision) → how many legs
    declines: dict[tuple[int, int], int]  # (operation, deciding reason) → how many legs
    refusals: dict[int, int]  # outcome → how many requests
    tripped: dict[tuple[int, int], int]  # (rule, posture) → how often
    points_issued: int
    points_redeemed: int


class _Plan:
    """What is known of a batch's requests before they are decided."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        count = len(asks)
        self.requests = np.frombuffer(b"".join([ask.fields for ask in asks]), REQUEST).copy()
        self.resolved = np.zeros(count, RESOLVED)
        self.resolved["slot"] = -1
        self.writes = self.requests["operation"] < FIRST_READ
        self.replayed: dict[int, bytes] = {}  # request → the record that answers it
        self.same_as: dict[int, int] = {}  # request → an earlier one of this batch with the same key
        self.refused: dict[int, Outcome] = {}
        self.claims: list[Claim] = []

    def skip(self) -> None:
        """Tell the kernel which requests are settled already."""
        skip = self.resolved["skip"]
        for request in (*self.replayed, *self.same_as):
            skip[request] = _SKIP
        for request, outcome in self.refused.items():
            skip[request] = outcome


class Decider:
    """Decides batches, one at a time, on one thread."""

    def __init__(self, store: LedgerStore, memory: Memory, programs: Programs, clock: Clock) -> None:
        self._store = store
        self.memory = memory
        self.programs = programs
        self._clock = clock
        self._buffers = Buffers()
        self.heads = store.heads()
        self._hits = 0
        self.last_report: BatchReport | None = None

    def decide(self, asks: Sequence[Ask]) -> list[Verdict]:
        """Decide the asks in order, make the decisions durable, and return a verdict for each.

        Raises:
            StorageUnavailable: nothing may be said of any of them; what memory held of their accounts is forgotten.
        """
        now = max(self._clock.now(), self.heads.accepted_at + 1)
        batch_id = self.heads.batch_id + 1
        plan = _Plan(asks)
        touched: list[int] = []
        started = time.perf_counter()
        try:
            self._store.begin()
            self._settle_keys(asks, plan)
            self._take_claims(asks, plan, now, batch_id, touched)
            self._find_accounts(asks, plan, now, batch_id, touched)
            batch, out = self._run(asks, plan, now, batch_id)
            decided = time.perf_counter()
            heads = self._append(asks, batch, out, now, batch_id)
            appended = time.perf_counter()
            self._store.commit()
        except BaseException:
            self._store.rollback()
            self.memory.evict(touched)
            for claim in plan.claims:
                claim.forget()
            raise
        self.heads = heads
        verdicts = read_verdicts(out, len(asks))
        self._answer_settled(plan, verdicts)
        self.last_report = self._report(plan, out, now, (started, decided, appended, time.perf_counter()))
        return verdicts

    def warm_up(self) -> None:
        """Have the kernels compiled, or loaded from the cache, before the first request waits for them."""
        arrays, out = self.memory.arrays(1, 1, 1), self._buffers.output(
            requests=1, legs=1, entries=1, advice=1, shown=1, measures=self.programs.measures_max,
            awards=self.programs.awards_max,
        )  # fmt: skip
        none = np.zeros((0, 2), np.int64)
        batch = Batch(
            requests=np.zeros(0, REQUEST),
            resolved=np.zeros(0, RESOLVED),
            keys=none,
            digests=none,
            lines=np.zeros((1, LINE_FIELD_COUNT), np.int64),
            ids=none,
            header=np.zeros(HEADER_SIZE, np.int64),
        )
        now = self._clock.now()
        decide(arrays, self.programs.world(now), batch, out)
        replay_legs(arrays, self.programs.world(now), out.legs[:0], 0)
        self._records([], batch, out)
        stand = np.zeros(1, ADVICE)[0]
        keep_standing(arrays, np.zeros(1, ACCOUNT)[0], stand)

    def cache_figures(self) -> tuple[int, int, int, int]:
        """Return (accounts in memory, requests that found theirs there, accounts read, accounts thrown out)."""
        memory = self.memory
        return len(memory.slot_of), self._hits, memory.loads, memory.evictions

    def _settle_keys(self, asks: Sequence[Ask], plan: _Plan) -> None:
        """Find the requests whose keys are known, from the ledger or from earlier in this batch."""
        first: dict[tuple[int, bytes], int] = {}
        for index in np.flatnonzero(plan.writes).tolist():
            ask = asks[index]
            earlier = first.setdefault((ask.tenant_id, ask.key), index)
            if earlier != index:
                if asks[earlier].digest == ask.digest:
                    plan.same_as[index] = earlier
                else:
                    plan.refused[index] = Outcome.KEY_REUSED
        by_tenant: dict[int, list[bytes]] = {}
        for tenant_id, key in first:
            by_tenant.setdefault(tenant_id, []).append(key)
        for tenant_id, keys in by_tenant.items():
            for key, (digest, record) in self._store.known_keys(tenant_id, keys).items():
                index = first[tenant_id, key]
                if asks[index].digest == digest:
                    plan.replayed[index] = record
                else:
                    plan.refused[index] = Outcome.KEY_REUSED
        plan.skip()

    def _take_claims(self, asks: Sequence[Ask], plan: _Plan, now: int, batch_id: int, touched: list[int]) -> None:
        """Write what goes with a request outside the ledger, and make the accounts that begin with it."""
        for index, ask in enumerate(asks):
            if ask.claim is None or plan.resolved["skip"][index]:
                continue
            plan.claims.append(ask.claim)
            outcome, account_id, program_id = ask.claim.take(self._store, now)
            if outcome != Outcome.DONE:
                plan.refused[index] = outcome
            elif account_id:
                self.memory.make_room(1, batch_id)
                slot = self.memory.add(account_id, batch_id)
                account = self.memory.accounts[slot]
                account["tenant_id"], account["program"] = ask.tenant_id, self.programs.index_of[program_id]
                plan.resolved["slot"][index] = slot
                touched.append(account_id)
        if plan.claims:
            plan.skip()

    def _find_accounts(self, asks: Sequence[Ask], plan: _Plan, now: int, batch_id: int, touched: list[int]) -> None:
        """Bring every account that is asked about into memory and note its slot."""
        account_ids = self._account_ids(asks, plan)
        slot_of = self.memory.slot_of
        slots = [slot_of.get(account_id, -1) for account_id in account_ids]
        missing = {
            (ask.tenant_id, account_id)
            for ask, account_id, slot in zip(asks, account_ids, slots, strict=True)
            if slot < 0 and account_id
        }
        if missing:
            self.memory.accounts["touched"][[slot for slot in slots if slot >= 0]] = batch_id
            self.memory.make_room(len(missing), batch_id)
            for tenant_id, account_id in sorted(missing):
                self._load(tenant_id, account_id, now, batch_id)
            slots = [slot_of.get(account_id, -1) for account_id in account_ids]
        new = plan.resolved["slot"] >= 0
        found = np.where(new, plan.resolved["slot"], slots)
        tenants = np.array([ask.tenant_id for ask in asks], np.int64)
        # Another tenant's account is as unknown as one that is not there.
        foreign = (found >= 0) & (self.memory.accounts["tenant_id"][found] != tenants)
        found[foreign] = -1
        plan.resolved["slot"] = found
        self.memory.accounts["touched"][found[found >= 0]] = batch_id
        touched += set(account_ids)
        self._hits += len(asks) - len(missing)

    def _account_ids(self, asks: Sequence[Ask], plan: _Plan) -> list[int]:
        """Return each request's account id; 0 where there is none or the request is settled."""
        skip = plan.resolved["skip"].tolist()
        wanted: dict[int, list[bytes]] = {}
        for ask, settled in zip(asks, skip, strict=True):
            if ask.reservation and not settled:
                wanted.setdefault(ask.tenant_id, []).append(ask.reservation)
        reservations = {tenant_id: self._store.find_reservations(tenant_id, ids) for tenant_id, ids in wanted.items()}
        find = self._store.find_account
        account_ids = []
        for index, (ask, settled) in enumerate(zip(asks, skip, strict=True)):
            account_id = 0
            if settled:
                pass
            elif ask.reservation:
                account_id, seq = reservations[ask.tenant_id].get(ask.reservation, (0, 0))
                plan.resolved["reservation_seq"][index] = seq
                if not account_id:
                    plan.resolved["skip"][index] = Outcome.RESERVATION_UNKNOWN
            elif ask.identifier is not None:
                account_id = find(ask.tenant_id, *ask.identifier) or 0
            else:
                account_id = ask.account_id
            account_ids.append(account_id)
        return account_ids

    def _load(self, tenant_id: int, account_id: int, now: int, batch_id: int) -> None:
        """Read an account from the ledger into memory, if the tenant has it."""
        retention = max((program.settings["retention"] for program in self.programs.programs), default=0)
        history = self._store.read_account(tenant_id, account_id, now - retention)
        if history is None:
            return
        slot = self.memory.add(account_id, batch_id)
        account = self.memory.accounts[slot]
        account["tenant_id"], account["program"] = tenant_id, self.programs.index_of[history.program_id]
        account["enrolled_at"] = history.enrolled_at
        legs, advice = history.legs, history.advice
        arrays = self.memory.arrays(len(legs) // BLOCK + 2, len(legs), len(advice))
        replay_legs(arrays, self.programs.world(now), legs, slot)
        for row in advice[advice["ends_at"] > now]:
            keep_standing(arrays, arrays.accounts[slot], row)
        self.memory.settle(arrays)

    def _run(self, asks: Sequence[Ask], plan: _Plan, now: int, batch_id: int) -> tuple[Batch, Output]:
        """Call the kernel with room for the worst case."""
        count, programs = len(asks), self.programs
        accounts = self.memory.accounts[np.unique(plan.resolved["slot"][plan.resolved["slot"] >= 0])]
        holds, standing = int(accounts["hold_count"].sum()), int(accounts["advice_count"].max(initial=0))
        legs = count + holds
        self._resolve(asks, plan)
        batch = Batch(
            requests=plan.requests,
            resolved=plan.resolved,
            keys=_pairs([ask.key for ask in asks]),
            digests=_pairs([ask.digest for ask in asks]),
            lines=np.frombuffer(b"".join([ask.lines for ask in asks]) or bytes(8 * LINE_FIELD_COUNT), np.int64).reshape(
                -1, LINE_FIELD_COUNT
            ),
            ids=transaction_ids(now, legs),
            header=np.zeros(HEADER_SIZE, np.int64),
        )
        heads = self.heads
        batch.header[:] = now, batch_id, heads.position + 1, heads.entry + 1, heads.advice + 1
        reads = int(np.count_nonzero(~plan.writes))
        out = self._buffers.output(
            requests=count,
            legs=legs,
            entries=count * max(programs.awards_max, 1),
            advice=count * programs.rules_max,
            shown=reads * (standing + count * programs.rules_max),
            measures=programs.measures_max,
            awards=programs.awards_max,
        )
        arrays = self.memory.arrays(legs, count, count * programs.rules_max)
        world = programs.world(now)
        world.rules["tripped"] = 0
        decide(arrays, world, batch, out)
        self.memory.settle(arrays)
        return batch, out

    @staticmethod
    def _resolve(asks: Sequence[Ask], plan: _Plan) -> None:
        resolved = plan.resolved
        resolved["business_unit_id"] = [ask.business_unit_id for ask in asks]
        resolved["store_province_id"] = [ask.store_province_id for ask in asks]
        resolved["currency"] = [ask.currency for ask in asks]
        counts = np.array([ask.line_count for ask in asks], np.int64)
        resolved["line_count"] = counts
        resolved["first_line"] = np.cumsum(counts) - counts

    def _append(self, asks: Sequence[Ask], batch: Batch, out: Output, now: int, batch_id: int) -> Heads:
        """Append what the kernel wrote; return where the ledger then ends."""
        heads = self.heads
        legs = int(out.counts[LEGS])
        if legs == 0:
            return heads
        entries, advice = out.entries[: out.counts[ENTRIES]], out.advice[: out.counts[ADVICE_ROWS]]
        records, buffer = self._records(asks, batch, out)
        records_digest = hashlib.blake2b(buffer, digest_size=32).digest()
        chained = b"".join(
            number.to_bytes(8, "big")
            for number in (self._store.writer_id, self._store.writer_epoch, batch_id, heads.position + 1, legs, now)
        )
        digest = hashlib.blake2b(heads.digest + chained + records_digest, digest_size=32).digest()
        leg_rows = out.legs[:legs]
        currencies, references = self.programs.currencies, [ask.order_reference for ask in asks]
        references.append("")  # of the legs that the server itself writes, whose request is -1
        texts = [
            (currencies[program_id], references[request], record)
            for program_id, request, record in zip(
                leg_rows["program_id"].tolist(), out.leg_request[:legs].tolist(), records, strict=True
            )
        ]
        self._store.append(
            Rows(
                legs=leg_rows.view(LEG_COLUMNS),
                texts=texts,
                entries=entries,
                advice=advice.view(ADVICE_COLUMNS),
                batch=BatchRecord(
                    batch_id=batch_id,
                    writer_id=self._store.writer_id,
                    writer_epoch=self._store.writer_epoch,
                    first_position=heads.position + 1,
                    leg_count=legs,
                    accepted_at=now,
                    records_digest=records_digest,
                    previous_digest=heads.digest,
                    digest=digest,
                ),
            )
        )
        return Heads(
            heads.position + legs, heads.entry + len(entries), heads.advice + len(advice), batch_id, now, digest
        )

    def _records(self, asks: Sequence[Ask], batch: Batch, out: Output) -> tuple[list[bytes], memoryview]:
        """Return each leg's record, and all of them in a row."""
        legs, entries = int(out.counts[LEGS]), out.entries[: out.counts[ENTRIES]]
        advice = out.advice[: out.counts[ADVICE_ROWS]]
        bodies = [ask.body for ask in asks]
        joined = np.frombuffer(b"".join(bodies), np.uint8)
        body_ends = np.cumsum(np.array([len(body) for body in bodies], np.int64))
        buffer, ends = self._buffers.records(legs, len(entries), len(advice), out.windows.shape[1], joined.size)
        size = write_records(
            _matrix(out.legs[:legs]),
            LEG_RAW,
            out.leg_request,
            _matrix(entries),
            _matrix(advice),
            ADVICE_RAW,
            out.reasons,
            out.answers["reason_count"],
            out.windows,
            _matrix(batch.requests),
            joined,
            body_ends,
            buffer,
            ends,
        )
        whole = buffer[:size].tobytes()
        limits = [0, *ends[:legs].tolist()]
        return [whole[limits[i] : limits[i + 1]] for i in range(legs)], memoryview(whole)

    def _report(self, plan: _Plan, out: Output, now: int, times: tuple[float, float, float, float]) -> BatchReport:
        legs = out.legs[: out.counts[LEGS]]
        declined = legs[legs["decision"] == Decision.DECLINED]
        points = out.entries["signed_points"][: out.counts[ENTRIES]]
        rules = self.programs.world(now).rules
        tripped = rules[rules["tripped"] > 0]
        outcomes = out.answers["outcome"][: len(plan.requests)]
        started, decided, appended, committed = times
        return BatchReport(
            requests=len(plan.requests),
            legs=len(legs),
            replays=len(plan.replayed) + len(plan.same_as),
            decide_s=decided - started,
            append_s=appended - decided,
            commit_s=committed - appended,
            position=self.heads.position,
            accepted_at=now,
            decisions=Counter(zip(legs["operation"].tolist(), legs["decision"].tolist(), strict=True)),
            declines=Counter(zip(declined["operation"].tolist(), declined["reason"].tolist(), strict=True)),
            refusals=Counter(outcomes[outcomes > 0].tolist()),
            tripped={
                (rule_id, posture): count
                for rule_id, posture, count in tripped[["rule_id", "posture", "tripped"]].tolist()
            },
            points_issued=int(points[points > 0].sum()),
            points_redeemed=-int(points[points < 0].sum()),
        )

    @staticmethod
    def _answer_settled(plan: _Plan, verdicts: list[Verdict]) -> None:
        """Put in the answers that were given before."""
        for index, record in plan.replayed.items():
            verdicts[index] = verdict_of_record(record)
        for index, earlier in plan.same_as.items():
            verdicts[index] = verdicts[earlier]._replace(replayed=True)


def _pairs(ids: Sequence[bytes]) -> np.ndarray:
    """Return 16-byte ids as rows of two integers; none given is zero."""
    return np.frombuffer(b"".join([each or bytes(16) for each in ids]), np.int64).reshape(-1, 2)


def _matrix(rows: np.ndarray) -> np.ndarray:
    """Return rows of int64 fields as a matrix on the same memory."""
    return rows.view(np.int64).reshape(len(rows), rows.dtype.itemsize // 8)
