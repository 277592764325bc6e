"""A client that nobody here wrote makes the three main calls: ``buf curl``, with reflection and with the schema."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pointguard_client import new_idempotency_key
from tests.support.server import ROOT, ServerProcess, server_environment

BUF = Path(sys.executable).with_name("buf")
SCHEMAS: dict[str, tuple[str, ...]] = {"with reflection": (), "with the schema": ("--schema", str(ROOT / "protos"))}


def buf_curl(
    server: ServerProcess, method: str, request: Any, *options: str, api_key: str = ""
) -> subprocess.CompletedProcess[str]:
    """Make one call."""
    url = f"http://{server.address}/pointguard.v1.{method}"
    credential = ("-H", f"authorization: Bearer {api_key or server.api_key}")
    command = [str(BUF), "curl", "--protocol", "grpc", "--http2-prior-knowledge", *credential, *options]
    return subprocess.run(
        [*command, "-d", json.dumps(request), url],
        env=server_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def answer(ended: subprocess.CompletedProcess[str]) -> Any:
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("options", SCHEMAS.values(), ids=SCHEMAS)
def test_buf_curl_makes_the_three_main_calls(shared_server: ServerProcess, options: tuple[str, ...]) -> None:
    member = {"loyalty_id": "9"}
    basket = {"currency_code": "CAD", "lines": [{"category": "DAIRY", "quantity": 1, "amount_minor_units": 5000}]}
    request: Any = {"idempotency_key": new_idempotency_key(), "member": member, "basket": basket}
    accrual = answer(buf_curl(shared_server, "TransactionService/Accrue", request, *options))
    assert accrual["decision"] == "DECISION_APPROVED"
    assert int(accrual["points"]) >= 100
    request = {"idempotency_key": new_idempotency_key(), "member": member, "points": 7}
    first = answer(buf_curl(shared_server, "TransactionService/AuthoriseRedemption", request, *options))
    assert (first["decision"], first["points"]) == ("DECISION_APPROVED", "7")
    assert answer(buf_curl(shared_server, "TransactionService/AuthoriseRedemption", request, *options)) == first
    advice = answer(buf_curl(shared_server, "AdviceService/CheckAdvice", {"member": member}, *options))
    assert advice["accountId"] == accrual["accountId"]


def test_a_foreign_client_reads_the_reason_and_the_field_of_an_error(shared_server: ServerProcess) -> None:
    schema = SCHEMAS["with the schema"]
    request = {"idempotency_key": "x" * 65, "member": {"loyalty_id": "9"}, "points": 7}
    refused = buf_curl(shared_server, "TransactionService/AuthoriseRedemption", request, *schema)
    assert refused.returncode != 0
    error = json.loads(refused.stderr)
    assert error["code"] == "invalid_argument"
    assert [detail["type"] for detail in error["details"]] == ["google.rpc.ErrorInfo", "google.rpc.BadRequest"]
    assert "idempotency_key" in json.dumps(error)
    stranger = buf_curl(
        shared_server, "AdviceService/CheckAdvice", {"member": {"loyalty_id": "9"}}, *schema, api_key="no"
    )
    assert json.loads(stranger.stderr)["code"] == "unauthenticated"
