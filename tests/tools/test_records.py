"""A record says where it comes from, and today's code gives its numbers.

The claims' numbers are compared where the claims are measured, in `verdicts`.
"""

import pytest

from evidence import records, reproductions
from resode_course import records as stored


def test_everything_that_is_declared_is_recorded_and_the_reverse():
    assert [f"{entry.record}: {entry.name}" for entry in records.missing()] == []
    assert records.orphans() == []


def place(data, path):
    """The number at a path such as ``largest/1``."""
    for part in path.split("/"):
        data = data[int(part)] if isinstance(data, list) else data[part]
    return data


@pytest.mark.parametrize("name", reproductions.REPRODUCTIONS)
def test_todays_code_gives_the_numbers_of_a_figure(name):
    """Training repeats to about four digits over versions and processors."""
    data = reproductions.recorded(name)
    for path, value in reproductions.get(name).spot().items():
        recorded = place(data, path)
        assert value == pytest.approx(recorded, rel=5e-3), (
            f"{name}, {path}: recorded {recorded:.6g}, today {value:.6g}; if the change is meant, "
            f"run: make records ONLY='{name}'"
        )


def test_the_rows_of_the_page_are_those_of_today():
    for name, entry in stored.load("reproductions").items():
        row = reproductions.get(name).row(entry["data"])
        assert entry["row"] == row, f"{name}: words or verdict changed; run: make records"


def test_two_figures_of_one_run_have_its_data_and_say_where_it_comes_from():
    content = stored.load("reproductions")
    shared = {n: r.same_run_as for n, r in reproductions.REPRODUCTIONS.items() if r.same_run_as}
    assert shared
    for name, source in shared.items():
        one, other = ({k: v for k, v in content[n].items() if k != "row"} for n in (name, source))
        assert one == other, f"{name}: run: make records"


def test_an_entry_says_where_it_comes_from():
    entry = next(iter(stored.load("claims").values()))
    line = stored.made(entry)
    assert entry["date"] in line
    assert entry["code"] in line
    assert f"jax {entry['versions']['jax']}" in line
    assert "cores of" in line


def test_an_unknown_record_lists_the_known_ones():
    with pytest.raises(
        FileNotFoundError, match=r"no record is called 'x'; there are \['benchmarks', 'claims'"
    ):
        stored.load("x")
