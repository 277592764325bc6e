"""What every test may rely on; fixtures of one room live in that room's own conftest."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every CI run: a failure there can be repeated, and a new one is a new bug, not new luck.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
# Timing out one example on a busy machine says nothing about the code; pytest-timeout bounds the whole test.
settings.register_profile("local", deadline=None)
# A long search, for when someone changes arithmetic: HYPOTHESIS_PROFILE=thorough make test
settings.register_profile("thorough", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))

TESTS = Path(__file__).parent
WITHOUT_KERNELS = ("contract", "golden", "reference/test_rules", "repo", "unit/client", "unit/rules", "unit/service")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files in an order in which two workers, each of which takes the next file when it has none, end together.

    Where no kernels are cached, one worker compiles them with the first file; the other has files without kernels for
    that long, or it would compile them too. Long files come before short ones, which fill up the end.
    """
    names = {item.path: item.path.relative_to(TESTS).as_posix() for item in items}
    first = next((path for path, name in names.items() if name.startswith("e2e/")), None)

    def turn(item: pytest.Item) -> int:
        if item.path == first:
            return 0
        if names[item.path].startswith(WITHOUT_KERNELS):
            return 1
        return 2 if names[item.path].startswith("e2e/") else 3

    items.sort(key=turn)
