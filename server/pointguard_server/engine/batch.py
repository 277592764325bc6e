"""One batch, start to end.

Begin, keys, accounts, decide, append, commit. The writer's thread runs it; ``engine.py`` feeds it.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pointguard_server.domain.codes import FIRST_READ, Outcome
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
from pointguard_server.engine.rows import ADVICE, ADVICE_COLUMNS, LEG_COLUMNS, REQUEST, RESOLVED, RESOLVED_PACK
from pointguard_server.engine.totals import Totals
from pointguard_server.engine.verdicts import read_verdicts, verdict_of_record
from pointguard_server.engine.world import (
    ADVICE_ROWS,
    ENTRIES,
    HEADER_SIZE,
    LEGS,
    NOW,
    Batch,
    Output,
)
from pointguard_server.rules.fields import LINE_FIELD_COUNT
from pointguard_server.velocity.windows import BLOCK

_SETTLED = -1  # another answer takes the place of the kernel's
_NO_ID = bytes(16)


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


class _Plan:
    """What is known of a batch's requests before they are decided; lists are by request."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        count = len(asks)
        self.asks = asks
        self.requests = np.frombuffer(bytearray().join([ask.fields for ask in asks]), REQUEST)
        self.writes = [ask.fields[0] < FIRST_READ for ask in asks]  # the operation is the first byte
        self.skip = [0] * count  # an outcome that is known already, or _SETTLED
        self.slots = [-1] * count
        self.reservation_seqs = [0] * count
        self.replayed: dict[int, bytes] = {}  # request → the record that answers it
        self.same_as: dict[int, int] = {}  # request → an earlier one of this batch with the same key
        self.claims: list[Claim] = []
        self.touched: set[int] = set()

    def resolved(self) -> np.ndarray:
        """Return what is known as the kernel takes it."""
        rows = []
        first_line = 0
        for ask, skip, slot, seq in zip(self.asks, self.skip, self.slots, self.reservation_seqs, strict=True):
            rows.append(
                RESOLVED_PACK(
                    slot,
                    skip,
                    seq,
                    ask.business_unit_id,
                    ask.store_province_id,
                    ask.currency,
                    first_line,
                    ask.line_count,
                )
            )
            first_line += ask.line_count
        return np.frombuffer(bytearray().join(rows), RESOLVED)


class Decider:
    """Decides batches, one at a time, on one thread."""

    def __init__(self, store: LedgerStore, memory: Memory, programs: Programs, clock: Clock) -> None:
        self._store = store
        self.memory = memory
        self.programs = programs
        self._clock = clock
        self._buffers = Buffers()
        self.heads = store.heads()
        self._heads_unknown = False  # after a commit of unknown outcome
        self._now = 0
        self._turn = 0  # counts batches, reads too, for the cache
        self.totals = Totals()
        self._hits = 0
        self.last_report: BatchReport | None = None

    def decide(self, asks: Sequence[Ask]) -> list[Verdict]:
        """Decide the asks in order, make the decisions durable, and return a verdict for each.

        Raises:
            StorageUnavailable: nothing may be said of any of them; what memory held of their accounts is forgotten.
        """
        plan = _Plan(asks)
        started = time.perf_counter()
        try:
            self._store.begin()
            if self._heads_unknown:
                self.heads, self._heads_unknown = self._store.heads(), False
            # Never back, not even behind a read: it has moved windows forward.
            self._now = max(self._clock.now(), self._now, self.heads.accepted_at + 1)
            self._turn += 1
            self._settle_keys(plan)
            self._take_claims(plan, self._now)
            self._find_accounts(plan, self._now)
            batch, out = self._run(plan, self._now)
            decided = time.perf_counter()
            heads = self._append(plan.asks, batch, out)
            appended = time.perf_counter()
            self._heads_unknown = True
            self._store.commit()
            self.heads, self._heads_unknown = heads, False
        except BaseException:
            self._undo(plan)
            raise
        committed = time.perf_counter()
        verdicts = read_verdicts(out, len(asks))
        self._answer_settled(plan, verdicts)
        self.totals.add(out, len(asks), self.programs)
        self.last_report = BatchReport(
            requests=len(asks),
            legs=int(out.counts[LEGS]),
            replays=len(plan.replayed) + len(plan.same_as),
            decide_s=decided - started,
            append_s=appended - decided,
            commit_s=committed - appended,
            position=heads.position,
        )
        return verdicts

    def _undo(self, plan: _Plan) -> None:
        """Undo the step, and forget what memory holds of the accounts: the ledger knows."""
        self._store.rollback()
        self.memory.evict(plan.touched)
        for claim in plan.claims:
            claim.forget()

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

    def _settle_keys(self, plan: _Plan) -> None:
        """Find the requests whose keys are known, from the ledger or from earlier in this batch."""
        uses: dict[tuple[int, bytes], list[int]] = {}  # by tenant and key: the requests, in order
        for index, (ask, writes) in enumerate(zip(plan.asks, plan.writes, strict=True)):
            if writes:
                uses.setdefault((ask.tenant_id, ask.key), []).append(index)
        by_tenant: dict[int, list[bytes]] = {}
        for tenant_id, key in uses:
            by_tenant.setdefault(tenant_id, []).append(key)
        for tenant_id, keys in by_tenant.items():
            for key, (digest, record) in self._store.known_keys(tenant_id, keys).items():
                for index in uses.pop((tenant_id, key)):
                    if plan.asks[index].digest == digest:
                        plan.replayed[index], plan.skip[index] = record, _SETTLED
                    else:
                        plan.skip[index] = Outcome.KEY_REUSED
        for first, *others in uses.values():
            for index in others:
                if plan.asks[index].digest == plan.asks[first].digest:
                    plan.same_as[index], plan.skip[index] = first, _SETTLED
                else:
                    plan.skip[index] = Outcome.KEY_REUSED

    def _take_claims(self, plan: _Plan, now: int) -> None:
        """Write what goes with a request outside the ledger, and make the accounts that begin with it."""
        for index, ask in enumerate(plan.asks):
            if ask.claim is None or plan.skip[index]:
                continue
            plan.claims.append(ask.claim)
            outcome, account_id, program_id = ask.claim.take(self._store, now)
            if outcome != Outcome.DONE:
                plan.skip[index] = outcome
            elif account_id:
                self.memory.make_room(1, self._turn)
                slot = self.memory.add(account_id, self._turn)
                account = self.memory.accounts[slot]
                account["tenant_id"], account["program"] = ask.tenant_id, self.programs.index_of[program_id]
                plan.slots[index] = slot
                plan.touched.add(account_id)

    def _find_accounts(self, plan: _Plan, now: int) -> None:
        """Bring every account that is asked about into memory and note its slot."""
        account_ids = self._account_ids(plan)
        plan.touched.update(account_ids)
        slot_of, accounts = self.memory.slot_of, self.memory.accounts
        missing = {
            (ask.tenant_id, account_id)
            for ask, account_id in zip(plan.asks, account_ids, strict=True)
            if account_id and account_id not in slot_of
        }
        self._hits += len(plan.asks) - len(missing)
        if missing:
            accounts["touched"][[slot_of[account_id] for account_id in plan.touched if account_id in slot_of]] = (
                self._turn
            )
            self.memory.make_room(len(missing), self._turn)
            for tenant_id, account_id in sorted(missing):
                self._load(tenant_id, account_id, now)
        # Those that a claim has just begun have theirs already.
        slots = [
            slot_of.get(account_id, -1) if account_id else slot
            for account_id, slot in zip(account_ids, plan.slots, strict=True)
        ]
        tenants = accounts["tenant_id"][slots].tolist()
        # Another tenant's account is as unknown as one that is not there.
        plan.slots = [
            slot if slot >= 0 and tenant_id == ask.tenant_id else -1
            for slot, tenant_id, ask in zip(slots, tenants, plan.asks, strict=True)
        ]
        accounts["touched"][[slot for slot in plan.slots if slot >= 0]] = self._turn

    def _account_ids(self, plan: _Plan) -> list[int]:
        """Return each request's account id; 0 where there is none or the request is settled."""
        wanted: dict[int, list[bytes]] = {}
        for ask, settled in zip(plan.asks, plan.skip, strict=True):
            if ask.reservation and not settled:
                wanted.setdefault(ask.tenant_id, []).append(ask.reservation)
        reservations = {tenant_id: self._store.find_reservations(tenant_id, ids) for tenant_id, ids in wanted.items()}
        find = self._store.find_account
        account_ids = []
        for index, (ask, settled) in enumerate(zip(plan.asks, plan.skip, strict=True)):
            account_id = 0
            if settled:
                pass
            elif ask.reservation:
                account_id, plan.reservation_seqs[index] = reservations[ask.tenant_id].get(ask.reservation, (0, 0))
                if not account_id:
                    plan.skip[index] = Outcome.RESERVATION_UNKNOWN
            elif ask.identifier is not None:
                account_id = find(ask.tenant_id, *ask.identifier) or 0
            else:
                account_id = ask.account_id
            account_ids.append(account_id)
        return account_ids

    def _load(self, tenant_id: int, account_id: int, now: int) -> None:
        """Read an account from the ledger into memory, if the tenant has it."""
        retention = max((program.settings["retention"] for program in self.programs.programs), default=0)
        history = self._store.read_account(tenant_id, account_id, now - retention)
        if history is None:
            return
        slot = self.memory.add(account_id, self._turn)
        account = self.memory.accounts[slot]
        account["tenant_id"], account["program"] = tenant_id, self.programs.index_of[history.program_id]
        account["enrolled_at"] = history.enrolled_at
        legs, advice = history.legs, history.advice
        arrays = self.memory.arrays(len(legs) // BLOCK + 2, len(legs), len(advice))
        replay_legs(arrays, self.programs.world(now), legs, slot)
        for row in advice[advice["ends_at"] > now]:
            keep_standing(arrays, arrays.accounts[slot], row)
        self.memory.settle(arrays)

    def _run(self, plan: _Plan, now: int) -> tuple[Batch, Output]:
        """Call the kernel with room for the worst case."""
        asks, programs, heads = plan.asks, self.programs, self.heads
        count = len(asks)
        accounts = self.memory.accounts[list({slot for slot in plan.slots if slot >= 0})]
        holds, standing = int(accounts["hold_count"].sum()), int(accounts["advice_count"].max(initial=0))
        legs = count + holds
        batch = Batch(
            requests=plan.requests,
            resolved=plan.resolved(),
            keys=_pairs([ask.key for ask in asks]),
            digests=_pairs([ask.digest for ask in asks]),
            lines=_writable([ask.lines for ask in asks]).reshape(-1, LINE_FIELD_COUNT),
            ids=transaction_ids(now, legs),
            header=np.array([now, heads.batch_id + 1, heads.position + 1, heads.entry + 1, heads.advice + 1], np.int64),
        )
        reads = count - sum(plan.writes)
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

    def _append(self, asks: Sequence[Ask], batch: Batch, out: Output) -> Heads:
        """Append what the kernel wrote; return where the ledger then ends."""
        heads = self.heads
        now, batch_id = int(batch.header[NOW]), heads.batch_id + 1
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
        joined = np.frombuffer(bytearray().join(bodies), np.uint8)
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

    @staticmethod
    def _answer_settled(plan: _Plan, verdicts: list[Verdict]) -> None:
        """Put in the answers that were given before."""
        for index, record in plan.replayed.items():
            verdicts[index] = verdict_of_record(record)
        for index, earlier in plan.same_as.items():
            verdicts[index] = verdicts[earlier]._replace(replayed=True)


def _pairs(ids: Sequence[bytes]) -> np.ndarray:
    """Return 16-byte ids as rows of two integers; none given is zero."""
    return _writable([each or _NO_ID for each in ids]).reshape(-1, 2)


def _writable(parts: Sequence[bytes]) -> np.ndarray:
    """Return bytes as int64s that may be written to.

    Nothing writes to them, but a read-only array is another type to Numba: the kernel would be compiled anew for it.
    """
    return np.frombuffer(bytearray().join(parts), np.int64)


def _matrix(rows: np.ndarray) -> np.ndarray:
    """Return rows of int64 fields as a matrix on the same memory."""
    return rows.view(np.int64).reshape(len(rows), rows.dtype.itemsize // 8)
