"""What was measured beside the trials, as sections of the page: every number is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp, log, nan
from xml.etree import ElementTree

import pytest
from reported import make

from dlrun.catalog.metrics import get_metric
from dlrun.contract.study import DataSummary
from dlrun.contract.trial import ProbeScore
from dlrun.evidence.compare import compare
from dlrun.evidence.learning_curve import crossover
from dlrun.evidence.questions import answer
from dlrun.report.page import to_html
from dlrun.tracking.tables import probe_scores_table

MEASURED = ("learning", "importance", "stress")
SIZES = (50, 100, 200, 400, 800)


def measure(study, aspect, cost, name="", level=1.0, n_train=200):
    """Make every trial's score worse by `cost(candidate, step)`."""
    metric = study.metrics[0]
    sign = -get_metric(metric).sign
    return [
        ProbeScore(
            row["candidate"], row["family"], aspect, name, level, row["step"], n_train,
            row[metric] + sign * cost(row["candidate"], row["step"]),
        )
        for row in study.trials.to_dict("records")
    ]  # fmt: skip


def with_measured(study, *measured, columns=None):
    rows = [each for group in measured for each in group]
    data = DataSummary("made.csv", "late", columns or {"x": "number"}, ((200, 40, 60),) * 5, ())
    return replace(study, probe_scores=probe_scores_table(rows), data=data)


def read(*studies):
    text = to_html(studies, compare(studies))
    return ElementTree.fromstring(text.removeprefix("<!doctype html>\n"))


def ids(page):
    return [heading.get("id") for heading in page.iter("h2")]


def section(page, name):
    return page.find(f".//h2[@id='{name}']/..")


def words(element):
    return " ".join("".join(element.itertext()).split())


def charts(part, kind="wide"):
    return part.findall(f".//div[@class='{kind}']/svg")


def rows(part):
    return [[words(cell) for cell in line] for line in part.iter("tr")]


def hovers(part):
    return [words(title) for group in part.iter("g") for title in group.findall("title")]


def with_curve(error: dict[str, Callable[[int], float]], n_folds=5, sizes=SIZES):
    """Let the error of each candidate be a function of its training rows, the same in all folds
    but for a shift."""
    study = make(*error, n_folds=n_folds)
    shift = 0.002 * (study.trials["step"] - (n_folds - 1) / 2)
    study.trials["accuracy"] = 1 - study.trials["candidate"].map(
        {name: fall(sizes[-1]) for name, fall in error.items()}
    )
    study.trials["accuracy"] += shift
    curve = [
        measure(
            study, "learning_curve", lambda name, _, size=size: error[name](size)
            - error[name](sizes[-1]), level=size / sizes[-1], n_train=size,
        )
        for size in sizes[:-1]
    ]  # fmt: skip
    return with_measured(study, *curve)


FALLING = {"mlp": lambda n: 0.05 + 30 / n, "linear": lambda n: 0.15, "dummy": lambda n: 0.9}


# ------------------------------------------------------------------------------- the question


def test_what_was_not_measured_has_no_section_but_a_command():
    page = read(make("mlp", "linear"))
    assert not set(MEASURED) & set(ids(page))
    commands = [words(code) for code in section(page, "question").iter("code")]
    assert "dlrun curve /recipes/made.yaml" in commands
    assert "dlrun train /recipes/made.yaml evaluation.importance=true" in commands


def test_the_table_contains_every_answer():
    study = make("mlp", "linear", "forest")
    study = with_measured(study, measure(study, "label_noise", lambda *_: 0.03, level=0.2))
    table = rows(section(read(study), "question"))
    assert table[0] == ["measured as", "deep learning", "classic ML"]
    for line in answer(study, compare([study])):
        cells = [line.measure, *([line.command] if line.command else [line.deep, line.classic])]
        assert [cell for cell in cells if cell] in table
        if line.aspect:
            assert [line.aspect] in table
    (noisy,) = [line for line in table if line[0] == "trained with 20 % wrong labels"]
    assert all("(-0.030)" in cell for cell in noisy[1:])


@pytest.mark.parametrize(
    "studies",
    [
        (make("mlp", "linear"), replace(make("wide"), id="77aa00c1d4e5", name="made-2")),
        (make("linear"),),
        (make("mlp", "linear", failed=("mlp",)),),
    ],
)
def test_the_question_is_asked_of_one_study_with_two_sides(studies):
    assert "question" not in ids(read(*studies))


# ------------------------------------------------------------------------------------- curves


@pytest.mark.parametrize("cls", ["wide", "narrow"])
def test_an_axis_of_scores_ends_at_the_best_one_also_where_the_deviation_passes_it(cls):
    study = with_curve({"mlp": lambda n: 0.3 / n, "linear": lambda n: 0.0})
    first = study.probe_scores["step"] == 0
    study.probe_scores["score"] = study.probe_scores["score"].clip(upper=1) - 0.1 * first
    study.trials["accuracy"] = study.trials["accuracy"].clip(upper=1)
    (drawn,) = charts(section(read(study), "learning"), cls)
    ticks = [words(each) for each in drawn.iter("text") if each.get("text-anchor") == "end"]
    assert max(map(float, ticks)) <= 1


@pytest.mark.parametrize("kind", ["wide", "narrow"])
def test_the_crossover_is_marked_where_the_laws_cross(kind):
    study = with_curve(FALLING)
    part = section(read(study), "learning")
    found = crossover("mlp", "linear", study, study.read_probe_scores())
    assert words(part.find("p")) == found.sentence
    (chart,) = charts(part, kind)
    ticks = {
        words(text): float(text.get("x"))
        for text in chart.iter("text")
        if text.get("class") == "tick" and text.get("text-anchor") == "middle"
    }
    assert [size for size in ticks if size != "crossover"] == [str(size) for size in SIZES]
    (line,) = [each for each in chart.iter("line") if each.get("class") == "zero"]
    low, high = ticks["50"], ticks["800"]
    share = (float(line.get("x1")) - low) / (high - low)
    assert exp(log(50) + share * log(800 / 50)) == pytest.approx(300, rel=0.02)  # 0.05 + 30/n
    assert "95 % interval of the crossover" in words(part)


def test_every_near_candidate_has_its_marks_its_law_and_its_name():
    part = section(read(with_curve(FALLING)), "learning")
    (chart,) = charts(part)
    curves = [each for each in chart.iter("polyline") if each.get("class") == "curve"]
    assert len(curves) == 2
    assert all(len(each.get("points").split()) > len(SIZES) for each in curves)
    heights = [float(point.split(",")[1]) for point in curves[0].get("points").split()]
    marks = [float(mark.get("cy")) for mark in chart.iter("circle")]
    assert [heights[0], heights[-1]] == pytest.approx([marks[0], marks[-2]], abs=0.5)  # of mlp
    texts = hovers(chart)
    for name in ("mlp", "linear"):
        assert sum(text.startswith(f"{name}, ") for text in texts) == len(SIZES)
        assert name in [words(text) for text in chart.iter("text")]
    assert "mlp, 100 training rows: 0.650 ± 0.003" in texts
    assert "Too far behind to be drawn: dummy." in words(part)


def test_few_sizes_have_no_law_and_one_split_no_spread():
    part = section(read(with_curve(FALLING, n_folds=1, sizes=(100, 800))), "learning")
    (chart,) = charts(part)
    curves = [each for each in chart.iter("polyline") if each.get("class") == "curve"]
    assert [len(each.get("points").split()) for each in curves] == [2, 2]
    assert "Too few sizes for a power law; lines join the marks." in words(part)
    assert "standard deviation" not in words(part)
    assert "±" not in " ".join(hovers(chart))
    assert not [each for each in chart.iter("line") if each.get("class") == "zero"]


def test_an_error_of_a_wide_range_has_a_logarithmic_axis():
    study = make("mlp", "linear", labels=())
    curve = [
        measure(study, "learning_curve", lambda *_, size=size: 1e5 / size, level=size / 800,
                n_train=size)
        for size in SIZES[:-1]
    ]  # fmt: skip
    (chart,) = charts(section(read(with_measured(study, *curve)), "learning"))
    assert "RMSE, logarithmic" in words(chart)


# --------------------------------------------------------------------------------- importance


def test_each_side_shows_its_first_twelve_columns_and_whether_they_agree():
    study = make("mlp", "linear", "forest")
    names = [f"column {number}" for number in range(15)]
    worth = {name: 0.15 - 0.01 * place for place, name in enumerate(names)}
    measured = [
        measure(
            study, "importance", lambda candidate, step, name=name: (0.001 * step)
            + (worth[name] if candidate == "mlp" else 0.15 - worth[name]), name=name,
        )
        for name in names
    ]  # fmt: skip
    study = with_measured(study, *measured, columns=dict.fromkeys(names, "number"))
    part = section(read(study), "importance")
    drawn = {
        words(chart.find("title")): [words(t) for t in chart.iter("text") if "column" in words(t)]
        for chart in charts(part)
    }
    first = names[:12]
    assert drawn["Importance of the columns for mlp"] == first
    assert drawn["Importance of the columns for linear"] == names[::-1][:12]
    assert "column 0: +0.152 ± 0.002" in hovers(charts(part)[0]) + hovers(charts(part)[1])
    assert "The first 12 of 15 columns." in words(part)
    assert "agree on 0 of their first 5 columns (Kendall's tau -1.00)" in words(part)


def with_parts(kind, names, cost):
    study = make("mlp", "linear")
    whole = measure(study, "importance", lambda *_: 0.5, name="photo")
    parts = [
        measure(study, "importance", lambda *_, name=name: cost(name), name=name) for name in names
    ]
    return with_measured(study, whole, *parts, columns={"photo": kind})


def test_the_patches_of_an_image_are_a_map_of_it():
    names = [f"photo patch {row},{column}" for row in range(1, 5) for column in range(1, 5)]
    costs = {"photo patch 2,3": 0.4, "photo patch 4,1": 0.1, "photo patch 1,1": -0.1}
    part = section(
        read(with_parts("image", names, lambda name: costs.get(name, 0.0))), "importance"
    )
    maps = [chart for chart in part.iter("svg") if chart.get("role") == "img"]
    assert len(maps) == 2
    for chart in maps:
        cells = {
            (float(cell.get("y")) // 64 + 1, float(cell.get("x")) // 64 + 1): cell.get("style")
            for cell in chart.iter("rect")
        }
        assert len(cells) == 16
        shaded = {place: style for place, style in cells.items() if style != "--share:0%"}
        assert shaded == {(2, 3): "--share:100%", (4, 1): "--share:25%"}
        assert "photo patch 2,3: +0.400 ± 0.000" in hovers(chart)
    assert "All of photo: mlp +0.500 ± 0.000, linear +0.500 ± 0.000." in words(part)
    assert "of their first 5 patches" in words(part)


def test_the_segments_of_a_series_stand_in_their_order():
    names = [f"photo segment {number}" for number in range(1, 9)]
    part = section(
        read(with_parts("series", names, lambda name: 0.01 * (int(name[-1]) % 4))), "importance"
    )
    assert len(charts(part)) == len(charts(part, "narrow")) == 2
    texts = hovers(charts(part)[0])
    assert texts == [f"{name}: {0.01 * (k % 4):+.3f} ± 0.000".replace("+0.000", "0.000")
                    for k, name in enumerate(names, start=1)]  # fmt: skip


def test_a_column_that_is_called_like_a_part_is_a_column():
    study = make("mlp", "linear")
    columns = {"photo": "number", "photo segment 1": "number", "other segment 1": "number"}
    measured = [measure(study, "importance", lambda *_: 0.1, name=name) for name in columns]
    part = section(read(with_measured(study, *measured, columns=columns)), "importance")
    assert "segments of" not in words(part)
    assert set(columns) <= {words(text) for text in charts(part)[0].iter("text")}


# ------------------------------------------------------------------------------------- stress


@pytest.mark.parametrize(("labels", "axis"), [(("no", "yes"), "accuracy lost"), ((), "RMSE added")])
def test_what_each_stress_costs_every_candidate(labels, axis):
    study = make("forest", "mlp", "linear", labels=labels)
    size = 1 if labels else 1000
    costs = {"mlp": 0.02 * size, "linear": 0.05 * size, "forest": -0.01 * size}
    study = with_measured(
        study,
        measure(study, "junk_columns", lambda name, step: costs[name] + (step - 2) * 0.01 * size),
        measure(study, "noise", lambda name, _: 2 * costs[name], level=0.3),
    )
    part = section(read(study), "stress")
    head, *lines = rows(part)
    assert head == ["candidate", "noise 0.3", "junk columns"]
    texts = {name: cells for name, *cells in lines}
    assert texts["linear"] == (
        ["+0.100 ± 0.000", "+0.050 ± 0.016"] if labels else ["+100.00 ± 0.00", "+50.00 ± 15.81"]
    )
    assert all(cell.startswith("-") for cell in texts["forest"])
    best = [words(name) for name in part.findall(".//b")]
    assert list(texts)[: len(best)] == best
    for kind in ("wide", "narrow"):
        (chart,) = charts(part, kind)
        assert axis in words(chart)
        assert len(hovers(chart)) == 4  # two stresses of two champions


def test_what_several_studies_measured_stands_together():
    studies = [
        with_measured(study, measure(study, "missing", lambda *_: 0.1, level=0.1))
        for study in (
            make("mlp", "linear"),
            replace(make("linear", "wide"), id="77aa00c1d4e5", name="made-2"),
        )
    ]
    _, *lines = rows(section(read(*studies), "stress"))
    comparison = compare(studies)
    assert {name for name, _ in lines} == {row.name for row in comparison.rows}
    assert {drop for _, drop in lines} == {"+0.100 ± 0.000"}


def test_a_candidate_that_failed_under_stress_is_told():
    study = make("mlp", "linear", "forest")
    study = with_measured(
        study,
        measure(study, "junk_columns", lambda name, _: nan if name == "mlp" else 0.1),
    )
    page = read(study)
    assert ["mlp", "failed"] in rows(section(page, "stress"))
    assert "nan" not in " ".join(value for each in page.iter() for value in each.attrib.values())


def test_a_study_whose_networks_all_failed_tells_the_other_side():
    study = make("mlp", "linear", failed=("mlp",))
    names = ("x", "y")
    study = with_measured(
        study,
        *(measure(study, "importance", lambda *_: 0.1, name=name) for name in names),
        *(
            measure(
                study, "learning_curve", lambda *_: 0.1, level=level, n_train=round(200 * level)
            )
            for level in (0.2, 0.5)
        ),
        measure(study, "missing", lambda *_: 0.1, level=0.1),
        columns=dict.fromkeys(names, "number"),
    )
    page = read(study)
    assert set(MEASURED) <= set(ids(page))
    assert "two sides agree" not in words(page)
    assert section(page, "learning").find("p") is None


def test_names_are_text_and_never_markup():
    study = make("mlp", "linear")
    bad = "<b onclick='x'>&"
    study = with_measured(
        study,
        measure(study, "importance", lambda *_: 0.1, name=bad),
        measure(study, "importance", lambda *_: 0.1, name=f"{bad} patch 1,1"),
        columns={bad: "image"},
    )
    assert f"All of {bad}: " in words(section(read(study), "importance"))
