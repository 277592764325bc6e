"""Tells what became of the scenarios: as text, as JSON, as JUnit XML. For the command `conformance`."""

import re
from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree as ET

from pointguard_client.commands.output import Plain
from pointguard_client.conformance.performance import Result, Verdict
from pointguard_client.conformance.run import Report

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text_lines(report: Report) -> Iterable[str]:
    """Yield the report for people: a line a topic, what failed and why, what was skipped, and the count."""
    topics: dict[str, list[Result]] = {}
    for result in report.results:
        topics.setdefault(result.scenario.topic, []).append(result)
    for topic, results in topics.items():
        counts = {verdict: sum(each.verdict is verdict for each in results) for verdict in Verdict}
        yield f"{topic:<16}" + ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    for result in report.results:
        if result.verdict is Verdict.FAILED:
            yield ""
            yield f"FAILED {result.scenario.name}: {result.scenario.title}"
            yield f"  line {result.line}: {result.where}"
            yield from (f"    {finding}" for finding in result.why)
    skipped: dict[str, int] = {}
    for result in report.results:
        if result.verdict is Verdict.SKIPPED:
            skipped[result.why[0]] = skipped.get(result.why[0], 0) + 1
    if skipped:
        yield ""
        yield from (f"{count} skipped: {why}" for why, count in skipped.items())
    yield ""
    yield f"{report.address} in {report.seconds:.1f} s"
    yield last_line(report)


def last_line(report: Report) -> str:
    """Return how many passed and how many failed."""
    return f"{report.count(Verdict.PASSED)} passed, {report.count(Verdict.FAILED)} failed"


def as_plain(report: Report) -> Plain:
    """Return the report in JSON's own types."""
    return {
        "target": report.address,
        "seconds": round(report.seconds, 3),
        **{verdict.value: report.count(verdict) for verdict in Verdict},
        "scenarios": [
            {
                "name": result.scenario.name,
                "title": result.scenario.title,
                "verdict": result.verdict.value,
                "seconds": round(result.seconds, 3),
                "line": result.line or None,
                "step": result.where or None,
                "why": list(result.why),
            }
            for result in report.results
        ],
    }


def junit_text(report: Report) -> str:
    """Return the report as JUnit XML: a suite a topic, a test case a scenario."""
    root = ET.Element("testsuites", {"name": "pointguard conformance", **_counts(report.results)})
    suites: dict[str, ET.Element] = {}
    for result in report.results:
        topic = result.scenario.topic
        if topic not in suites:
            of_topic = [each for each in report.results if each.scenario.topic == topic]
            suites[topic] = ET.SubElement(root, "testsuite", {"name": topic, **_counts(of_topic)})
        case = ET.SubElement(
            suites[topic], "testcase",
            {"name": _clean(result.scenario.title), "classname": result.scenario.name, "time": f"{result.seconds:.3f}"},
        )  # fmt: skip
        if result.verdict is Verdict.FAILED:
            told = _clean(f"line {result.line}: {result.where}")
            failure = ET.SubElement(case, "failure", {"message": told, "type": "mismatch"})
            failure.text = _clean("\n".join([told, *result.why]))
        elif result.verdict is Verdict.SKIPPED:
            ET.SubElement(case, "skipped", {"message": _clean(result.why[0])})
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(results: Iterable[Result]) -> dict[str, str]:
    found = list(results)
    return {
        "tests": str(len(found)),
        "failures": str(sum(each.verdict is Verdict.FAILED for each in found)),
        "errors": "0",
        "skipped": str(sum(each.verdict is Verdict.SKIPPED for each in found)),
        "time": f"{sum(each.seconds for each in found):.3f}",
    }


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
