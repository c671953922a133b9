"""Hours agree: chapters with their exercises, paths, the schedule, and the problem sets."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCHEDULE, PATHS = "book/instructors/schedule.md", "book/paths.md"
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
NUMBERS += ["eleven"]
WEEKS = {1: ("Eight", 2, 3), 2: ("Eight", 4, 5, 6), 3: ("Eight", 7, 8)} | {
    4: ("Fourteen", 9, 10),
    5: ("Fourteen", 11, 12),
    6: ("Fourteen", 13, 14),
}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def hours_of(chapter):
    """Reading time and minutes of the exercises, and a third more, in whole hours."""
    text = read(f"book/{chapter}.md")
    reading = int(re.search(r"\*\*Reading\*\* (\d+) min", text)[1])
    exercises = re.findall(r"^```\{exercise\}.*\(\w+, (\d+) minutes", text, re.M)
    assert len(exercises) == text.count("```{exercise}")
    return round((reading + sum(map(int, exercises))) * 4 / 3 / 60)


def weeks(page, part):
    """The rows of one path: week, chapters, hours and the rest."""
    text = read(page).partition(f"## {part} weeks\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in row.split("|")[:-1]] for row in text.split("\n|")[1:]]
    found = [(int(row[0]), *row[1:]) for row in rows if row[0].isdigit()]
    assert found, f"no table of {part} weeks in {page}"
    return found


def chapters_in(cell):
    return re.findall(r"\{doc\}`(?:\.\./)?([\w/-]+)`", cell)


def test_a_chapter_takes_two_to_four_hours():
    parts = yaml.safe_load(read("_toc.yml"))["parts"]
    files = [page["file"] for part in parts if part.get("numbered") for page in part["chapters"]]
    assert {hours_of(name.removeprefix("book/")) for name in files} == {2, 3, 4}


@pytest.mark.parametrize("part", ["Two", "Six", "Eight", "Fourteen"])
def test_paths_add_up_their_chapters(part):
    for week, cell, hours, *_ in weeks(PATHS, part):
        total = sum(map(hours_of, chapters_in(cell)))
        total -= 1.5 * ("first half" in cell) - 1.5 * ("the rest" in cell)  # half of a chapter
        expected = int(total + 0.5) if total else None
        assert hours == ("–" if expected is None else str(expected)), (part, week)


@pytest.mark.parametrize("part", ["Six", "Eight", "Fourteen"])
def test_the_schedule_has_the_weeks_and_hours_of_the_paths(part):
    paths, schedule = weeks(PATHS, part), weeks(SCHEDULE, part)
    assert [row[0] for row in schedule] == [row[0] for row in paths]
    for ours, theirs in zip(schedule, paths, strict=True):
        assert ours[2].removesuffix(" h") == theirs[2], ours
    if part == "Fourteen":
        for page in (PATHS, SCHEDULE):
            assert f"{hours_of('train/linear-networks')} hours more" in read(page)


def allowed(n):
    """The hours of a set, as the schedule has them."""
    row = re.search(rf"^\| {n} \| .+ \| (\d+) to (\d+) \|$", read(SCHEDULE), re.M)
    return int(row[1]), int(row[2])


@pytest.mark.parametrize("n", range(1, 7))
def test_a_set_takes_as_long_as_the_schedule_says(n):
    low, high = allowed(n)
    said = f"{NUMBERS[low]} to {NUMBERS[high]} hours" if n < 6 else f"{low} to {high} hours"
    assert said in read(f"coursework/set{n}.md")
    part, *planned = WEEKS[n]
    rows = {row[0]: int(row[-1].removesuffix(" h")) for row in weeks(SCHEDULE, part) if row[0] > 1}
    assert low <= sum(rows[week] for week in planned) <= high
