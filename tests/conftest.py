"""Options that all tests share."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# A test is right or wrong however long it takes; a busy machine must not decide.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite the expected files of tests/cases")


@pytest.fixture
def accept(pytestconfig: pytest.Config) -> bool:
    """Whether expected files are rewritten instead of compared."""
    return bool(pytestconfig.getoption("--accept"))
