"""The answer "both together": when it is given, in which words, and what it leaves as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from dlrun.catalog.metrics import metrics_of
from dlrun.contract.trial import Cost
from dlrun.evidence.blend_parts import blend_parts
from dlrun.evidence.candidates import read_candidates
from dlrun.evidence.compare import compare
from dlrun.study.simulated import Contender, simulate_ridge

SPREAD = np.array([0.001, -0.001, 0.002, -0.002, 0.0])
HALF = {"mlp": 0.63, "linear": 0.37}
FAMILIES = {"mlp": "deep", "wide": "deep"}


def scores(mean: float, order: int = 0) -> tuple[float, ...]:
    return tuple(mean + np.roll(SPREAD, order))


def weights_of(shares: dict[str, float], n_splits: int = 5) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"repeat": 0, "fold": fold, "candidate": name, "weight": share}
            | {"family": FAMILIES.get(name, "classic")}
            for fold in range(n_splits)
            for name, share in shares.items()
        ]
    )


@pytest.fixture
def trio(Made, make_study):
    """Make a study of mlp, linear and their blend with these mean scores."""

    def make(mlp=0.8, linear=0.79, blend=0.82, shares=None, more=(), **changes):
        cheap, dear = Cost(2.0, latency_ms_batch1=1.0), Cost(8.0, latency_ms_batch1=20.0)
        return make_study(
            Made("mlp", "deep", scores(mlp), 0.8, cost=dear),
            Made("linear", "classic", scores(linear, 1), 0.8, cost=cheap),
            *more,
            Made("blend", "both", scores(blend, 2), 0.9, Cost(10.0, latency_ms_batch1=21.0)),
            weights={"blend": weights_of(shares or HALF)},
            **changes,
        )

    return make


def without_blend(study):
    return replace(study, trials=study.trials[study.trials["candidate"] != "blend"])


def test_both_together_with_the_shares_the_lead_and_the_price(trio):
    found = compare([trio()])
    assert found.verdict.kind == "both"
    assert found.verdict.sentence == (
        "Both together: blend (63 % mlp, 37 % linear) beats mlp by 0.020 ROC AUC "
        "[0.016, 0.024] over 5 paired folds, at 1.2× the training time and the same latency."
    )
    assert found.verdict.blend.weights == pytest.approx(HALF)
    assert found.verdict.blend.difference.against == "mlp"
    assert found.to_use == "blend"
    assert found.verdict.blend.not_beaten == ()
    assert found.verdict.difference.mean == pytest.approx(0.01)  # of the sides, as ever
    assert "DLR130" not in [note.code for note in found.notes]


def test_a_blend_that_gains_little_leaves_the_verdict_and_says_so(trio):
    study = trio(blend=0.801)
    found, before = compare([study]), compare([without_blend(study)])
    assert found.verdict.kind == before.verdict.kind == "deep"
    assert found.verdict.sentence == before.verdict.sentence
    assert found.to_use == "mlp"
    (note,) = found.notes
    assert str(note) == (
        "blend (63 % mlp, 37 % linear) against mlp: +0.001 ROC AUC [-0.003, 0.005], "
        "it is not worth it. [DLR130]"
    )


@pytest.mark.parametrize(
    ("blend", "rope", "reason"),
    [(0.77, 0.005, "it is worse"), (0.803, 0.0035, "its gain is not certain")],
)
def test_what_a_blend_would_give(trio, blend, rope, reason):
    (note,) = compare([trio(blend=blend, rope=rope)]).notes
    assert note.text.endswith(f", {reason}.")


def test_the_blend_has_to_beat_every_candidate_and_not_the_choices_alone(trio, Made):
    rival = Made("svm", "classic", scores(0.818, 3), 0.1)  # badly chosen, as good as the blend
    found = compare([trio(more=[rival])])
    assert found.verdict.kind != "both"
    assert found.verdict.blend.not_beaten == ("svm",)
    (note,) = (note for note in found.notes if note.code == "DLR130")
    assert note.text.endswith("[0.016, 0.024], but it does not beat svm.")


def test_an_ensemble_of_one_side_is_not_both(trio):
    found = compare([trio(shares={"mlp": 0.91, "linear": 0.09})])
    assert found.verdict.kind == "deep"
    (note,) = found.notes
    assert note.text.endswith("but one side has less than 10 % of its weight.")
    assert compare([trio(shares={"mlp": 0.9, "linear": 0.1})]).verdict.kind == "both"


def test_the_shares_of_many_members_are_summed_up(trio):
    shares = {"mlp": 0.5, "linear": 0.2, "svm": 0.15, "knn": 0.1, "forest": 0.05}
    assert "(50 % mlp, 20 % linear, 15 % svm and 15 % of 2 others)" in (
        compare([trio(shares=shares)]).verdict.sentence
    )


def test_a_blend_never_represents_a_side_and_does_not_narrow_the_rope(trio):
    study = trio(mlp=0.975, linear=0.97, blend=0.999, rope=None)
    found, before = compare([study]), compare([without_blend(study)])
    assert found.choices == before.choices == {"deep": {"mlp": 5}, "classic": {"linear": 5}}
    assert found.rope == before.rope
    assert found.verdict.leads == before.verdict.leads
    assert [row.family for row in found.rows] == ["both", "deep", "classic"]


def test_weights_are_means_over_the_splits(trio):
    table = pd.concat([weights_of({"mlp": 1.0}, 4), weights_of({"linear": 1.0}, 1).assign(fold=4)])
    found = compare([replace(trio(), weights={"blend": table})])
    assert found.verdict.blend.weights == {"mlp": 0.8, "linear": 0.2}


def test_joined_studies_keep_a_blend_each(trio, Made):
    first, second = trio(), replace(trio(blend=0.83), id="b" * 12, name="bold-owl-8")
    better = second.trials["candidate"] == "blend"
    second.trials.loc[better, "val_roc_auc"] = 0.95
    found = compare([first, second])
    assert found.verdict.kind == "both"
    assert found.verdict.blend.name == "bold-owl-8/blend"
    assert {row.name for row in found.rows if row.family == "both"} == {
        "calm-owl-7/blend", "bold-owl-8/blend",
    }  # fmt: skip
    assert all(row.difference for row in found.rows if row.family == "both")


def test_one_side_alone_has_no_verdict_on_a_blend(trio):
    study = trio()
    found = compare([replace(study, trials=study.trials[study.trials["candidate"] != "mlp"])])
    assert (found.verdict.kind, found.verdict.blend) == ("none", None)


def test_one_test_set_speaks_of_the_fitted_models(Made, make_study):
    rng, y = np.random.default_rng(0), np.arange(1000) % 2

    def late(noise):
        return (np.clip(0.5 + 0.2 * (y - 0.5) + rng.normal(0, noise, 1000), 0, 1),)

    mlp, linear = late(0.3), late(0.3)
    both = ((mlp[0] + linear[0]) / 2,)

    def auc(parts):
        order = np.argsort(np.argsort(parts[0])) + 1
        return ((order[y == 1].sum() - 500 * 501 / 2) / 500**2,)

    study = make_study(
        Made("mlp", "deep", auc(mlp), late=mlp),
        Made("linear", "classic", auc(linear), late=linear),
        Made("blend", "both", auc(both), late=both),
        weights={"blend": weights_of(HALF, 1)},
    )
    found = compare([study])
    assert found.verdict.kind == "both"
    assert found.verdict.sentence.endswith(
        "It speaks of these fitted models, not of training again."
    )


def test_what_the_baselines_gain_by_averaging_needs_no_network():
    """Three baselines err differently, and the network is one of them once more."""
    own = [Contender(name, "classic") for name in ("a", "b", "c")]
    copy = Contender("net", "deep", like=1)
    rng = np.random.default_rng(1)
    study = simulate_ridge((copy, *own), rng, n_rows=3000, has_blend=True)
    found = compare([study])
    blend, best = (next(row for row in found.rows if row.name == name) for name in ("blend", "b"))
    assert blend.mean > best.mean + found.rope
    assert found.verdict.kind != "both"
    assert found.verdict.blend.not_beaten == ("its classic members alone",)
    assert "but it does not beat its classic members alone" in " ".join(map(str, found.notes))


def test_a_part_is_the_mean_of_its_members():
    own = [Contender(name, "classic") for name in ("a", "b")]
    rng = np.random.default_rng(0)
    study = simulate_ridge((Contender("net", "deep"), *own), rng, n_rows=400, has_blend=True)
    candidates = read_candidates([study], "roc_auc")
    blend = next(each for each in candidates if each.family == "both")
    (part,) = blend_parts(blend, candidates, metrics_of("classification")["roc_auc"])
    table = blend.read_weights()
    on_last = table[(table["fold"] == 4) & (table["family"] == "classic")]
    shares = on_last.set_index("candidate")["weight"] / on_last["weight"].sum()
    frames = {name: study.read_predictions(name).query("fold == 4") for name in shares.index}
    expected = sum(share * frames[name].iloc[:, -1].to_numpy() for name, share in shares.items())
    truth = frames[shares.index[0]]["truth"]
    assert part.scores[4] == pytest.approx(roc_auc_score(truth, expected))
    assert part.name == "its classic members alone"
