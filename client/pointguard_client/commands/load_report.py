"""Shows what a load did: figures, tables and a histogram for people, and percentiles in a file for plotters."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pointguard_client.commands.output import (
    ALL_LATENCY_COLUMNS,
    counts_table,
    latency_cells,
    plain_table,
    sections,
)
from pointguard_client.latency import NANOSECONDS_PER_MS, LatencyHistogram
from pointguard_client.load.tally import LoadSummary

_BAR_WIDTH: Final = 40
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
# Six steps to each order of magnitude: about as many rows as fit on a screen.
_STEPS: Final = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_EDGES_MS: Final = tuple(step * 10.0**power for power in range(-4, 8) for step in _STEPS)


@dataclass(frozen=True, slots=True)
class LoadReport:
    """All that is told of one run."""

    settings: Mapping[str, object]
    summary: LoadSummary
    latencies: LatencyHistogram

    def render(self) -> RenderableType:
        """Return the report for people."""
        summary = self.summary
        parts: list[RenderableType] = [self._headline()]
        if summary.calls:
            parts += [self._latency_table(), self._histogram()]
            parts.append(counts_table("Decisions", "decision", summary.outcomes))
        if summary.errors:
            parts.append(counts_table("Errors", "what", summary.errors))
        return sections(parts)

    def _headline(self) -> str:
        summary, settings = self.summary, self.settings
        size = settings["requests_a_call"]
        per_call = f" in calls of {size:,}" if size != 1 else ""
        processes = settings["processes"]
        clients = "this client" if processes == 1 else f"{processes} client processes"
        rate = f"[bold]{summary.requests_per_second:,.0f}[/] a second"
        lines = [
            f"[bold]{summary.requests:,}[/] answers{per_call} in {summary.elapsed_seconds:.1f} s: {rate}",
            f"[dim]{self._loop()}; members {settings['skew']}[/]",
            f"[dim]{clients} used {summary.client_cpu_seconds:.1f} s of processor time[/]",
        ]
        if settings["loop"] == "open":
            lines.append(self._punctuality())
        if summary.gave_up:
            lines.append(f"[bold red]gave up:[/] {summary.gave_up}")
        elif summary.interrupted:
            lines.append("[bold yellow]stopped early[/]")
        return "\n".join(lines)

    def _loop(self) -> str:
        settings = self.settings
        if settings["loop"] == "open":
            due = f"{settings['rate']:,.0f} requests due a second ({settings['arrivals']})"
            return f"{settings['mode']}, open loop: {due}, at most {settings['concurrency']:,} in flight"
        think = f" with {settings['think_seconds']:g} s in between" if settings["think_seconds"] else ""
        return f"{settings['mode']}, closed loop: {settings['concurrency']:,} in flight{think}"

    def _punctuality(self) -> str:
        """Say how far this client itself fell behind: what it adds to the latencies is not the server's."""
        late = self.summary.sent_late
        text = f"[dim]sent late by {late.latency_ms_p50:.2f} ms (p50), {late.latency_ms_p99:.2f} ms (p99), "
        text += f"{late.latency_ms_max:.2f} ms at most[/]"
        if self.summary.held_back:
            text += f"\n[yellow]{self.summary.held_back:,} calls waited for one in flight to end[/]"
        if self.summary.unsent:
            text += f"\n[bold red]{self.summary.unsent:,} requests were due and never sent: the rate was too high[/]"
        return text

    def _latency_table(self) -> Table:
        since = "from when it was due" if self.settings["loop"] == "open" else "of a call"
        table = plain_table("call", "calls", *ALL_LATENCY_COLUMNS, title=f"Latency {since}")
        calls = self.summary.latency_by_call
        for name, latency in calls.items():
            table.add_row(name, f"{latency.samples:,}", *latency_cells(latency, ALL_LATENCY_COLUMNS))
        if len(calls) > 1:
            table.add_section()
            latency = self.summary.latency
            table.add_row("all", f"{latency.samples:,}", *latency_cells(latency, ALL_LATENCY_COLUMNS))
        return table

    def _histogram(self) -> Table:
        table = plain_table("latency", "calls", "up to", title="Distribution")
        table.add_column("")
        rows = list(histogram_rows(self.latencies))
        highest = max(row.count for row in rows)
        for row in rows:
            label = f"{_edge_text(row.from_ms)} – {_edge_text(row.to_ms)} ms"
            share = f"{100 * row.share_up_to:.3f} %"
            table.add_row(label, f"{row.count:,}", share, Text(bar(row.count / highest), style="cyan"))
        return table


@dataclass(frozen=True, slots=True)
class HistogramRow:
    """The calls that took from `from_ms` to below `to_ms`, and the share of all calls that took less than `to_ms`."""

    from_ms: float
    to_ms: float
    count: int
    share_up_to: float


def histogram_rows(latencies: LatencyHistogram) -> Iterator[HistogramRow]:
    """Yield rows from the first that holds calls to the last, those in between that hold none included."""
    counts: dict[int, int] = {}
    for bucket in latencies.buckets():
        row = bisect_right(_EDGES_MS, bucket.lowest_ns / NANOSECONDS_PER_MS)
        counts[row] = counts.get(row, 0) + bucket.count
    seen = 0
    for row in range(min(counts, default=0), max(counts, default=-1) + 1):
        count = counts.get(row, 0)
        seen += count
        from_ms = _EDGES_MS[row - 1] if row else 0.0
        yield HistogramRow(from_ms, _EDGES_MS[min(row, len(_EDGES_MS) - 1)], count, seen / latencies.samples)


def bar(share: float) -> str:
    """Return a bar for a share of the longest, to an eighth of a character; something for all that is not nothing."""
    eighths = max(round(share * _BAR_WIDTH * 8), 1) if share else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def write_histogram(path: Path, latencies: LatencyHistogram) -> None:
    """Write the percentiles in milliseconds, in the columns that HdrHistogram prints and its plotters read.

    Each line is of one bucket: its highest value, the share of the samples up to it (0 to 1), their number, and
    1 / (1 − share), which the last line lacks.
    """
    lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
    seen = 0
    for bucket in latencies.buckets():
        seen += bucket.count
        share, left = seen / latencies.samples, latencies.samples - seen
        line = f"{bucket.highest_ns / NANOSECONDS_PER_MS:12.3f} {share:2.12f} {seen:10d}"
        lines.append(f"{line} {latencies.samples / left:14.2f}" if left else line)
    summary = latencies.summary()
    lines.append(f"#[Mean    = {summary.latency_ms_mean:12.3f}, Max       = {summary.latency_ms_max:12.3f}]")
    lines.append(f"#[Total count = {latencies.samples:12d}]")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _edge_text(milliseconds: float) -> str:
    return f"{milliseconds:,.10g}"
