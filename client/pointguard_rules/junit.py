"""Writes what was found as JUnit XML, in the shape that Jenkins and others read. For the command line.

testsuites > testsuite (a rule set) > testcase (a check) > failure
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from pointguard_rules.findings import Check, Suite

# What XML 1.0 cannot hold, not even escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_text(suites: Sequence[Suite]) -> str:
    """Return the report as a text."""
    checks = [check for suite in suites for check in suite.checks]
    root = ET.Element("testsuites", {"name": "pointguard-rules", **_counts(checks)})
    for suite in suites:
        element = ET.SubElement(root, "testsuite", {"name": _clean(str(suite.path)), **_counts(suite.checks)})
        for check in suite.checks:
            _add(element, suite.path, check)
        if suite.note:
            ET.SubElement(element, "system-out").text = _clean(suite.note)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add(suite: ET.Element, path: Path, check: Check) -> None:
    attributes = {"name": _clean(check.title), "classname": _clean(path.stem), "time": f"{check.seconds:.3f}"}
    case = ET.SubElement(suite, "testcase", attributes)
    if check.problem:
        problem = _clean(check.problem)
        failure = ET.SubElement(case, "failure", {"message": problem.splitlines()[0], "type": "mistake"})
        failure.text = problem


def _counts(checks: Sequence[Check]) -> dict[str, str]:
    return {
        "tests": str(len(checks)),
        "failures": str(sum(bool(check.problem) for check in checks)),
        "errors": "0",
        "time": f"{sum(check.seconds for check in checks):.3f}",
    }


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
