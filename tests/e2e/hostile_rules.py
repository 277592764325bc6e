"""Requests about rules that are sound but for one field, and the field that the refusal names. For hostile tests."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from pointguard.v1 import common_pb2, rule_pb2, transaction_pb2
from tests.e2e.raw_calls import CONFIGURATION

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
FAULTY = 'rule "canary"\n    earn base order.canary\n'
SOURCES = ("", "x" * 65_537, "é" * 32_769, "#" * 2_000_000)
Case = tuple[str, dict[str, Any], str]
"""An RPC, the fields that are changed, and the field at fault."""


def configuration_cases() -> Iterator[Case]:
    """Yield a case for every field of every RPC about configurations, for every way in which it can be wrong."""
    for source in ("", "x" * 131_073, "é" * 65_537, "#" * 2_000_000, "\0" * 140_000):
        yield "ValidateConfiguration", {"source": source}, "source"
    for source in ("", "x" * 131_073, 'canary = "canary"', "[" * 10_000, "a." * 30_000, "nonsense"):
        yield "CreateConfigurationVersion", {"source": source}, "source"
    other = CONFIGURATION.replace("CAD", "USD").replace("sandbox", "canary")
    yield "CreateConfigurationVersion", {"source": other}, "source"
    for rpc in ("CreateConfigurationVersion", "ActivateConfigurationVersion", "RollbackConfiguration"):
        yield from ((rpc, {"change": change}, f"change.{field}") for change, field in bad_changes())
    for number in (0, -1, INT64_MIN):
        for field in ("from_version", "to_version"):
            yield "DiffConfigurationVersions", {field: number}, field
        for rpc in ("ActivateConfigurationVersion", "RollbackConfiguration"):
            for field in ("version", "expected_active_version"):
                yield rpc, {field: number}, field
    for number in (-1, -2, -3, -(2**31), INT64_MIN):
        yield "GetConfigurationVersion", {"version": number}, "version"


def rule_cases() -> Iterator[Case]:
    """Yield a case for every field of every RPC about rules, for every way in which it can be wrong."""
    yield from configuration_cases()
    # Nothing that is shorter can be wrong there: mistakes are the answer.
    for source in (*SOURCES, "\0" * 70_000, '# \0\nrule "r"\n    earn base 1\n'):
        yield "ValidateRuleSet", {"source": source}, "source"
        yield "FormatRuleSet", {"source": source}, "source"
    for source in (*SOURCES, FAULTY, "(" * 10_000, "nonsense"):
        yield "CreateRuleSetVersion", {"source": source}, "source"
        yield "SimulateRuleSet", {"source": source}, "source"
    for rpc in ("CreateRuleSetVersion", "ActivateRuleSetVersion", "RollbackRuleSet", "CancelRuleSetActivation"):
        yield from ((rpc, {"change": change}, f"change.{field}") for change, field in bad_changes())
    for number in (0, -1, INT64_MIN):
        for rpc, field in (
            ("GetRuleSetVersion", "version"),
            ("DiffRuleSetVersions", "from_version"),
            ("DiffRuleSetVersions", "to_version"),
            ("ActivateRuleSetVersion", "version"),
            ("ActivateRuleSetVersion", "expected_active_version"),
            ("RollbackRuleSet", "version"),
            ("RollbackRuleSet", "expected_active_version"),
            ("CancelRuleSetActivation", "activation"),
            ("SimulateRuleSet", "version"),
            ("BacktestRuleSet", "version"),
        ):
            yield rpc, {field: number}, field
    yield "GetRuleSetVersion", {"version": -2}, "version"
    yield "GetRuleSetVersion", {"version": -(2**31)}, "version"
    yield from file_cases()
    yield from page_cases()
    for seconds, nanos in ((0, 0), (INT64_MAX, 0), (INT64_MIN, 0), (1_700_000_000, 10**9), (4_102_444_799, 0)):
        yield "ActivateRuleSetVersion", {"effective_at": Timestamp(seconds=seconds, nanos=nanos)}, "effective_at"
    yield "ActivateRuleSetVersion", {"effective_at": Timestamp(seconds=1_700_000_000)}, "effective_at"
    yield from order_cases()
    yield from backtest_cases()


def backtest_cases() -> Iterator[Case]:
    """Yield backtests that cannot be asked for."""
    for number in (-1, INT64_MIN):
        yield "BacktestRuleSet", {"other_version": number}, "other_version"
    yield "BacktestRuleSet", {"version": 1, "other_version": 1}, "other_version"
    for number in (-1, 1_001, 2**31 - 1, -(2**31)):
        yield "BacktestRuleSet", {"examples_max": number}, "examples_max"
    for field in ("begins_at", "ends_before"):
        for seconds, nanos in ((0, 0), (INT64_MAX, 0), (INT64_MIN, 0), (1_700_000_000, 10**9)):
            yield "BacktestRuleSet", {field: Timestamp(seconds=seconds, nanos=nanos)}, field
    yield "BacktestRuleSet", {"begins_at": Timestamp(seconds=4_000_000_000)}, "begins_at"
    same = Timestamp(seconds=1_700_000_000)
    yield "BacktestRuleSet", {"begins_at": same, "ends_before": same}, "begins_at"


def bad_changes() -> Iterator[tuple[rule_pb2.RuleChange, str]]:
    """Yield changes that nobody can answer for, and the end of the field's path."""
    trial = rule_pb2.RULE_CHANGE_REASON_TRIAL
    for author in ("", "x" * 65, "é" * 33, "a\nb", "file", "a\0"):
        yield rule_pb2.RuleChange(author=author, reason=trial), "author"
    for reason in (0, 10, 11, -1, 2**31 - 1):
        yield rule_pb2.RuleChange(author="a", reason=reason), "reason"  # type: ignore[arg-type]
    for note in ("x" * 501, "é" * 251, "a\tb"):
        yield rule_pb2.RuleChange(author="a", reason=trial, note=note), "note"
    yield rule_pb2.RuleChange(author="a", reason=rule_pb2.RULE_CHANGE_REASON_OTHER), "note"
    yield rule_pb2.RuleChange(author="a", reason=trial, api_key_id="canary"), "api_key_id"


def file_cases() -> Iterator[Case]:
    """Return what cannot be the files of sets."""
    for rpc in ("CreateRuleSetVersion", "ValidateRuleSet"):
        for name in ("", ".", "../a.txt", "a/b", "a" * 101, "a\n", "\x00"):
            yield rpc, {"files": [rule_pb2.RuleSetFileContent(name=name)]}, "files[0].name"
        twice = [rule_pb2.RuleSetFileContent(name="a.txt", content="A")] * 2
        yield rpc, {"files": twice}, "files[1].name"
        yield rpc, {"files": [rule_pb2.RuleSetFileContent(name=f"{n}.txt") for n in range(65)]}, "files"
    unnamed = [rule_pb2.RuleSetFileContent(name="a.txt", content="A")]
    yield "CreateRuleSetVersion", {"files": unnamed}, "files[0].name"


def page_cases() -> Iterator[Case]:
    """Yield pages that are not there."""
    for rpc in (
        "ListRuleSetVersions",
        "ListRuleSetActivations",
        "ListConfigurationVersions",
        "ListConfigurationActivations",
    ):
        for size in (-1, 101, 2**31 - 1, -(2**31)):
            yield rpc, {"page_size": size}, "page_size"
        for token in ("0", "-1", "canary", "1.5", "9" * 19, "\uff11", " 1"):
            yield rpc, {"page_token": token}, "page_token"


def order_cases() -> Iterator[Case]:
    """Yield orders that cannot be tried out."""
    total = common_pb2.Money(currency_code="CAD", minor_units=100)
    order: Any = rule_pb2.SimulatedOrder
    changes: dict[str, Any]
    for changes, field in (
        ({"total": None}, "amount"),
        ({"total": common_pb2.Money(currency_code="USD", minor_units=1)}, "total.currency_code"),
        ({"total": common_pb2.Money(currency_code="CAD", minor_units=-1)}, "total.minor_units"),
        ({"total": None, "basket": transaction_pb2.Basket(currency_code="CAD")}, "basket.lines"),
        ({"origin": common_pb2.Origin(store_id="no such store")}, "origin.store_id"),
        ({"origin": common_pb2.Origin(channel=77)}, "origin.channel"),  # type: ignore[arg-type]
        ({"kind": 3}, "kind"),
        ({"tender": "x" * 33}, "tender"),
        ({"tier": "a\nb"}, "tier"),
        ({"province": "Ontario"}, "province"),
        ({"birth_date": "1899-12-31"}, "birth_date"),
        ({"days_since_enrolment": -1}, "days_since_enrolment"),
        ({"days_since_enrolment": 100_001}, "days_since_enrolment"),
        ({"posted": -1}, "posted"),
        ({"posted": 10**12 + 1}, "posted"),
        ({"reserved": -1}, "reserved"),
        ({"spend_minor_units": 10**12 + 1}, "spend_minor_units"),
        ({"accepted_at": Timestamp(seconds=1)}, "accepted_at"),
    ):
        fields = {name: value for name, value in ({"total": total} | changes).items() if value is not None}
        yield "SimulateRuleSet", {"order": order(**fields)}, f"order.{field}"
    yield "SimulateRuleSet", {"order": None}, "input"
    window = rule_pb2.SimulatedWindow
    source = 'rule "w"\n    earn base count(purchases, 7 days)\n'
    for value in ("", "-1", "1e3", "1" * 13, "1.0000000", "\uff11", "canary"):
        windows = [window(window="count(purchases, 7 days)", value=value)]
        yield "SimulateRuleSet", {"source": source, "windows": windows}, "windows[0].value"
    yield "SimulateRuleSet", {"source": source, "windows": [window(window="canary", value="1")]}, "windows[0].window"
    many = [window(window="count(purchases, 7 days)", value="1")] * 65
    yield "SimulateRuleSet", {"source": source, "windows": many}, "windows"
