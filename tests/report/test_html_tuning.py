"""The section of the page on tuning."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pages import report, sections
from reported import make
from searched import tune

from dlrun.contract.search import SearchBudget
from dlrun.evidence.compare import compare
from dlrun.report.context import build_context
from dlrun.report.figures import draw_figures
from dlrun.report.page import to_html
from dlrun.report.sections.tuning import write_tuning

NAMES = ("mlp", "wide", "linear", "dummy")
GAINS = {"mlp": (0.02, 0.04, 0.03, 0.03, 0.03), "wide": 0.0, "linear": 0.01}


@pytest.fixture(scope="module")
def tuned():
    return tune(make(*NAMES), GAINS)


def _section(study) -> str:
    return str(write_tuning(build_context([study], compare([study]))).body)


def test_a_searched_study_has_the_section_and_a_plain_one_has_not(tuned) -> None:
    assert "tuning" in sections(report(tuned))
    assert "tuning" not in sections(report(make(*NAMES)))


def test_the_gain_of_every_tuned_candidate_is_drawn_with_its_splits(tuned) -> None:
    page = report(tuned)
    assert "Gain by tuning" in page.titles
    assert "mlp, fold 2: +0.0400" in page.hovers
    assert any(each.startswith("mlp: +0.030 [") for each in page.hovers)
    assert not any(each.startswith("dummy: +") for each in page.hovers)


def test_the_course_has_a_line_for_each_candidate_and_for_a_side_of_several(tuned) -> None:
    page = report(tuned)
    assert "Course of the search" in page.titles
    lines = [each for each in page.hovers if " after " in each]
    names = {each.partition(":")[0] for each in lines}
    assert names == {"mlp", "wide", "linear", "Deep learning, the best"}


def test_the_axis_says_what_settings_were_scored_on(tuned) -> None:
    assert "accuracy on validation rows" in report(tuned).text
    inner = replace(tuned, search=tuned.search.assign(inner="folds"))
    assert "accuracy on inner folds" in report(inner).text


def test_the_settings_chosen_on_each_split_are_listed(tuned) -> None:
    text = report(tuned).text
    assert "mlp: the settings chosen on each split, 5 choices on 5 splits." in text
    trials = tuned.trials[tuned.trials["candidate"] == "mlp"]
    rates = [json.loads(each)["training.learning_rate"] for each in trials["chosen_settings"]]
    assert all(f"{rate:.3g}" in text for rate in rates)


def test_where_the_default_was_chosen_it_says_so(tuned) -> None:
    trials = tuned.trials.copy()
    is_mlp = trials["candidate"] == "mlp"
    trials.loc[is_mlp & (trials["step"] < 2), "chosen_settings"] = "{}"
    trials.loc[trials["candidate"] == "linear", "chosen_settings"] = "{}"
    text = report(replace(tuned, trials=trials)).text
    assert "4 choices on 5 splits, the default on 2." in text
    assert "linear: the default settings were chosen on all of 5 splits." in text


def test_importance_is_drawn_where_trials_suffice_and_else_it_says_why(tuned) -> None:
    assert "Importance of the settings of mlp" in report(tuned).titles
    few = tune(make(*NAMES), GAINS, budget=SearchBudget(4))
    page = report(few)
    assert "Importance of the settings of mlp" not in page.titles
    assert "Too few trials to say which settings matter: mlp, wide, linear." in page.text


def test_of_a_baseline_the_settings_are_named_without_it(tuned) -> None:
    choice = json.dumps({"baselines.linear.C": 0.25})
    one = tuned.search.assign(
        settings=[
            json.dumps({"baselines.linear.C": float(rank)}) for rank in range(len(tuned.search))
        ]
    )
    page = report(replace(tuned, trials=tuned.trials.assign(chosen_settings=choice), search=one))
    assert "linear: the settings chosen on each split, 1 choice on 5 splits." in page.text
    assert "C 0.25 0.25 0.25 0.25 0.25" in page.text
    assert "Importance of the settings of linear" not in page.titles  # there is one alone
    assert "Too few trials" not in page.text


def test_one_split_failed_defaults_and_searches_without_a_score_are_survived() -> None:
    study = tune(make(*NAMES, n_folds=1), GAINS | {"mlp": 0.1})
    assert "nan" not in _section(study).lower()
    lost = replace(
        study,
        trials=study.trials.assign(default_accuracy=float("nan")),
        search=study.search.assign(score=float("nan")),
    )
    page = report(lost)
    assert "Gain by tuning" not in page.titles
    assert "Course of the search" not in page.titles
    assert "nan" not in _section(lost).lower()


def test_names_and_settings_are_escaped(tuned) -> None:
    def hostile(table):
        return table.replace({"candidate": {"mlp": "<script>alert(1)</script>"}})

    choice = json.dumps({"<b>": "<i>&"})
    study = replace(
        tuned,
        trials=hostile(tuned.trials).assign(chosen_settings=choice),
        search=hostile(tuned.search),
        predictions={
            name.replace("mlp", "<script>alert(1)</script>"): frame
            for name, frame in tuned.predictions.items()
        },
    )
    html = to_html([study], compare([study]))
    assert "<script>" not in html
    assert "<i>&" not in html


def test_studies_are_joined_under_the_names_of_the_report(tuned) -> None:
    other = replace(tuned, id="4b", name="wet-owl-8")
    text = to_html([tuned, other], compare([tuned, other]))
    assert "wet-owl-8/mlp: the settings chosen on each split" in text
    assert "Course of the search" in text


def test_each_searched_candidate_has_a_figure(tuned) -> None:
    context = build_context([tuned], compare([tuned]))
    figures = draw_figures(context)
    assert "search.svg" in figures["mlp"]
    assert "search.svg" not in figures["dummy"]
    assert b"Course of the search of mlp" in figures["mlp"]["search.svg"]
