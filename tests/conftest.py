"""Options that all tests share."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

# A test is right or wrong however long it takes; a busy machine must not decide.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples on every run, so that a change is judged by what it changed; `--hypothesis-profile=explore` draws
# new ones.
settings.register_profile("same", settings.get_profile("explore"), derandomize=True, database=None)
settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    """Draw no constants of the modules that happen to be loaded: which they are differs from worker to worker."""
    if config.getoption("hypothesis_profile", None) in (None, "same"):
        assert providers._get_local_constants is not None  # Hypothesis has no setting for it: notice if it moves
        providers._get_local_constants = lambda: providers._local_constants


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite the expected files of tests/cases")


@pytest.fixture
def accept(pytestconfig: pytest.Config) -> bool:
    """Whether expected files are rewritten instead of compared."""
    return bool(pytestconfig.getoption("--accept"))
