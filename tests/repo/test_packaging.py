"""What people install: the lock file, the packages' contents, and a client that needs nothing of the server."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

SERVER_ONLY = {"aiohttp", "antlr4", "numba", "numpy", "pandas", "pointguard_grammar", "pointguard_server", "sqlalchemy"}


@pytest.fixture(scope="module")
def lock_text(root: Path) -> str:
    """The lock file as it is."""
    return (root / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def locked(lock_text: str) -> dict[str, str]:
    """Each locked requirement, such as `grpcio==1.85.1`, with everything that follows it up to the next one."""
    entries = re.split(r"^(?=[A-Za-z0-9])", lock_text, flags=re.MULTILINE)
    return {entry.split()[0].rstrip("\\"): entry for entry in entries if re.match(r"[A-Za-z0-9]", entry)}


def test_every_locked_package_has_one_version_and_hashes(locked: dict[str, str]) -> None:
    assert len(locked) > 50
    loose = [
        name
        for name, entry in locked.items()
        if not re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9]", entry)
        or not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)
    ]
    assert not loose


def test_the_lock_names_no_index_and_no_path(lock_text: str) -> None:
    found = [
        line
        for line in lock_text.splitlines()
        if re.search(r"://|find-links|(extra-)?index-url|trusted-host|@ |(^|\s)/", line)
    ]
    assert not found


def test_the_lock_fulfils_everything_that_the_project_asks_for(root: Path, locked: dict[str, str]) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    versions: dict[str, list[str]] = {}
    for pin in map(Requirement, locked):
        versions.setdefault(pin.name, []).extend(specifier.version for specifier in pin.specifier)
    unmet = [
        wanted
        for wanted in map(
            Requirement,
            [
                *project["dependencies"],
                *extras["server"],
                *extras["otel"],
                *extras["aws"],
                *extras["postgres"],
                *extras["rules"],
                *extras["dev"],
            ],
        )
        if not versions.get(wanted.name) or not all(wanted.specifier.contains(v) for v in versions[wanted.name])
    ]
    assert not unmet, "run make lock"


def test_grpc_packages_move_together(root: Path, locked: dict[str, str]) -> None:
    family = {"grpcio", "grpcio-health-checking", "grpcio-reflection", "grpcio-status", "grpcio-tools"}
    versions = {name.split("==")[1] for name in locked if name.split("==")[0] in family}
    assert len(versions) == 1
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert f"grpcio>={versions.pop()}" in project["dependencies"]


def test_importing_the_client_brings_in_nothing_of_the_server() -> None:
    program = (
        "import sys, pointguard_client, pointguard_client.__main__\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "pointguard_client" in finished.stdout.split()
    assert not SERVER_ONLY & set(finished.stdout.split())


def test_the_client_is_importable_with_its_own_dependencies_only(root: Path) -> None:
    """The base install lacks the extra `server`; hide those packages and import every module of the client."""
    program = (
        "import importlib, pkgutil, sys\n"
        f"sys.modules.update(dict.fromkeys({sorted(SERVER_ONLY)!r}))\n"
        "import pointguard_client as client\n"
        "names = [m.name for m in pkgutil.walk_packages(client.__path__, 'pointguard_client.')]\n"
        "[importlib.import_module(name) for name in names]\n"
        "print(len(names))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True, cwd=root)
    assert finished.returncode == 0, finished.stderr
    assert int(finished.stdout) > 0


def test_the_wheel_holds_the_packages_with_their_data(root: Path, tmp_path: Path) -> None:
    """Build it as `pip wheel` would, offline, and look inside."""
    builder = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(builder, cwd=root, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(wheel_names(wheel))
    wanted = {
        str(path.relative_to(root / room))
        for room, packages in {
            "server": ["pointguard_server"],
            "client": ["pointguard_client", "pointguard_rules"],
            "generated": ["pointguard", "pointguard_grammar"],
        }.items()
        for package in packages
        for path in (root / room / package).rglob("*")
        if path.suffix in {".py", ".pyi", ".toml", ".rules", ".csv", ".gz", ".g4", ".typed"}
    }
    assert wanted <= names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} <= {
        "pointguard",
        "pointguard_client",
        "pointguard_grammar",
        "pointguard_rules",
        "pointguard_server",
    }


def wheel_names(wheel: Path) -> list[str]:
    """The paths inside a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()
