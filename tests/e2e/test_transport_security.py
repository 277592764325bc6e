"""Plaintext stays on the loopback unless told twice; TLS works with a certificate that the test makes."""

from pathlib import Path

import pytest

from pointguard_client import Identifier, PointguardClient, Unavailable
from pointguard_server.__main__ import main
from tests.support.certificates import make_certificate
from tests.support.server import ServerProcess, StartServer, run_server

EVERYWHERE = "0.0.0.0:0"
TOLD = {"POINTGUARD_ALLOW_PLAINTEXT": "yes"}


@pytest.mark.parametrize("option", ["--grpc-address", "--http-address"])
@pytest.mark.parametrize("address", [EVERYWHERE, "[::]:0", "example.com:50051"])
@pytest.mark.parametrize("told", ["not at all", "by the option", "by the environment"])
def test_plaintext_beyond_the_loopback_is_refused_unless_told_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, address: str, told: str
) -> None:
    options = ["--allow-plaintext"] if told == "by the option" else []
    for name, value in TOLD.items():
        monkeypatch.delenv(name, raising=False)
        if told == "by the environment":
            monkeypatch.setenv(name, value)
    directory = tmp_path / "data"
    with pytest.raises(SystemExit, match="plaintext beyond the loopback"):
        main(["--sandbox", "--data-dir", str(directory), option, address, *options])
    assert not directory.exists(), "it was refused before anything was touched"


def test_a_refused_address_ends_the_process_with_status_one_and_a_line_that_says_why(tmp_path: Path) -> None:
    ended = run_server("--sandbox", "--data-dir", str(tmp_path / "data"), "--grpc-address", EVERYWHERE)
    assert ended.returncode == 1
    assert "plaintext beyond the loopback" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


async def test_told_twice_it_listens_beyond_the_loopback(start_server: StartServer) -> None:
    options = ("--sandbox", "--allow-plaintext", "--grpc-address", EVERYWHERE, "--http-address", EVERYWHERE)
    server = start_server(options, environment=TOLD)
    async with PointguardClient.connect(server.address, api_key=server.api_key) as client:
        assert (await client.get_balance(Identifier.loyalty_id("1"))).account_id
    assert server.get("/healthz")[0] == 200


async def test_tls_beyond_the_loopback_needs_no_telling_and_admits_nobody_in_plaintext(
    start_server: StartServer, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path / "tls")
    options = ("--sandbox", "--tls-certificate", str(certificate), "--tls-key", str(key), "--grpc-address", EVERYWHERE)
    server = start_server(options)
    for host in ("localhost", "127.0.0.1"):
        address = f"{host}:{server.grpc_port}"
        trusted = certificate.read_bytes()
        async with PointguardClient.connect(address, api_key=server.api_key, root_certificates=trusted) as client:
            assert (await client.get_balance(Identifier.loyalty_id("1"))).account_id
    await assert_unreachable(server, plaintext=True)
    await assert_unreachable(server, plaintext=False)


async def assert_unreachable(server: ServerProcess, *, plaintext: bool) -> None:
    """A client without TLS, or one that does not trust the certificate, gets no answer."""
    connected = PointguardClient.connect(server.address, api_key=server.api_key, plaintext=plaintext, timeout_seconds=1)
    async with connected as client:
        with pytest.raises(Unavailable):
            await client.get_balance(Identifier.loyalty_id("1"))


@pytest.mark.long
def test_a_certificate_without_its_key_and_files_that_are_none_are_refused(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path / "tls")
    half = run_server("--sandbox", "--data-dir", str(tmp_path / "a"), "--tls-certificate", str(certificate))
    assert (half.returncode, "go together" in half.stderr) == (1, True)
    absent = run_server(
        "--sandbox", "--data-dir", str(tmp_path / "b"), "--tls-certificate", "absent.pem", "--tls-key", str(key),
        "--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0",
    )  # fmt: skip
    assert absent.returncode == 1
    assert "absent.pem" in absent.stderr.splitlines()[-1]
    key.write_text("this is no key")
    broken = run_server(
        "--sandbox", "--data-dir", str(tmp_path / "b"), "--tls-certificate", str(certificate), "--tls-key", str(key),
        "--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0",
    )  # fmt: skip
    assert broken.returncode == 1
    assert "Traceback" not in broken.stderr
