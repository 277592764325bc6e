"""``columns``: durable decisions through ProcessBatchColumns, beside the same rows into SQLite by ``executemany``.

As ``batch``, whose rows they stand beside; a purchase is told by its total, without a basket.
"""

from tests.bench import batch
from tests.bench.results import Result
from tests.bench.stage import Stage


def run(stage: Stage) -> list[Result]:
    """Measure with the batch size that is best here."""
    job, trials = batch.find_best(stage, "columns")
    return batch.measure(stage, "columns", "", job | {"keys": "uuid7"}, trials | {"basket_lines": 0})
