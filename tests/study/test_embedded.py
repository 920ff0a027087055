"""Candidates behind a frozen pretrained network: what they learn from, what it costs, how saved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from candidates import CHECKS, one_thread
from modalities import N_ROWS
from sklearn.pipeline import make_pipeline
from tiny_backbones import write_bert

from dlrun.classic.candidate import ClassicCandidate
from dlrun.classic.features.embed import embed_steps, vectors_of
from dlrun.classic.features.spec import FeatureSpec
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Dataset, Split
from dlrun.data import model_io as saved
from dlrun.deep.backbones import embeddings, vector_store
from dlrun.errors import RecipeError, WeightsError
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.recipe.schema import Recipe
from dlrun.study import embedded
from dlrun.study.embedded import EmbeddedCandidate, with_embeddings
from dlrun.study.resume import _keys
from dlrun.study.trial import TrialTask, run_trial
from dlrun.testing.candidates import CandidateCase
from dlrun.testing.samples import Sample
from dlrun.tracking.model import pack

__all__ = ["one_thread"]  # the fixture

pytestmark = pytest.mark.tf


def _texts() -> Dataset:
    """Return texts of words that the tiny backbone knows; more are good where y is larger."""
    rng = np.random.default_rng(0)
    shares = rng.random(N_ROWS)
    words = [rng.choice(["good", "bad"], 12, p=[share, 1 - share]) for share in shares]
    texts = [" ".join(each) for each in words]
    signal = np.array([text.count("good") for text in texts], dtype=np.float64)
    return Sample(
        "text", (Column("review", "text"),), pd.DataFrame({"review": texts}), signal
    ).dataset("classification")


TEXTS = _texts()
TRAIN, VALIDATION, TEST = np.split(np.random.default_rng(1).permutation(N_ROWS), [160, 200])
MLP = {"architecture": "mlp", "hidden": [8], "features": "embed"}
TRAINING = {"epochs": 20, "learning_rate": 2e-2, "deterministic": True}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bert(tmp_path_factory.mktemp("weights") / "bert")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def recipe_of(backbone: object, *baselines: dict[str, Any], **sections: Any) -> Recipe:
    listed = [{"features": "embed", "backbone": str(backbone), **each} for each in baselines]
    return Recipe.model_validate(
        {"data": {"source": "made"}, "baselines": listed or "none", "model": [], **sections}
    )


def made(
    backbone: object, *baselines: dict[str, Any], dataset: Dataset = TEXTS
) -> list[EmbeddedCandidate]:
    from dlrun.classic.candidates import make_candidates

    recipe = recipe_of(backbone, *baselines)
    candidates = make_candidates(recipe, dataset)
    return list(with_embeddings(candidates, "baselines", recipe, dataset.columns))[1:]


def network(backbone: object) -> Any:
    from dlrun.deep.candidates import make_candidates
    from dlrun.study.feature_networks import with_features

    model = {**MLP, "backbone": str(backbone)}
    recipe = recipe_of(backbone, model=[model], training=TRAINING)
    candidates = with_features(make_candidates(recipe, TEXTS), TEXTS.columns)
    return with_embeddings(candidates, "model", recipe, TEXTS.columns)[0]


@pytest.fixture
def n_encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the cells that were computed, not read from the cache."""
    counts: list[int] = []
    prepare = embeddings.prepare

    def counted(backbone: Any, cells: Any, **settings: Any) -> Any:
        counts.append(len(cells))
        return prepare(backbone, cells, **settings)

    monkeypatch.setattr(embeddings, "prepare", counted)
    return counts


@pytest.fixture(scope="module")
def cases(bert: Path) -> dict[str, CandidateCase]:
    (linear,) = made(bert, {"name": "linear", "C": 100})
    return {
        "linear": CandidateCase(linear, TEXTS),
        "mlp": CandidateCase(network(bert), TEXTS),
    }


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_it_is_a_candidate_like_all_others(cases: Any, name: str, check: Any) -> None:
    check(cases[name])


def test_it_is_pretrained_whatever_learns_from_the_vectors(cases: Any, bert: Path) -> None:
    linear, mlp = cases["linear"].candidate, cases["mlp"].candidate
    assert (linear.kind, linear.family, linear.framework) == ("pretrained", "deep", "scikit-learn")
    assert (mlp.kind, mlp.family, mlp.framework) == ("pretrained", "deep", "tensorflow")
    assert linear.settings["baselines.linear-embed.backbone"] == str(bert)
    assert mlp.settings["model.backbone"] == str(bert)
    assert mlp.summarize(TEXTS).parameters == cases["mlp"].fitted.parameters


def test_vectors_stand_beside_other_features_of_the_same_texts(bert: Path) -> None:
    alone, both = made(
        bert,
        {"name": "linear"},
        {"name": "hist_gradient_boosting", "features": ["embed", "tfidf"], "max_iter": 3},
    )
    train, validation = TEXTS.take(TRAIN), TEXTS.take(VALIDATION)
    fitted = both.fit(train, validation, FitContext(0))
    n_alone = alone.fit(train, validation, FitContext(0)).learner.estimator.n_features_in_
    assert n_alone == 8 < fitted.learner.estimator.n_features_in_
    assert fitted.predict(validation.frame).values.shape == (40, 3)
    assert fitted.embed(validation.frame).shape == (40, 8)


def test_numbers_of_a_vector_keep_their_proportions() -> None:
    """Of sounds and images; texts are compared by their direction, and trees see what there is."""
    spec = FeatureSpec("onehot", Preprocessing(), 9, seed=0)
    cells = pd.Series(list(np.random.default_rng(0).normal(3, [1, 10, 0], (50, 3))), dtype=object)
    raw = np.stack(cells.tolist())
    for kind, encoding in (("audio", "onehot_dense"), ("text", "onehot"), ("image", "native")):
        steps = embed_steps(Column("x", kind), replace(spec, encoding=encoding))
        made = make_pipeline(*steps).fit_transform(cells)
        expected = {
            "audio": (raw - raw.mean(axis=0)) / np.sqrt(raw.var(axis=0).mean()),
            "text": raw / np.linalg.norm(raw, axis=1, keepdims=True),
            "image": raw,
        }
        np.testing.assert_allclose(made, expected[kind], rtol=1e-5, atol=1e-6)
    still = pd.Series([np.ones(3, np.float32)] * 4, dtype=object)
    steps = embed_steps(Column("x", "audio"), spec)
    assert not make_pipeline(*steps).fit_transform(still).any()


def test_folds_candidates_and_studies_share_one_pass(bert: Path, n_encoded: list[int]) -> None:
    candidates = made(bert, {"name": "linear"}, {"name": "knn"})
    rows = np.random.default_rng(0).permutation(N_ROWS)
    for fold, test in enumerate(np.split(rows, 3)):
        train = np.setdiff1d(rows, test)
        split = Split(0, fold, fold, fold, train[20:], train[:20], test)
        for candidate in candidates:
            trial = run_trial(TrialTask(candidate, fold, split, ("log_loss",)), TEXTS)
            assert trial.error is None
    assert sum(n_encoded) == TEXTS.frame.iloc[:, 0].nunique()
    vector_store._open.cache_clear()  # another process
    made(bert, {"name": "svm"})[0].fit(TEXTS, TEXTS.take(VALIDATION), FitContext(0))
    assert sum(n_encoded) == TEXTS.frame.iloc[:, 0].nunique()


def test_the_pass_counts_in_every_trial_as_if_it_were_the_first(bert: Path) -> None:
    first, second = made(bert, {"name": "linear"}, {"name": "knn"})
    split = Split(0, 0, 0, 0, TRAIN, VALIDATION, TEST)
    run_trial(TrialTask(first, 0, split, ("log_loss",)), TEXTS)
    (store,) = [vector_store.open_store(each.digest) for each in _backbones(second)]
    slow = embeddings.Duration(0.5, 0.25)
    store.costs.update(dict.fromkeys(store.costs, slow))
    learned_from = TEXTS.frame.iloc[np.concatenate([TRAIN, VALIDATION]), 0].nunique()
    trial = run_trial(TrialTask(second, 0, split, ("log_loss",)), TEXTS)
    assert trial.cost.fit_seconds == pytest.approx(0.5 * learned_from, abs=5)
    assert trial.cost.cpu_seconds == pytest.approx(0.25 * learned_from, abs=5)


def _backbones(candidate: EmbeddedCandidate) -> list[Any]:
    return [*embedded._open(candidate.requests).values()]


def test_what_is_deployed_computes_the_vectors(cases: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, rows = cases["linear"].fitted, TEXTS.take(TEST).frame
    expected = fitted.embed(rows)
    run = fitted.deployed(rows)
    made, _ = run()
    np.testing.assert_allclose(made[0], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_a_local_backbone_is_saved_whole(
    cases: Any, bert: Path, name: str, tmp_path: Path, n_encoded: list[int]
) -> None:
    fitted, rows = cases[name].fitted, TEXTS.take(TEST)
    expected = fitted.predict(rows.frame).values
    fitted.save(tmp_path)
    facts = json.loads((tmp_path / "backbone-0" / "backbone.json").read_text())
    assert not facts["is_packaged"]
    assert str(bert.parent) not in json.dumps(facts["request"]["folder"])
    found = cache_files(tmp_path)
    loaded = saved.load(tmp_path)
    answers = loaded.predict(pd.DataFrame({rows.columns[0].name: list(rows.frame.iloc[:, 0])}))
    np.testing.assert_allclose(answers.filter(like="p_").to_numpy(), expected, atol=1e-5)
    assert cache_files(tmp_path) == found  # texts of users are not kept
    assert loaded.fitted.deployed(rows.frame[:2])() is not None


def cache_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.vectors"))


def test_a_packaged_backbone_is_saved_by_its_digest(tmp_path: Path) -> None:
    pytest.importorskip("wordllama")
    (candidate,) = made("wordllama", {"name": "linear"})
    fitted = candidate.fit(TEXTS.take(TRAIN), TEXTS.take(VALIDATION), FitContext(0))
    fitted.save(tmp_path)
    path = tmp_path / "backbone-0" / "backbone.json"
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    expected = fitted.predict(TEXTS.frame[:9]).values
    values = saved.load(tmp_path).fitted.predict(TEXTS.frame[:9]).values
    np.testing.assert_allclose(values, expected, atol=1e-5)
    packed = tmp_path.with_name("packed")
    pack(tmp_path, packed)
    requirements = (packed / "requirements.txt").read_text().splitlines()
    names = [line.partition("==")[0] for line in requirements]
    assert {"wordllama", "tokenizers", "scikit-learn"} <= {*names}
    path.write_text(path.read_text().replace('"digest": "', '"digest": "0'))
    with pytest.raises(WeightsError, match="are not those that the model was trained with"):
        saved.load(tmp_path)


def test_missing_weights_are_named_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r": baselines\.0: There is no backbone \S*/nothing"):
        made(tmp_path / "nothing", {"name": "linear"})


def test_a_backbone_reads_one_type_of_columns(bert: Path) -> None:
    photo = Column("photo", "image", (8, 8, 1))
    two = replace(TEXTS, columns=(*TEXTS.columns, photo))
    with pytest.raises(RecipeError, match="reads one type of columns"):
        made(bert, {"name": "linear"}, dataset=two)
    packaged = {"text": "wordllama", "image": "efficientnet_lite0"}
    requests = embedded._requests("wordllama", recipe_of("wordllama"), two.columns)
    assert {each.column.type: each.name for each in requests} == packaged


def test_other_weights_at_the_same_place_make_another_study(tmp_path: Path) -> None:
    """The settings are the same: the journal must know the weights."""
    keys = []
    for seed in (0, 1):
        embedded._opened.cache_clear()  # another process
        (candidate,) = made(write_bert(tmp_path / "bert", seed=seed), {"name": "linear"})
        keys.append(_keys(recipe_of("any"), [candidate], ()))
    assert keys[0] != keys[1]


def test_a_stream_gets_vectors_chunk_by_chunk(bert: Path) -> None:
    class Chunks:
        sizes, classes, digest = (160, 40, 40), (0, 1, 2), "d"

        def whole(self) -> Chunks:
            return self

        def chunks(self, *key: int, part: int = 0, n_parts: int = 1) -> Any:
            return (TEXTS.take(rows) for rows in np.split(TRAIN, 4))

    (candidate,) = made(bert, {"name": "naive_bayes"})
    train = replace(TEXTS.take(TRAIN[:40]), stream=Chunks())
    stream = embedded._with_vectors(train, candidate.requests).stream
    assert stream is not None
    assert (stream.sizes, stream.classes) == ((160, 40, 40), (0, 1, 2))
    assert stream.digest != "d"  # other pretrained networks make other vectors
    chunks = [*stream.whole().chunks(0)]
    name = vectors_of(TEXTS.columns[0].name)
    assert [len(chunk.frame[name]) for chunk in chunks] == [40] * 4
    fitted = candidate.fit(train, TEXTS.take(VALIDATION), FitContext(0))
    assert np.isfinite(fitted.predict(TEXTS.take(TEST).frame).values).all()
    assert isinstance(candidate.learner, ClassicCandidate)
