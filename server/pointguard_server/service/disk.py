"""The disk under the ledger, as metrics."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class DiskSpace(Collector):
    """The room on the data directory's disk, and what the ledger's files take of it."""

    def __init__(self, directory: Path, database: str, journal: str) -> None:
        self._directory = directory
        self._files = {"database": database, "log": f"{database}-wal", "journal": f"{journal}/*"}

    def collect(self) -> Iterator[Metric]:
        """Return every family as it stands; nothing before there is a data directory."""
        if not self._directory.exists():
            return
        usage = shutil.disk_usage(self._directory)
        yield GaugeMetricFamily("pointguard_disk_free_bytes", "Room left on the data directory's disk.", usage.free)
        yield GaugeMetricFamily("pointguard_disk_size_bytes", "Size of the data directory's disk.", usage.total)
        sizes = GaugeMetricFamily(
            "pointguard_ledger_file_bytes",
            "Size of the ledger's files: the database, SQLite's log before it, and the journal.",
            labels=("file",),
        )
        for name, pattern in self._files.items():
            sizes.add_metric((name,), sum(map(_size, self._directory.glob(pattern))))
        yield sizes


def _size(path: Path) -> int:
    """Return a file's size; it may be gone by now."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
