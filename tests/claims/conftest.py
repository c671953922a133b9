"""Give the tests of `verdicts` the claims of the part that their file names."""

from resode_course import claims


def pytest_generate_tests(metafunc):
    part = getattr(metafunc.module, "PART", None)
    labels = [
        label
        for page in claims.CHAPTERS
        for label, claim in claims.CLAIMS.items()
        if page == f"{part}/{claim.chapter}"
    ]
    if "label" in metafunc.fixturenames and part:
        metafunc.parametrize("label", labels)
    if "control" in metafunc.fixturenames:
        pairs = [(label, name) for label in labels for name in claims.get(label).controls]
        metafunc.parametrize("control", pairs, ids=[f"{label}-{name}" for label, name in pairs])
