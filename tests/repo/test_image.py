"""What docker/ promises that hadolint and the compose schema, which `make lint` asks, do not check."""

import json
import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pointguard_server.settings import read_settings
from tests.support.dockerfile import Context, Instruction, read_dockerfile

SECRET = re.compile(r"password|secret|token|api_?key", re.IGNORECASE)
PINNED = re.compile(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?(@sha256:[0-9a-f]{64})?")
SHORTEST_LIFE = {"certificate"}
"""Services that do one thing and end: nobody waits for their health."""


@pytest.fixture(scope="module")
def docker(root: Path) -> Path:
    """The folder under test."""
    return root / "docker"


@pytest.fixture(scope="module")
def instructions(docker: Path) -> list[Instruction]:
    """The Dockerfile's instructions."""
    return read_dockerfile((docker / "Dockerfile").read_text())


@pytest.fixture(scope="module")
def final(instructions: list[Instruction]) -> dict[str, Instruction]:
    """The instructions of the last stage; of each kind the last one."""
    start = max(number for number, instruction in enumerate(instructions) if instruction.keyword == "FROM")
    return {instruction.keyword: instruction for instruction in instructions[start:]}


@pytest.fixture(scope="module")
def compose(docker: Path) -> dict[str, Any]:
    """The compose file."""
    loaded: dict[str, Any] = yaml.safe_load((docker / "compose.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    """The compose file's services by name."""
    found: dict[str, Any] = compose["services"]
    return found


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    """The project's own description."""
    described: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return described


def test_the_base_of_the_image_is_pinned_to_a_patch_release(instructions: list[Instruction]) -> None:
    (argument,) = [each for each in instructions if each.keyword == "ARG"]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+\.\d+-slim-[a-z]+", argument.rest)
    stages = {"${PYTHON_IMAGE}"}
    for instruction in instructions:
        if instruction.keyword == "FROM":
            source, _, name = instruction.rest.partition(" AS ")
            assert source in stages
            stages.add(name)


def test_the_image_runs_as_a_numbered_user_without_rights(final: dict[str, Instruction]) -> None:
    user, group = map(int, final["USER"].rest.split(":"))
    assert min(user, group) >= 10_000


def test_the_image_starts_checks_and_stops_the_server_without_a_shell(final: dict[str, Instruction]) -> None:
    assert json.loads(final["ENTRYPOINT"].rest) == ["pointguard-server"]
    assert json.loads(final["HEALTHCHECK"].rest.removeprefix("CMD "))[0] == "python"
    assert final["STOPSIGNAL"].rest == "SIGTERM"


def test_the_image_fetches_nothing_but_locked_packages(instructions: list[Instruction]) -> None:
    assert not [each for each in instructions if each.keyword == "ADD"]
    installs = re.findall(
        r"install (?!-d )((?:--?\S+ )+)", " ".join(each.rest for each in instructions if each.keyword == "RUN")
    )
    assert len(installs) == 3
    assert all("--require-hashes" in options or "--no-index" in options for options in installs)


def test_no_secret_is_written_into_the_image(instructions: list[Instruction]) -> None:
    assert not [each for each in instructions if each.keyword in {"ARG", "ENV", "LABEL"} and SECRET.search(each.rest)]


def test_the_image_says_the_projects_version(
    final: dict[str, Instruction], services: dict[str, Any], project: dict[str, Any]
) -> None:
    assert f'image.version="{project["version"]}"' in final["LABEL"].rest
    assert f'image.licenses="{project["license"]}"' in final["LABEL"].rest
    assert services["server"]["image"] == f"pointguard:{project['version']}"


def test_a_build_sees_what_the_dockerfile_copies_and_nothing_else(
    root: Path, instructions: list[Instruction], repository_files: list[Path]
) -> None:
    context = Context(root)
    copies = [each.rest.split()[:-1] for each in instructions if each.keyword == "COPY" and "from" not in each.flags]
    copied = {path for sources in copies for source in sources for path in context.files(source)}
    tracked = {path.relative_to(root) for path in repository_files}
    assert {path for path in tracked if context.holds(path)} == copied & tracked
    assert Path("server/pointguard_server/sandbox/program.toml") in copied
    assert not [path for path in copied if "__pycache__" in path.parts]


def test_the_image_gets_the_servers_packages_in_the_versions_that_were_tested(
    root: Path, docker: Path, project: dict[str, Any]
) -> None:
    """What is locked for the image is what the project asks for here, and all that those packages ask for."""
    tested = pins_of(root / "requirements.lock")
    shipped = pins_of(docker / "requirements.server.lock")
    assert shipped <= tested, "run make lock"
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["server"], *extras["otel"], *extras["aws"], *extras["postgres"]]
    here = {canonicalize_name(pin.name) for pin in map(Requirement, shipped) if not pin.marker or pin.marker.evaluate()}
    assert here == closure_of(wanted), "run make lock"


def test_the_wheel_is_made_with_the_tools_that_were_tested(root: Path, docker: Path) -> None:
    locked = pins_of(docker / "requirements.build.lock")
    assert locked <= pins_of(root / "requirements.lock"), "run make lock"
    assert {canonicalize_name(Requirement(pin).name) for pin in locked} == closure_of(["hatchling"]), "run make lock"


def test_every_image_of_the_compose_file_is_pinned(services: dict[str, Any]) -> None:
    assert all(PINNED.fullmatch(service["image"]) for service in services.values())


def test_every_service_is_confined(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_service_that_stays_has_a_health_check_and_limits(services: dict[str, Any]) -> None:
    for name in services.keys() - SHORTEST_LIFE:
        # The server's test is the image's own.
        assert "test" in services[name]["healthcheck"] or name == "server"
        assert services[name]["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}


def test_every_port_is_published_on_the_loopback_unless_told_otherwise(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(re.fullmatch(r"\$\{POINTGUARD_\w+_PORT:-127\.0\.0\.1:(\d+)\}:\1", port) for port in ports)


def test_everything_that_is_mounted_exists(docker: Path, compose: dict[str, Any]) -> None:
    mounts = [mount.split(":")[0] for service in compose["services"].values() for mount in service["volumes"]]
    bound = {source for source in mounts if source.startswith(".")}
    assert not [source for source in bound if not (docker / source).exists()]
    assert set(mounts) - bound == compose["volumes"].keys()


def test_the_server_keeps_on_volumes_what_its_image_keeps_outside(
    services: dict[str, Any], final: dict[str, Instruction]
) -> None:
    mounted = {mount.split(":")[1] for mount in services["server"]["volumes"]}
    assert set(json.loads(final["VOLUME"].rest)) <= mounted


def test_the_server_is_given_longer_to_stop_than_it_takes_to_drain(services: dict[str, Any]) -> None:
    settings, _ = read_settings(["--sandbox"], {})
    assert float(services["server"]["stop_grace_period"].removesuffix("s")) > settings.drain_s


def test_a_program_of_ones_own_is_laid_over_services_that_exist(docker: Path, compose: dict[str, Any]) -> None:
    overlay = yaml.safe_load((docker / "compose.program.yaml").read_text())
    assert overlay["services"].keys() <= compose["services"].keys()
    assert overlay["name"] != compose["name"], "its volumes are its own"


def pins_of(lock: Path) -> set[str]:
    """The pins of a lock file, with their markers."""
    lines = re.findall(r"^([a-zA-Z0-9].*?) *\\?$", lock.read_text(), flags=re.MULTILINE)
    return set(lines)


def closure_of(requirements: list[str]) -> set[str]:
    """The names of the packages that requirements bring into this environment, themselves included."""
    found: set[tuple[str, str]] = set()
    waiting = [(Requirement(each), "") for each in requirements]
    while waiting:
        wanted, asked_by_extra = waiting.pop()
        if wanted.marker and not wanted.marker.evaluate({"extra": asked_by_extra}):
            continue
        name = canonicalize_name(wanted.name)
        for extra in {"", *wanted.extras} - {known for known_name, known in found if known_name == name}:
            found.add((name, extra))
            waiting += [(Requirement(each), extra) for each in distribution(name).requires or []]
    return {name for name, _ in found}
