"""The arrays that a batch's results go into, kept from batch to batch and grown when a larger one comes."""

import numpy as np

from pointguard_server.engine.compiled.records import record_bytes_max
from pointguard_server.engine.rows import ADVICE, ANSWER, ENTRY, LEG, OTHER_REASONS, STANDING
from pointguard_server.engine.world import COUNTS_SIZE, Output


class Buffers:
    """Room for one batch's output at its worst."""

    def __init__(self) -> None:
        self._output: Output | None = None
        self._records = np.zeros(0, np.uint8)
        self._ends = np.zeros(0, np.int64)

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
            out = self._output = Output(
                legs=np.zeros(2 * legs, LEG),
                leg_request=np.zeros(2 * legs, np.int64),
                entries=np.zeros(2 * entries, ENTRY),
                advice=np.zeros(2 * advice, ADVICE),
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

    def records(
        self, legs: int, entries: int, advice: int, reasons: int, measures: int, bodies: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return room for the records' bytes and for where each ends."""
        size = record_bytes_max(legs, entries, advice, reasons, measures, bodies)
        if self._records.size < size:
            self._records = np.zeros(2 * size, np.uint8)
        if self._ends.size < legs:
            self._ends = np.zeros(2 * legs, np.int64)
        return self._records, self._ends
