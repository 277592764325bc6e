"""What operators see: metrics that move by what was called, health over HTTP and gRPC, reflection, the log."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from pointguard.v1 import common_pb2, transaction_pb2
from pointguard_client import new_idempotency_key
from tests.e2e.raw_calls import RPCS, RawCalls
from tests.support.server import COMPILING, ServerProcess

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
FAMILIES = {
    "pointguard_calls": "counter",
    "pointguard_call_seconds": "histogram",
    "pointguard_decisions": "counter",
    "pointguard_declines": "counter",
    "pointguard_refusals": "counter",
    "pointguard_replays": "counter",
    "pointguard_rules_tripped": "counter",
    "pointguard_points": "counter",
    "pointguard_rules_unavailable": "counter",
    "pointguard_scopes_uncounted": "gauge",
    "pointguard_exemptions_in_force": "gauge",
    "pointguard_redemption_stops_in_force": "gauge",
    "pointguard_advice_standing": "gauge",
    "pointguard_stage_seconds": "histogram",
    "pointguard_batch_requests": "histogram",
    "pointguard_queue_requests": "gauge",
    "pointguard_cache_accounts": "gauge",
    "pointguard_ledger_position": "gauge",
    "pointguard_ready": "gauge",
    "pointguard_shed": "counter",
    "pointguard_writer_lag_seconds": "gauge",
    "pointguard_event_loop_lag_seconds": "histogram",
    "pointguard_gc_pause_seconds": "histogram",
    "pointguard_disk_free_bytes": "gauge",
    "pointguard_ledger_ahead_seconds": "gauge",
    "process_resident_memory_bytes": "gauge",
}
LABELS = {"rpc", "code", "operation", "decision", "reason", "outcome", "rule", "posture", "direction", "stage", "le"}
LABELS |= {"version", "python", "generation", "check", "level", "part", "program", "rules", "file", "process", "kind"}
LABELS |= {"experiment", "arm", "why", "mode"}


def scrape(server: ServerProcess) -> Samples:
    """Return every sample by name and labels."""
    status, text = server.get("/metrics")
    assert status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Movement:
    """How samples have moved since it was made."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.before = scrape(server)

    def of(self, name: str, **labels: str) -> float:
        now, key = scrape(self._server), (name, tuple(sorted(labels.items())))
        return now.get(key, 0.0) - self.before.get(key, 0.0)


@pytest.fixture
def movement(shared_server: ServerProcess, raw: RawCalls) -> Movement:
    assert raw.call("GetBalance", RPCS["GetBalance"].request()).code == "OK"
    return Movement(shared_server)


def enroll(raw: RawCalls, card: str = "") -> common_pb2.MemberReference:
    reference = common_pb2.MemberReference(card=card or new_idempotency_key())
    assert raw.call("EnrollMember", RPCS["EnrollMember"].request(identifiers=[reference])).code == "OK"
    return reference


def test_the_promised_families_are_there_and_of_their_types(shared_server: ServerProcess) -> None:
    _status, text = shared_server.get("/metrics")
    found = {family.name: family for family in text_string_to_metric_families(text)}
    types = {name: family.type for name, family in found.items()}
    assert {name: types.get(name) for name in FAMILIES} == FAMILIES
    assert all(family.documentation for family in found.values())
    build = scrape(shared_server)
    assert [value for (name, _labels), value in build.items() if name == "pointguard_build_info"] == [1.0]
    stages = {dict(labels)["stage"] for (name, labels) in build if name == "pointguard_stage_seconds_count"}
    assert stages >= {"queue", "decide", "append", "commit"}


def test_names_that_end_in_total_are_counters(shared_server: ServerProcess) -> None:
    _status, text = shared_server.get("/metrics")
    declared = [line.split()[2:4] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert {kind for name, kind in declared if name.endswith("_total")} == {"counter"}


def test_calls_are_counted_by_rpc_and_code(raw: RawCalls, movement: Movement) -> None:
    for request in (RPCS["Accrue"].request(), RPCS["Accrue"].request(total=None), RPCS["Accrue"].request()):
        raw.call("Accrue", request)
    raw.call("GetTransaction", RPCS["GetTransaction"].request())
    raw.call("CheckAdvice", RPCS["CheckAdvice"].request(), metadata=())
    assert movement.of("pointguard_calls_total", rpc="Accrue", code="OK") == 2
    assert movement.of("pointguard_calls_total", rpc="Accrue", code="INVALID_ARGUMENT") == 1
    assert movement.of("pointguard_calls_total", rpc="GetTransaction", code="NOT_FOUND") == 1
    assert movement.of("pointguard_calls_total", rpc="CheckAdvice", code="UNAUTHENTICATED") == 1
    assert movement.of("pointguard_call_seconds_count", rpc="Accrue") == 3


def test_decisions_declines_refusals_replays_and_points_are_counted(raw: RawCalls, movement: Movement) -> None:
    member = enroll(raw)
    earned = raw.call("Accrue", RPCS["Accrue"].request(member=member)).message.points
    spend = RPCS["AuthoriseRedemption"].request(member=member, points=earned, capture=True)
    for _ in range(3):
        raw.call("AuthoriseRedemption", spend)
    raw.call("AuthoriseRedemption", RPCS["AuthoriseRedemption"].request(member=member, points=1))
    raw.call("VoidRedemption", RPCS["VoidRedemption"].request())
    raw.call("Accrue", RPCS["Accrue"].request(idempotency_key=spend.idempotency_key))
    assert movement.of("pointguard_decisions_total", operation="ENROLL", decision="APPROVED") == 1
    assert movement.of("pointguard_decisions_total", operation="ACCRUE", decision="APPROVED") == 1
    assert movement.of("pointguard_decisions_total", operation="AUTHORISE", decision="APPROVED") == 1
    assert movement.of("pointguard_decisions_total", operation="AUTHORISE", decision="DECLINED") == 1
    assert movement.of("pointguard_declines_total", operation="AUTHORISE", reason="INSUFFICIENT_POINTS") == 1
    assert movement.of("pointguard_replays_total") == 2
    assert movement.of("pointguard_refusals_total", outcome="RESERVATION_UNKNOWN") == 1
    assert movement.of("pointguard_refusals_total", outcome="KEY_REUSED") == 1
    assert movement.of("pointguard_points_total", direction="issued") == earned
    assert movement.of("pointguard_points_total", direction="redeemed") == earned
    assert movement.of("pointguard_ledger_position") == 4, "an enrollment, an accrual, two redemptions"


def test_rules_that_trip_are_counted_by_rule_posture_and_mode(raw: RawCalls, movement: Movement) -> None:
    member = enroll(raw)
    raw.call("Accrue", RPCS["Accrue"].request(member=member))
    for _ in range(11):
        raw.call("AuthoriseRedemption", RPCS["AuthoriseRedemption"].request(member=member, points=1, capture=True))
    week = {"rule": "ADVICE_CHECK_ACCOUNT_BURN_WEEK", "posture": "BLOCK", "mode": "ENFORCED"}
    day = {"rule": "ADVICE_CHECK_ACCOUNT_BURN_DAY", "posture": "WARN", "mode": "ENFORCED"}
    assert movement.of("pointguard_rules_tripped_total", **week) == 1
    assert movement.of("pointguard_rules_tripped_total", **day) >= 1
    assert movement.of("pointguard_declines_total", operation="AUTHORISE", reason="FRAUD_RULE") == 1


def test_rules_that_never_tripped_and_advice_are_counted_too(raw: RawCalls, movement: Movement) -> None:
    member = enroll(raw)
    raw.call("Accrue", RPCS["Accrue"].request(member=member))
    for _ in range(6):
        raw.call("AuthoriseRedemption", RPCS["AuthoriseRedemption"].request(member=member, points=1, capture=True))
    assert movement.of("pointguard_advice_raised_total", posture="WARN") == 1, "more than five in a day"
    rules = {dict(labels)["rule"] for name, labels in movement.before if name == "pointguard_rules_tripped_total"}
    assert {"OUT_OF_PROVINCE", "ADVICE_CHECK_ACCOUNT_PURCHASE_TRANSACTION_COUNT_MONTH"} <= rules


def info_lines(server: ServerProcess) -> int:
    """How many lines of that level the log has; other tests of the same server may have made it complain."""
    return sum(event["level"] == "info" for event in server.events())


def test_what_is_in_force_and_what_it_runs_on_is_shown(shared_server: ServerProcess) -> None:
    lines = info_lines(shared_server)
    samples = scrape(shared_server)
    assert samples["pointguard_rules_version", (("program", "1"), ("rules", "earn"))] == 1
    assert samples["pointguard_program_epoch", (("program", "1"),)] == 1
    assert samples["pointguard_compile_seconds", (("part", "kernels"),)] > 0
    assert samples["pointguard_check_ok", (("check", "ledger_writable"),)] == 1
    assert 0 < samples["pointguard_disk_free_bytes", ()] < samples["pointguard_disk_size_bytes", ()]
    assert samples["pointguard_ledger_ahead_seconds", ()] == 0
    assert samples["pointguard_writer_lag_seconds", ()] == 0
    for process in ("engine", "front"):
        assert samples["process_resident_memory_bytes", (("process", process),)] > 0
    assert lines <= samples["pointguard_log_lines_total", (("level", "info"),)] <= info_lines(shared_server)
    assert time.time() - 600 < samples["pointguard_last_batch_timestamp_seconds", ()] <= time.time()


def test_the_size_of_the_database_is_shown(shared_server: ServerProcess) -> None:
    give_up, is_so = time.monotonic() + 10, False
    # What tests before have written comes into the file behind them, at a checkpoint.
    while not is_so and time.monotonic() < give_up:
        shown = scrape(shared_server)["pointguard_ledger_file_bytes", (("file", "database"),)]
        is_so = shown == shared_server.database.stat().st_size
        time.sleep(0.1)
    assert is_so


def test_the_lag_of_both_event_loops_is_shown(shared_server: ServerProcess) -> None:
    give_up, beats = time.monotonic() + 10, {"engine": 0.0, "front": 0.0}
    while not all(beats.values()) and time.monotonic() < give_up:
        samples = scrape(shared_server)
        name = "pointguard_event_loop_lag_seconds_count"
        beats = {process: samples[name, (("process", process),)] for process in beats}
        time.sleep(0.1)
    assert all(beats.values()), "the front tells of its own each second"


def test_batches_stages_and_the_cache_are_counted(raw: RawCalls, movement: Movement) -> None:
    items = [transaction_pb2.BatchItem(accrue=RPCS["Accrue"].request()) for _ in range(40)]
    raw.call("ProcessBatch", transaction_pb2.ProcessBatchRequest(items=items))
    assert movement.of("pointguard_batch_requests_count") == 1
    assert movement.of("pointguard_batch_requests_sum") == 40
    for stage in ("queue", "decide", "append", "commit"):
        assert movement.of("pointguard_stage_seconds_count", stage=stage) == 1
        assert 0 <= movement.of("pointguard_stage_seconds_sum", stage=stage) < 5
    assert movement.of("pointguard_cache_hits_total") == 40
    enroll(raw)
    assert movement.of("pointguard_cache_accounts") == 1
    assert movement.of("pointguard_queue_requests") == 0


def test_no_label_says_anything_about_a_member(raw: RawCalls, shared_server: ServerProcess) -> None:
    secret = f"secret-{new_idempotency_key()}"
    member = enroll(raw, secret)
    origin = common_pb2.Origin(store_id="12", terminal_id="secret-till", cashier_id="secret-cashier")
    request = RPCS["Accrue"].request(
        member=member, origin=origin, order_reference="secret-order", tender="secret-tender"
    )
    account_id = raw.call("Accrue", request).message.account_id
    raw.call("GetBalance", RPCS["GetBalance"].request(member=common_pb2.MemberReference(card="secret-nobody")))
    samples = scrape(shared_server)
    labels = {label for _name, pairs in samples for label, _value in pairs}
    assert labels <= LABELS | {"implementation", "major", "minor", "patchlevel"}
    _status, text = shared_server.get("/metrics")
    assert "secret" not in text
    assert f'"{account_id}"' not in text
    rpcs = Counter(dict(pairs)["rpc"] for name, pairs in samples if name == "pointguard_calls_total")
    assert set(rpcs) <= set(RPCS), "a label's values must be bounded"


def test_the_pages_for_operators_answer_and_others_are_not_there(shared_server: ServerProcess) -> None:
    assert shared_server.get("/healthz") == (200, "alive\n")
    assert shared_server.get("/readyz")[0] == 200
    for path in ("/", "/metrics/../etc/passwd", "/debug", "/%00"):
        assert shared_server.get(path)[0] in (400, 404)


def test_grpc_health_is_serving_for_every_service_without_a_credential(shared_server: ServerProcess) -> None:
    with grpc.insecure_channel(shared_server.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", *{rpc.service for rpc in RPCS.values()}):
            answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as refused:
            health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=5)
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def listed_services(server: ServerProcess) -> set[str]:
    """Ask reflection for the services."""
    with grpc.insecure_channel(server.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)

        def ask() -> Iterator[reflection_pb2.ServerReflectionRequest]:
            yield reflection_pb2.ServerReflectionRequest(list_services="")

        (answer,) = stub.ServerReflectionInfo(ask(), timeout=5)
        return {service.name for service in answer.list_services_response.service}


def test_reflection_is_on_in_the_sandbox(shared_server: ServerProcess) -> None:
    assert listed_services(shared_server) >= {rpc.service for rpc in RPCS.values()}


def test_reflection_is_off_elsewhere(plain_server: ServerProcess) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        listed_services(plain_server)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_log_is_json_and_holds_no_key(shared_server: ServerProcess) -> None:
    lines = [line for line in shared_server.log().splitlines() if line.strip()]
    events = [json.loads(line)["event"] for line in lines]
    assert [event for event in events if event not in COMPILING][:3] == ["starting", "rules_loaded", "ready"]
    assert shared_server.api_key not in shared_server.log()
    assert (shared_server.data_directory / "sandbox-api-key").stat().st_mode & 0o077 == 0
    assert shared_server.data_directory.stat().st_mode & 0o077 == 0
