from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlrun.contract.study import DataSummary
from dlrun.contract.trial import ProbeScore
from dlrun.evidence.compare import compare
from dlrun.evidence.questions import UNMEASURED, answer
from dlrun.tracking.tables import probe_scores_table

ASPECTS = [
    "feature engineering", "model type", "data requirements", "interpretability", "computation",
    "generalisation", "structure control",
]  # fmt: skip


def measure(study, aspect, level=1.0, name="", change=-0.1, n_train=700):
    """Give every candidate the same change of its test scores."""
    return [
        ProbeScore(
            row.candidate, row.family, aspect, name, level, row.step, n_train, row.roc_auc + change
        )
        for row in study.trials.itertuples()
    ]


def answered(study, *measured):
    table = probe_scores_table([each for group in measured for each in group])
    study = replace(study, probe_scores=table)
    return answer(study, compare([study]))


def test_what_a_gpu_took_is_shown_where_one_was_used(flights):
    wanted = {"peak memory of the GPU, MB", "energy of the GPU to fit, Wh"}
    assert not wanted & {line.measure for line in answered(flights)}
    is_deep = flights.trials["family"] == "deep"
    costs = {"gpu_peak_memory_mb": 1200.0, "gpu_energy_wh": 0.25}
    columns = {name: is_deep.map({True: value, False: np.nan}) for name, value in costs.items()}
    lines = answered(replace(flights, trials=flights.trials.assign(**columns)))
    found = {line.measure: (line.deep, line.classic) for line in lines}
    assert [found[each] for each in sorted(wanted)] == [
        ("0.25", UNMEASURED),
        ("1,200", UNMEASURED),
    ]


def test_what_was_not_measured_is_a_command_to_type(flights):
    lines = answered(flights)
    assert [line.aspect for line in lines if line.aspect] == ASPECTS
    assert [line.command for line in lines if line.command] == [
        "dlrun curve /recipes/flights.yaml",
        "dlrun train /recipes/flights.yaml evaluation.importance=true",
        "dlrun train /recipes/flights.yaml "
        "'evaluation.stress=[noise,missing,junk_columns,label_noise]'",
        "dlrun train /recipes/flights.yaml 'evaluation.stress=[shuffle_structure]'",
    ]


def test_the_best_of_each_side_answers(flights):
    lines = answered(flights, measure(flights, "train", change=0.05))
    by_measure = {line.measure: (line.deep, line.classic) for line in lines}
    assert by_measure["seconds to fit"] == ("28.1", "11.4")
    assert by_measure["training − test ROC AUC"] == ("+0.050", "+0.050")


def test_a_stress_shows_the_score_and_its_drop(flights):
    lines = answered(flights, measure(flights, "label_noise", 0.2, change=-0.02))
    (line,) = [line for line in lines if line.measure == "trained with 20 % wrong labels"]
    assert (line.deep, line.classic) == ("0.709 (-0.020)", "0.780 (-0.020)")


def test_importance_shows_the_needed_columns_and_the_agreement(flights):
    measured = [
        measure(flights, "importance", name=name, change=change)
        for name, change in (("hour", -0.1), ("carrier", -0.05), ("day", 0.0), ("month", -0.001))
    ]
    lines = answered(flights, *measured)
    values = {line.measure: (line.deep, line.classic) for line in lines}
    needed = "2 of 4: hour, carrier, month"
    assert values["columns that make up 95 % of importance"] == (needed, needed)
    assert values["rank correlation between splits (Kendall's tau)"] == ("1.00", "1.00")
    agreement = "the two sides agree on 2 of their first 2 columns (Kendall's tau 1.00)"
    assert agreement in values


def test_a_learning_curve_answers_how_much_data_is_needed(flights):
    levels = (0.1, 0.2, 0.4, 0.7)
    curve = [
        measure(
            flights, "learning_curve", level, change=-0.1 * (1 - level), n_train=int(level * 700)
        )
        for level in levels
    ]
    lines = answered(flights, *curve)
    (line,) = [line for line in lines if line.aspect == "data requirements"]
    assert line.command is None
    assert line.measure.startswith("hist_gradient_boosting stays ahead: no crossover from")


@pytest.mark.parametrize(("kind", "is_asked"), [("number", False), ("image", True)])
def test_structure_is_asked_of_columns_that_have_one(flights, kind, is_asked):
    summary = DataSummary("flights.csv", "late", {"x": kind}, ((700, 100, 200),), ())
    lines = answered(replace(flights, data=summary))
    (line,) = [line for line in lines if line.aspect == "structure control"]
    assert bool(line.command) == is_asked


IMAGES = DataSummary("digits.npz", "digit", {"image": "image"}, ((700, 100, 200),), ())


def engineering(study, features, kind="image", recipe="name: digits\n"):
    """Return the lines of the first aspect."""
    data = replace(IMAGES, columns={"x": kind})
    study = replace(study, data=data, features=features, texts={"recipe.yaml": recipe})
    lines = answered(study)
    end = next(place for place, line in enumerate(lines) if line.aspect == "model type")
    return lines[:end]


def test_features_are_compared_two_by_two(flights):
    """The best is chosen on the validation rows, and dummy has no inputs at all."""
    features = {
        "dummy": (), "linear": ("pixels",), "hist_gradient_boosting": ("hog",),
        "mlp": ("pixels",), "wide": ("hog",),
    }  # fmt: skip
    (line,) = engineering(flights, features)
    assert line.aspect == "feature engineering"
    assert line.measure == "score on raw · on engineered inputs"
    assert line.deep == "0.729 raw (mlp) · 0.728 engineered (wide)"
    assert line.classic == "0.700 raw (linear) · 0.800 engineered (hist_gradient_boosting)"
    assert line.command is None


def test_the_best_on_validation_represents_its_cell(Made, make_study):
    study = make_study(
        Made("svm", "classic", (0.8, 0.8), 0.7),
        Made("lucky", "deep", (0.9, 0.9), 0.6),
        Made("steady", "deep", (0.7, 0.7), 0.8),
        Made("half", "deep", (0.7, 0.7), 0.9, errors={1: "failed"}),
    )
    features = {"svm": ("pixels",), "lucky": (), "steady": (), "half": ()}
    line, _ = engineering(study, features)
    assert line.deep == "0.700 raw (steady)"


RECIPE = """\
model:
- {architecture: mlp, hidden: [9], training: {}}
- {architecture: mlp, name: wide, hidden: [64, 64], training: {epochs: 3}}
baselines:
- {name: linear, features: [pixels]}
- {name: hist_gradient_boosting}
"""
MODELS = (
    "{architecture: mlp, hidden: [9]}, "
    "{architecture: mlp, name: wide, hidden: [64, 64], training: {epochs: 3}}"
)
BASELINES = "{name: linear, features: pixels}, {name: hist_gradient_boosting}"
RAW = dict.fromkeys(("dummy", "mlp", "wide"), ())
PIXELS = dict.fromkeys(("linear", "hist_gradient_boosting"), ("pixels",))


def test_a_missing_cell_is_a_command_that_keeps_the_recipes_own_candidates(flights):
    found, absent = engineering(flights, {**RAW, **PIXELS}, recipe=RECIPE)
    assert found.deep == "0.729 raw (mlp)"
    assert found.classic == "0.800 raw (hist_gradient_boosting)"
    assert (absent.aspect, absent.measure) == (
        "",
        "score of networks and baselines on engineered inputs",
    )
    assert absent.command == (
        "dlrun train /recipes/flights.yaml "
        f"'model=[{MODELS}, {{architecture: mlp, features: hog}}]' "
        f"'baselines=[{BASELINES}, {{name: svm, features: hog}}]'"
    )


def test_a_missing_network_gets_the_features_of_the_other_side(flights):
    features = {**RAW, "linear": ("flat",), "hist_gradient_boosting": ("catch22",)}
    _, absent = engineering(flights, features, "series", RECIPE)
    assert absent.measure == "score of networks on engineered inputs"
    assert absent.command == (
        "dlrun train /recipes/flights.yaml "
        f"'model=[{MODELS}, {{architecture: mlp, features: catch22}}]'"
    )


def test_no_classic_estimator_takes_a_raw_text(flights):
    tfidf = dict.fromkeys(("linear", "hist_gradient_boosting", "wide"), ("tfidf",))
    (line,) = engineering(flights, {**RAW, **tfidf}, "text")
    assert line.deep == "0.729 raw (mlp) · 0.728 engineered (wide)"
    assert line.classic == "0.800 engineered (hist_gradient_boosting)"


@pytest.mark.parametrize(
    ("kind", "network", "pair"),
    [
        ("image", "cnn", "{name: svm, features: pixels}, {name: svm, features: hog}"),
        ("text", "text_cnn", "{name: svm, features: tfidf}"),
        ("audio", "cnn", "{name: svm, features: waveform}, {name: svm, features: mfcc}"),
        ("series", "cnn", "{name: svm, features: flat}, {name: svm, features: summary}"),
    ],
)
def test_a_study_without_tracked_features_is_run_again(flights, kind, network, pair):
    (line,) = engineering(flights, None, kind, "baselines: auto\n")
    made = pair.rpartition("features: ")[2].rstrip("}")
    assert (line.aspect, line.deep, line.classic) == ("feature engineering", "·", "·")
    assert line.command == (
        "dlrun train /recipes/flights.yaml "
        f"'model=[{{architecture: {network}}}, {{architecture: mlp, features: {made}}}]' "
        f"'baselines=[{pair}]'"
    )


@pytest.mark.parametrize("kind", ["number", "category", "datetime"])
def test_a_table_has_no_engineered_features(flights, kind):
    (line,) = engineering(flights, {}, kind)
    assert (line.measure, line.deep, line.classic, line.command) == (
        "these columns have no engineered features",
        "",
        "",
        None,
    )
