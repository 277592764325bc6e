"""The arrays that a batch's results go into, kept from batch to batch and grown when a larger one comes."""

import numpy as np

from pointguard_server.engine.compiled.records import RecordBytes, record_bytes_max
from pointguard_server.engine.identifiers import write_transaction_ids
from pointguard_server.engine.rows import ADVICE, ANSWER, ENTRY, LEG, OTHER_REASONS, STANDING, words_of
from pointguard_server.engine.world import ADVICE_ROWS, COUNTS_SIZE, ENTRIES, LEGS, IntArray, Output


class Buffers:
    """Room for one batch's output at its worst."""

    def __init__(self) -> None:
        self._output: Output | None = None
        self._records = RecordBytes(np.zeros(0, np.uint8), np.zeros(0, np.int64))
        self._ids = np.zeros((0, 2), np.int64)

    def output(
        self,
        *,
        requests: int,
        legs: int,
        entries: int,
        advice: int,
        shown: int,
        measures: int,
        awards: int,
        facts: int,
        work: int,
        held: int = 0,
        reasons: int = OTHER_REASONS,
    ) -> Output:
        """Return empty output arrays with at least that much room; reasons and counts are cleared."""
        out = self._output
        if out is None or not (
            len(out.answers) >= requests
            and len(out.legs) >= legs
            and len(out.entries) >= entries
            and len(out.advice) >= advice
            and len(out.shown) >= shown
            and out.windows.shape[1] == measures
            and len(out.award_points) >= awards
            and len(out.facts) >= facts
            and len(out.work) >= work
            and len(out.held) >= held
            and out.reasons.shape[1] >= 2 * reasons
        ):
            scratch = np.zeros(max(awards, work, 1), np.int64)
            leg_rows, entry_rows, advice_rows = (
                np.zeros(2 * count, of) for count, of in ((legs, LEG), (entries, ENTRY), (advice, ADVICE))
            )
            out = self._output = Output(
                legs=leg_rows,
                leg_words=words_of(leg_rows),
                leg_request=np.zeros(2 * legs, np.int64),
                entries=entry_rows,
                entry_words=words_of(entry_rows),
                advice=advice_rows,
                advice_words=words_of(advice_rows),
                answers=np.zeros(2 * requests, ANSWER),
                reasons=np.zeros((2 * requests, 2 * reasons), np.int64),
                evidence=np.zeros((2 * requests, 2 * reasons), np.int64),
                windows=np.zeros((2 * legs, measures), np.int64),
                shown=np.zeros(2 * shown, STANDING),
                shown_request=np.zeros(2 * shown, np.int64),
                counts=np.zeros(COUNTS_SIZE, np.int64),
                facts=np.zeros(facts, np.int64),
                work=scratch,
                award_points=scratch[: max(awards, 1)],
                held=np.zeros(max(held, 1), np.int64),
            )
        out.answers[:requests] = np.zeros((), ANSWER)
        out.counts[:] = 0
        return out

    def ids(self, now: int, count: int) -> IntArray:
        """Return an array whose first ``count`` rows are transaction ids of a batch decided at ``now``."""
        if len(self._ids) < count:
            self._ids = np.zeros((2 * count, 2), np.int64)
        write_transaction_ids(self._ids[:count], now)
        return self._ids

    def records(self, out: Output, bodies: int) -> RecordBytes:
        """Return room for the records of what a batch gave, whose requests' bodies have so many bytes."""
        legs, entries, advice = out.counts[LEGS], out.counts[ENTRIES], out.counts[ADVICE_ROWS]
        reasons, measures = out.reasons.shape[1] // 2, out.windows.shape[1]
        size = record_bytes_max(int(legs), int(entries), int(advice), reasons, measures, bodies)
        if self._records.data.size < size or self._records.ends.size < legs:
            self._records = RecordBytes(np.zeros(2 * size, np.uint8), np.zeros(2 * legs, np.int64))
        return self._records
