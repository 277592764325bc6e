"""``python -m tests.image``: build the image's root and run the compose file's services in it, without an engine.

Needs root, debootstrap, util-linux and iproute2. It makes namespaces of its own, so that all mounts and processes go
with it, and runs the services in a network that has nothing but a loopback. Roots and volumes stay in `build/image` to
look at; of them the next rehearsal uses the Debian base alone.
"""

import asyncio
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pointguard_client import Identifier, Money, PointguardClient
from tests.image.build import build_image
from tests.image.root import Image, call
from tests.image.service import Running, laid_over, running
from tests.support.dockerfile import Context
from tests.support.server import write_program

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
WORK = ROOT / "build" / "image"
VOLUMES = WORK / "volumes"
PROGRAM_VOLUMES = WORK / "program-volumes"
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
CLONE_NEWNET = 0x40000000
START_SECONDS_MAX = 60.0
INSIDE = ("--address", "localhost:50051", "--root-certificates", "/etc/pointguard/tls/tls.crt")
"""How the client that the image holds reaches the server beside it."""
MEMBER = Identifier.loyalty_id("385")
EARNED = Money(4250, "CAD")


def main(arguments: list[str]) -> None:
    """Check that this machine can, and begin again inside the namespaces."""
    if arguments == ["inside"]:
        rehearse()
        return
    if os.geteuid() != 0 or not all(map(shutil.which, ("debootstrap", "unshare", "setpriv", "ip"))):
        sys.exit("the rehearsal needs root, debootstrap, util-linux and iproute2")
    inside = subprocess.run([*NAMESPACES, sys.executable, "-m", "tests.image", "inside"], check=False)
    sys.exit(inside.returncode)


def rehearse() -> None:
    """Build, then run the services one after the other; any failure ends it."""
    print("building")
    image = build_image(DOCKER / "Dockerfile", Context(ROOT), WORK)
    size = subprocess.run(["du", "-sm", image.root], capture_output=True, text=True, check=True).stdout.split()[0]
    print(f"built: {size} MiB with Debian; runs as {image.user}")
    enter_empty_network()
    for leftover in (VOLUMES, PROGRAM_VOLUMES):
        shutil.rmtree(leftover, ignore_errors=True)
    services = services_of("compose.yaml")
    run_to_its_end(image, services["certificate"], VOLUMES)
    print("certificate: made")
    posted = 0
    for start in ("first", "second"):
        with running(image, services["server"], VOLUMES, DOCKER) as server:
            posted = use(server, start, posted)
    serve_own_program(image, services["server"])


def services_of(compose_file: str) -> dict[str, Any]:
    """Return the services that a compose file describes."""
    services: dict[str, Any] = yaml.safe_load((DOCKER / compose_file).read_text())["services"]
    return services


def run_to_its_end(image: Image, service: Mapping[str, Any], volumes: Path) -> str:
    """Run a service that ends by itself, and return what it said."""
    with running(image, service, volumes, DOCKER) as run:
        assert run.process.wait(START_SECONDS_MAX) == 0, run.log.read_text()
    return run.log.read_text()


def serve_own_program(image: Image, server: Mapping[str, Any]) -> None:
    """Do what the documentation says for a program of one's own: issue a key, then serve."""
    write_program(WORK / "program")
    variables = {
        "POINTGUARD_TENANT": "acme",
        "POINTGUARD_PROGRAM_DIR": str(WORK / "program"),
        "POINTGUARD_TLS_DIR": str(VOLUMES / "certificate"),
    }
    service = laid_over(server, services_of("compose.program.yaml")["server"], variables)
    issuing = service | {"command": ["--allow-plaintext", "--issue-key"]}
    said = run_to_its_end(image, issuing, PROGRAM_VOLUMES).splitlines()
    assert [line for line in said if not line.startswith("{")], "no key was issued"
    print("own program: an API key issued")
    with running(image, service, PROGRAM_VOLUMES, DOCKER) as run:
        run.await_health(START_SECONDS_MAX)
        assert run.stop() == 0, run.log.read_text()
    print("own program: served, drained")


def enter_empty_network() -> None:
    """Leave this machine's network for one that has a loopback and nothing else."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace is to be had")
    call("ip", "link", "set", "lo", "up")


def use(server: Running, start: str, posted: int) -> int:
    """Have a started server prove itself, end it, and return the member's points; ``posted`` is what they should be."""
    seconds = server.await_health(START_SECONDS_MAX)
    events = [event["event"] for event in server.events()]
    assert "compiling" not in events, "the image's kernels were not found"
    print(f"server, {start} start: healthy after {seconds:.1f} s, kernels found")
    written = server.run(["touch", "/opt/pointguard/written"])
    assert "Read-only file system" in written.stderr, written
    print(f"server, {start} start: its root is read-only")
    asked = server.run(["pointguard-client", "balance", "--loyalty-id", "385", *INSIDE])
    assert asked.returncode == 0, asked
    before, after = asyncio.run(earn())
    assert posted in (0, before), "the ledger forgot"
    assert after > before
    print(f"server, {start} start: one Accrue over TLS from outside, {before} points became {after}")
    assert server.stop() == 0, server.log.read_text()
    assert server.events()[-1]["event"] == "stopped"
    print(f"server, {start} start: drained after SIGTERM, exit status 0")
    return after


async def earn() -> tuple[int, int]:
    """Accrue for one member; return the posted points before and after."""
    key = (VOLUMES / "data" / "sandbox-api-key").read_text().strip()
    trusted = (VOLUMES / "certificate" / "tls.crt").read_bytes()
    async with PointguardClient.connect("localhost:50051", api_key=key, root_certificates=trusted) as client:
        before = await client.get_balance(MEMBER)
        await client.accrue(MEMBER, EARNED)
        after = await client.get_balance(MEMBER)
    return before.balance.posted, after.balance.posted


if __name__ == "__main__":
    main(sys.argv[1:])
