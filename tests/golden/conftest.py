"""The flag that rewrites what golden tests expect: ``pytest tests/golden --rewrite-golden``; then read what changed."""

from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="write the results down as the expected ones")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a result with the file that holds the expected one, or writes it there."""
    # In a run of all tests the option is not known, since this file is loaded too late.
    rewrite = request.config.getoption("--rewrite-golden", default=False)

    def compare(path: Path, result: str) -> None:
        if rewrite:
            path.write_text(result)
        assert path.read_text() == result, "if this is meant, rewrite: pytest tests/golden --rewrite-golden"

    return compare
