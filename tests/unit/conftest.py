"""Give the tests of `both_sides` the answers of the chapter that their file is about."""

import jaxtyping
import pytest


def pytest_generate_tests(metafunc):
    for name in ("right", "wrong"):
        if name in metafunc.fixturenames:
            answers = getattr(metafunc.module, name.upper())
            metafunc.parametrize(name, answers, ids=[label for label, *_ in answers])


@pytest.fixture
def checks(request):
    """The chapter's checks, by label."""
    return request.module.CHECKS


@pytest.fixture
def as_users_call():
    """Switch off the checks of types that the tests install, which users do not have."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
