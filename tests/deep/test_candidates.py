from __future__ import annotations

import pickle
import subprocess
import sys

from dlrun.deep.candidates import make_candidates


def test_every_model_becomes_a_candidate_with_its_own_training(recipe, mixed):
    models = [
        {"architecture": "mlp"},
        {"architecture": "mlp", "name": "wide", "hidden": [512], "training": {"epochs": 9}},
    ]
    small, wide = make_candidates(recipe(model=models, training={"optimizer": "sgd"}), mixed)
    assert (small.name, wide.name) == ("mlp", "wide")
    assert (small.family, wide.family) == ("deep", "deep")
    assert (small.spec.training.epochs, wide.spec.training.epochs) == (1, 9)
    assert wide.spec.training.optimizer.name == "sgd"
    assert wide.place == "recipe.yaml: model.1"


def test_settings_are_dotted_recipe_keys(recipe, mixed):
    model = {"architecture": "mlp", "hidden": [7]}
    training = {"optimizer": {"name": "sgd", "momentum": 0.9}, "early_stopping": False}
    (candidate,) = make_candidates(recipe(model=model, training=training), mixed)
    assert candidate.settings == {
        "model.architecture": "mlp",
        "model.hidden": [7],
        "model.activation": "relu",
        "model.dropout": 0.1,
        "model.normalization": "none",
        "model.encode": None,
        "training.epochs": 1,
        "training.batch_size": 64,
        "training.optimizer.name": "sgd",
        "training.optimizer.momentum": 0.9,
        "training.learning_rate.schedule": "constant",
        "training.learning_rate.peak": 0.001,
        "training.learning_rate.warmup": 0.0,
        "training.loss": "auto",
        "training.class_weight": None,
        "training.clip_norm": None,
        "training.early_stopping": False,
        "training.precision": "auto",
        "training.strategy": "auto",
        "training.backbone_rate": "auto",
        "training.compile": "auto",
        "training.accumulate": 1,
        "training.deterministic": False,
        "training.checkpoint_every": "epoch",
    }


def test_the_primary_metric_is_the_recipes_first_or_that_of_the_task(recipe, mixed, diabetes):
    assert make_candidates(recipe(), mixed)[0].spec.metric == "accuracy"
    assert make_candidates(recipe(), diabetes)[0].spec.metric == "rmse"
    listed = recipe(evaluation={"metrics": ["brier", "f1"]})
    assert make_candidates(listed, mixed)[0].spec.metric == "brier"


def test_a_candidate_can_be_pickled(recipe, mixed):
    (candidate,) = make_candidates(recipe(), mixed)
    assert pickle.loads(pickle.dumps(candidate)) == candidate


def test_making_candidates_does_not_import_tensorflow():
    modules = (
        "dlrun.deep.candidates, dlrun.deep.training.schedule, dlrun.deep.training.early_stopping"
    )
    code = f"import {modules}, sys; print({{'tensorflow', 'keras'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
