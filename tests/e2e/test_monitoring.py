"""What watches a server fits what it exposes: a real Prometheus, the alert rules, the dashboard, the runbook."""

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import yaml

from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.prometheus import ALERTS, PROMETHEUS, ROOT, Prometheus, alert_rules, run_prometheus
from tests.support.server import ServerProcess
from tests.support.tools import tool

DASHBOARD = ROOT / "docker" / "grafana" / "dashboards" / "pointguard.json"
RUNBOOK = ROOT / "docs" / "runbook.md"
FROM_PROMETHEUS = {"up"}
"""Made by Prometheus itself for each target."""
METRIC = re.compile(r"\b(?:pointguard|process|python)_\w+|\bup\b")
ACCRUALS, REDEMPTIONS, REPLAYS, REFUSALS = 60, 20, 7, 5
NOTHING_THERE = {"Calls by code, other than OK", "Declines", "Refusals", "Decisions by arm of the experiment"}
NOTHING_THERE |= {"Shadow: accruals evaluated, with other points, passed over"}
NOTHING_THERE |= {
    f"Publishing: {what}" for what in ("lag", "positions behind, dead letters", "notices taken and failures a second")
}
"""Panels by a label whose values first appear when something goes wrong, as some does below, or an experiment runs, or
advice is published."""


def exposed(server: ServerProcess) -> set[str]:
    """Return the names of the series that a server exposes; those of a family without samples too."""
    names = set()
    for family, kind in re.findall(r"^# TYPE (\w+) (\w+)$", server.get("/metrics")[1], re.MULTILINE):
        names |= {f"{family}_{part}" for part in ("bucket", "count", "sum")} if kind == "histogram" else {family}
    return names


def panels() -> list[dict[str, Any]]:
    """Return the panels of the dashboard that show something."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions(panel: dict[str, Any]) -> list[str]:
    """Return a panel's queries, as Prometheus gets them from Grafana."""
    values = {"$job": "pointguard", "$instance": ".*", "$__rate_interval": "30s"}
    found = []
    for target in panel["targets"]:
        expression = target["expr"]
        for name, value in values.items():
            expression = expression.replace(name, value)
        found.append(expression)
    return found


@pytest.fixture(scope="module")
def watched(shared_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that watches the shared server."""
    target = f"127.0.0.1:{shared_server.http_port}"
    with run_prometheus(tmp_path_factory.mktemp("prometheus") / "run", target) as prometheus:
        yield prometheus


def count(prometheus: Prometheus, selector: str) -> float:
    """Return a counter as it stands; 0 if it is not there."""
    return prometheus.value(f"sum({selector})") or 0.0


def test_a_real_prometheus_counts_what_a_client_has_sent(
    watched: Prometheus, shared_server: ServerProcess, raw: RawCalls
) -> None:
    accrued = 'pointguard_calls_total{rpc="Accrue", code="OK"}'
    redeemed = 'pointguard_decisions_total{operation="AUTHORISE", decision="APPROVED"}'
    unknown = 'pointguard_calls_total{rpc="GetTransaction", code="NOT_FOUND"}'
    counters = {accrued: ACCRUALS + REPLAYS, unknown: REFUSALS, "pointguard_replays_total": REPLAYS}
    # Scraped before the load, and after all that other tests have done.
    watched.await_value("pointguard_ledger_position", exact(shared_server, "pointguard_ledger_position"))
    before = {selector: count(watched, selector) for selector in (*counters, redeemed)}
    load(raw)
    for selector, more in counters.items():
        watched.await_value(f"sum({selector})", before[selector] + more)
    approved = count(watched, redeemed) - before[redeemed]
    declined = count(watched, 'pointguard_decisions_total{operation="AUTHORISE", decision="DECLINED"}')
    assert approved >= 1
    assert approved + declined >= REDEMPTIONS
    assert count(watched, 'pointguard_call_seconds_count{rpc="Accrue"}') == count(
        watched, 'pointguard_calls_total{rpc="Accrue"}'
    )
    assert watched.value("pointguard_ready") == 1


def exact(server: ServerProcess, name: str) -> float:
    """Return a sample without labels as the server shows it."""
    (value,) = re.findall(rf"^{name} (\S+)$", server.get("/metrics")[1], re.MULTILINE)
    return float(value)


def load(raw: RawCalls) -> None:
    """Accrue, redeem until the rules object, replay, and ask for what is not there."""
    requests = [RPCS["Accrue"].request() for _ in range(ACCRUALS)]
    for request in requests + requests[:REPLAYS]:
        assert raw.call("Accrue", request).code == "OK"
    for _ in range(REDEMPTIONS):
        assert raw.call("AuthoriseRedemption", RPCS["AuthoriseRedemption"].request(capture=True)).code == "OK"
    for _ in range(REFUSALS):
        raw.call("GetTransaction", RPCS["GetTransaction"].request())
        raw.call("VoidRedemption", RPCS["VoidRedemption"].request())


@pytest.mark.long
def test_every_panel_of_the_dashboard_shows_something_under_load(watched: Prometheus, raw: RawCalls) -> None:
    load(raw)
    watched.await_value("sum(changes(pointguard_ledger_position[1m])) > bool 0", 1)
    empty = {panel["title"] for panel in panels() for expression in expressions(panel) if not watched.query(expression)}
    assert empty <= NOTHING_THERE


def test_every_panel_and_every_alert_uses_only_metrics_that_there_are(shared_server: ServerProcess) -> None:
    there = exposed(shared_server) | FROM_PROMETHEUS
    used = {rule["alert"]: rule["expr"] for rule in alert_rules()}
    used |= {panel["title"]: " ".join(expressions(panel)) for panel in panels()}
    unknown = {title: set(METRIC.findall(text)) - there for title, text in used.items()}
    assert {title: names for title, names in unknown.items() if names} == {}
    assert all(METRIC.search(text) for text in used.values())


def test_every_metric_of_ours_is_on_the_dashboard(shared_server: ServerProcess) -> None:
    shown = " ".join(expression for panel in panels() for expression in expressions(panel))
    families = re.findall(r"^# TYPE (pointguard_\w+) ", shared_server.get("/metrics")[1], re.MULTILINE)
    assert [family for family in families if family not in shown] == []


def test_panels_do_not_overlap_and_have_titles_of_their_own() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for cell in product(range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])):
            assert cell not in taken, f"{panel['title']} lies on {taken.get(cell)}"
            taken[cell] = panel["title"]
    assert len({panel["title"] for panel in panels()}) == len(panels())


def test_a_real_prometheus_takes_the_alert_rules_and_none_fires_on_a_sound_server(watched: Prometheus) -> None:
    watched.await_value("count(pointguard_ready)", 1)
    rules = [rule for group in watched.get("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == {rule["alert"] for rule in alert_rules()}
    assert {rule["lastError"] for rule in rules if rule.get("lastError")} == set()
    critical = {rule["alert"] for rule in alert_rules() if rule["labels"]["severity"] == "critical"}
    firing = {labels["alertname"] for labels, _value in watched.query('ALERTS{alertstate="firing"}')}
    assert firing & critical == set()


def test_promtool_finds_nothing_to_complain_about_in_the_metrics(shared_server: ServerProcess) -> None:
    checked = subprocess.run(
        [tool("promtool", "prometheus"), "check", "metrics"],
        input=shared_server.get("/metrics")[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_promtool_takes_configuration_and_rules() -> None:
    promtool(["check", "config", "prometheus.yml"])
    promtool(["check", "rules", "--lint-fatal", "alerts.yml"])


@pytest.mark.parametrize("tests", sorted(path.name for path in PROMETHEUS.glob("*.test.yml")))
def test_alerts_fire_when_they_should_and_not_when_they_should_not(tests: str) -> None:
    promtool(["test", "rules", tests])


def promtool(arguments: list[str]) -> None:
    """Run promtool on files of the configuration; it must be content."""
    checked = subprocess.run(
        [tool("promtool", "prometheus"), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_is_tested_to_fire_and_to_keep_quiet() -> None:
    groups = [group for path in PROMETHEUS.glob("*.test.yml") for group in yaml.safe_load(path.read_text())["tests"]]
    for rule in alert_rules():
        name = rule["alert"]
        (group,) = [group for group in groups if group["name"].startswith(f"{name}. ")]
        mine = [test for test in group["promql_expr_test"] if f'alertname="{name}"' in test["expr"]]
        assert [test["exp_samples"] for test in mine if test.get("exp_samples")] == [
            [{"labels": '{instance="bad"}', "value": 1}]
        ], name
        assert [test for test in mine if not test.get("exp_samples")], f"{name}: when does it keep quiet?"
        assert any('instance="good"' in series["series"] for series in group["input_series"]), name


def test_every_alert_says_what_it_is_about_and_where_help_is() -> None:
    sections = {title.lower() for title in re.findall(r"^### (\w+)$", RUNBOOK.read_text(), re.MULTILINE)}
    for rule in alert_rules():
        notes = rule["annotations"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert notes["summary"]
        assert notes["description"].endswith(".")
        assert notes["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
    assert sections == {rule["alert"].lower() for rule in alert_rules()}


def test_every_section_of_the_runbook_says_what_it_means_what_to_look_at_and_what_to_do() -> None:
    for section in re.split(r"^### ", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]:
        words = re.findall(r"^\*\*(\w+)\*\* \S", section, re.MULTILINE)
        assert words == ["Means", "Look", "Do"], section.splitlines()[0]


def test_the_runbooks_links_lead_somewhere() -> None:
    text = RUNBOOK.read_text()
    titles = {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= titles


def test_the_files_that_grafana_and_prometheus_read_fit_together() -> None:
    grafana = DASHBOARD.parents[1] / "provisioning"
    (source,) = yaml.safe_load((grafana / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((grafana / "dashboards" / "pointguard.yml").read_text())["providers"]
    assert (source["type"], provider["type"]) == ("prometheus", "file")
    job = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"][0]["job_name"]
    assert f'job="{job}"' in ALERTS.read_text()
