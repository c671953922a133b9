"""No page shows a number that today's code would not give."""

import ast

import pytest
import records

from resode_course import records as stored


def test_every_record_is_up_to_date():
    stale = [entry for entry in records.stale(records.entries()) if entry.record != "benchmarks"]
    assert not [f"{entry.record}: {entry.name}" for entry in stale], "run: make records"


def test_every_benchmark_is_up_to_date():
    stale = records.stale(records.benchmark_entries())
    assert not [entry.name for entry in stale], "run on a quiet machine: make benchmarks"


def test_a_timing_does_not_age_by_how_it_is_recorded_or_shown():
    recorded = {entry.source.stem for entry in records.benchmark_entries()}
    assert recorded >= {"step_time", "experiment"}
    used = set(records.imported(records.ROOT / "evidence/benchmarks/step_time.py", records.ROOT))
    assert records.ROOT / "evidence/benchmarks/_driver.py" in used
    assert records.ROOT / "evidence/benchmarks/__main__.py" not in used


def test_no_record_outlives_what_makes_it():
    assert records.orphans() == []


@pytest.fixture
def project(tmp_path):
    """A library of two files, and a script that uses one of them."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library/used.py").write_text('"""Words."""\nfrom library import deep\nx = 1\n')
    (tmp_path / "library/deep.py").write_text("y = 1\n")
    (tmp_path / "library/unused.py").write_text("z = 1\n")
    (tmp_path / "script.py").write_text("import numpy\nfrom library.used import x\n")

    def code_hash():
        records.without_words.cache_clear()
        return records.code_hash(tmp_path / "script.py", tmp_path)

    return tmp_path, code_hash


@pytest.mark.parametrize(
    ("name", "text", "changes"),
    [
        ("library/used.py", '"""Words."""\nfrom library import deep\nx = 2\n', True),
        ("library/used.py", '"""Other words."""\nfrom library import deep\nx = 1  # why\n', False),
        ("library/deep.py", "y = 2\n", True),
        ("library/unused.py", "z = 2\n", False),
        ("script.py", "import numpy\nfrom library.used import x\nx + 1\n", True),
    ],
)
def test_the_hash_sees_code_that_runs_and_nothing_else(project, name, text, changes):
    folder, code_hash = project
    before = code_hash()
    (folder / name).write_text(text)
    assert (code_hash() != before) == changes


def test_the_hash_is_that_of_every_version_of_python():
    """`ast.dump` is not: the fields that it shows depend on the version."""
    assert records.described(ast.parse("def f(): return")) == (
        "Module(body=[FunctionDef(name='f', args=arguments(), body=[Return()])])"
    )


def test_an_entry_says_where_it_comes_from():
    entry = next(iter(stored.load("claims").values()))
    line = stored.made(entry)
    assert entry["date"] in line
    assert f"jax {entry['versions']['jax']}" in line
    assert "cores of" in line


def test_an_unknown_record_lists_the_known_ones():
    with pytest.raises(
        FileNotFoundError, match=r"no record is called 'x'; there are \['benchmarks', 'claims'"
    ):
        stored.load("x")
