"""The scripts of docker/: the image's health check, and the certificate that is made for trying the server out."""

import socket
import ssl
import subprocess
import sys
from pathlib import Path

from tests.support.server import ROOT, ServerProcess


def run_script(
    name: str, *arguments: str | Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "docker" / name, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def check_health(port: int) -> subprocess.CompletedProcess[str]:
    return run_script("healthcheck.py", environment={"POINTGUARD_HTTP_ADDRESS": f"0.0.0.0:{port}"})


def test_the_health_check_is_content_with_a_server_that_is_ready(shared_server: ServerProcess) -> None:
    checked = check_health(shared_server.http_port)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_health_check_says_that_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    checked = check_health(port)
    assert checked.returncode == 1
    assert "no answer" in checked.stderr


def test_a_certificate_is_made_once_for_its_names_with_a_key_for_its_owner_alone(tmp_path: Path) -> None:
    contents = []
    for _ in range(2):
        made = run_script("self_signed_certificate.py", tmp_path, "localhost", "server")
        assert made.returncode == 0, made.stderr
        contents.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert contents[0] == contents[1]
    assert (tmp_path / "tls.key").stat().st_mode & 0o777 == 0o600
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
