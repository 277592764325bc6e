"""What every test may rely on; fixtures of one room live in that room's own conftest."""

import os

import pytest
from hypothesis import HealthCheck, settings

# Tests wait for the compiler, and nobody is served meanwhile.
os.environ["POINTGUARD_BACKGROUND_REST"] = "0"

# The same examples in every CI run: a failure there can be repeated, and a new one is a new bug, not new luck.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
# Timing out one example on a busy machine says nothing about the code; pytest-timeout bounds the whole test.
settings.register_profile("local", deadline=None)
# A long search, for when someone changes arithmetic: HYPOTHESIS_PROFILE=thorough make test
settings.register_profile("thorough", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what ``make test-postgres`` gives."""
    parser.addoption("--postgres", action="store_true", help="keep the ledgers of tests in PostgreSQL")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out with ``--postgres`` what is said of SQLite alone."""
    if config.getoption("postgres"):
        for item in items:
            if item.get_closest_marker("sqlite"):
                item.add_marker(pytest.mark.skip("it is about SQLite"))


def pytest_configure(config: pytest.Config) -> None:
    """Compile the kernels before all tests are run; a run of some tests compiles what it needs as it goes."""
    of_all = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.collectonly
    if of_all and not hasattr(config, "workerinput"):  # a worker's configuration has one
        from tests.support.kernels import compile_kernels

        if not compile_kernels():
            pytest.exit("the kernels could not be compiled: see above", 1)
