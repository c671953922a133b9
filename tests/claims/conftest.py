"""Give the tests of `verdicts` the claims of the part that their file names."""

from resode_course import claims


def pytest_generate_tests(metafunc):
    part = getattr(metafunc.module, "PART", None)
    labels = [
        label for label, claim in claims.CLAIMS.items() if claim.chapter.split("/")[0] == part
    ]
    if "label" in metafunc.fixturenames and part:
        metafunc.parametrize("label", labels)
    if "control" in metafunc.fixturenames:
        pairs = [(label, name) for label in labels for name in claims.get(label).dropped]
        metafunc.parametrize("control", pairs, ids=[f"{label}-{name}" for label, name in pairs])
