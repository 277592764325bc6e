"""The repository's files as the repository tests see them: what git tracks, or will track once it is added."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def repository_files() -> list[Path]:
    """Every file that is or could be committed, sorted; the whole tree less dot-folders where there is no git."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    if listing.returncode == 0:
        names = [name for name in listing.stdout.split("\0") if name]
    else:
        names = [
            str(path.relative_to(ROOT))
            for path in ROOT.rglob("*")
            if not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(ROOT).parts)
        ]
    return sorted(path for name in set(names) if (path := ROOT / name).is_file())


@pytest.fixture(scope="session")
def python_files(repository_files: list[Path]) -> list[Path]:
    """Every Python file that people write; generated/ is not theirs."""
    rooms = ("server", "client", "tests", ".ci")
    return [path for path in repository_files if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in rooms]
