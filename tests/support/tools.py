"""Programs that are not Python packages, for tests that ask the real thing."""

import os
import shutil

import pytest


def tool(name: str, package: str) -> str:
    """Return the path of a program of a Debian package; without it the test is skipped, and in CI it fails."""
    path = shutil.which(name)
    if path is not None:
        return path
    missing = f"{name} is not installed (on Debian: apt-get install {package})"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
