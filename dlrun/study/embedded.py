"""Candidates that learn from the vectors that a frozen pretrained network makes of a column."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from dlrun.catalog.backbones import TYPES, default_backbone
from dlrun.catalog.features import EMBED
from dlrun.catalog.kinds import settle
from dlrun.classic.candidate import ClassicCandidate
from dlrun.classic.features.embed import vectors_of
from dlrun.contract.candidate import (
    Candidate,
    Deployable,
    Embeds,
    Family,
    FitContext,
    Fitted,
    Framework,
    Kind,
    LearnsFromSample,
    Predictions,
    side_of,
)
from dlrun.contract.dataset import Column, Dataset, Stream, Target
from dlrun.contract.search import Dimension
from dlrun.data.model_io import ModelInfo, read_facts
from dlrun.data.model_io import load as load_model
from dlrun.deep.backbones.backbone import Backbone, BackboneRequest, open_backbone
from dlrun.deep.backbones.embeddings import embed, encode, prepare
from dlrun.deep.backbones.requests import reads
from dlrun.deep.backbones.saved import load_backbone, save_backbone
from dlrun.errors import RecipeError, WeightsError
from dlrun.study.feature_networks import FeatureNetworkCandidate

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.deep.summary import Summary
    from dlrun.recipe.schema import Recipe

LEARNER: Final = "learner"  # folders
BACKBONE: Final = "backbone-"
Learner = ClassicCandidate | FeatureNetworkCandidate
Embed = Callable[[Backbone, Sequence[Any]], "NDArray[np.float32]"]

_opened = lru_cache(maxsize=8)(open_backbone)


def with_embeddings(
    candidates: Sequence[Candidate], key: str, recipe: Recipe, columns: Sequence[Column]
) -> tuple[Any, ...]:
    """Return the candidates, a pretrained network before those that have the feature `embed`.

    Args:
        candidates: made of the recipe's models or baselines, in their order; others come first.
        key: of the recipe's section, model or baselines.
        recipe: of the study.
        columns: of the dataset.

    Raises:
        RecipeError: a backbone does not suit the columns.
        WeightsError: the weights of a backbone are not here, and cannot be had.
        ExtraError: a package that reads them is not installed.
    """
    sections: Any = recipe.models if key == "model" else recipe.baselines
    n_others = len(candidates) - len(sections)
    made: list[Any] = []
    for position, candidate in enumerate(candidates, -n_others):
        if EMBED in candidate.features:
            place = recipe.at(f"{key}.{position}")
            made.append(_embedded(candidate, sections[position].backbone, place, recipe, columns))
        else:
            made.append(candidate)
    return tuple(made)


def _embedded(
    candidate: Any, backbone: str | None, place: str, recipe: Recipe, columns: Sequence[Column]
) -> EmbeddedCandidate:
    try:
        made = EmbeddedCandidate(candidate, tuple(_requests(backbone, recipe, columns)))
        _ = made.weights_digest  # opens them
    except (RecipeError, WeightsError) as error:
        message = f"{place}: {error}"
        raise type(error)(message) from error
    return made


def _requests(
    backbone: str | None, recipe: Recipe, columns: Sequence[Column]
) -> Iterator[BackboneRequest]:
    """Yield what reads each column that a pretrained network can read; None: the type's default."""
    columns = [column for column in columns if column.type in TYPES]
    types = {column.type for column in columns if reads(backbone, column.type)}
    if backbone and len(types) > 1:
        message = f"backbone: {backbone} reads one type of columns. There are: {', '.join(types)}"
        raise RecipeError(message)
    for column in columns:
        name = backbone if backbone and column.type in types else default_backbone(column.type)
        length = recipe.preprocessing.text.sequence_length
        yield BackboneRequest(name, column, recipe.folder, length=length)


def within(candidate: Candidate) -> Candidate:
    """Return the candidate behind the pretrained networks, or itself."""
    return candidate.learner if isinstance(candidate, EmbeddedCandidate) else candidate


@dataclass(frozen=True)
class EmbeddedCandidate:
    """A candidate behind frozen pretrained networks, before training; plain values, so picklable.

    Attributes:
        learner: an estimator, or a network on features; it sees a column of vectors beside each
            column that a pretrained network reads.
        requests: of the pretrained networks, one for each such column.
    """

    learner: Learner
    requests: tuple[BackboneRequest, ...]

    @property
    def name(self) -> str:
        """Return the learner's name."""
        return self.learner.name

    @property
    def kind(self) -> Kind:
        """Return pretrained, whatever the learner is, as the recipe's side settles it."""
        return settle("pretrained", self.learner.side)

    @property
    def family(self) -> Family:
        """Return the side of the verdict."""
        return side_of(self.kind)

    @property
    def framework(self) -> Framework:
        """Return the learner's."""
        return self.learner.framework

    @property
    def features(self) -> tuple[str, ...]:
        """Return the learner's features."""
        return self.learner.features

    @property
    def settings(self) -> Mapping[str, object]:
        """Return the learner's settings, and the backbones under dotted recipe keys."""
        section = "model" if self.framework == "tensorflow" else f"baselines.{self.name}"
        names = ", ".join(dict.fromkeys(request.name for request in self.requests))
        return {**self.learner.settings, f"{section}.backbone": names}

    @property
    def needs_validation(self) -> bool:
        """Return whether the learner does."""
        return self.learner.needs_validation

    @property
    def weights_digest(self) -> str:
        """Return the digest of the pretrained networks."""
        digests = "".join(each.digest for each in _open(self.requests).values())
        return hashlib.sha256(digests.encode()).hexdigest()

    def with_settings(self, changed: Mapping[str, object]) -> Self:
        """Return the candidate with settings of the learner changed.

        Raises:
            TrainingError: there is no such setting, or it does not take the value.
        """
        return replace(self, learner=self.learner.with_settings(changed))

    def space(self, dataset: Dataset) -> Mapping[str, Dimension]:
        """Return what a search tries of the learner."""
        return self.learner.space(dataset)

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> FittedEmbedded:
        """Let the pretrained networks make vectors, and fit the learner to them.

        Raises:
            TrainingError: the learner cannot be fitted to these rows.
        """
        learner = self.learner.fit(
            _with_vectors(train, self.requests), _with_vectors(validation, self.requests), context
        )
        return FittedEmbedded(self.name, train.columns, train.target, learner, self.requests)

    def summarize(self, dataset: Dataset) -> Summary:
        """Build a network without training it, on made-up vectors, and list its layers.

        Raises:
            TrainingError: it cannot be built on them.
        """
        if not isinstance(self.learner, FeatureNetworkCandidate):
            message = f"{self.name} has no layers"
            raise TypeError(message)
        rng = np.random.default_rng(0)

        def make_up(backbone: Backbone, cells: Sequence[Any]) -> NDArray[np.float32]:
            return rng.normal(size=(len(cells), backbone.width)).astype(np.float32)

        return self.learner.summarize(_with_vectors(dataset, self.requests, make_up))


def _open(requests: Sequence[BackboneRequest]) -> dict[str, Backbone]:
    """Return column → the pretrained network that reads it."""
    return {request.column.name: _opened(request) for request in requests}


@dataclass(frozen=True)
class FittedEmbedded:
    """A fitted candidate behind frozen pretrained networks.

    Attributes:
        learner: fitted to rows with vectors.
        loaded: column → the pretrained network that was saved with it. Empty: those of the
            requests, whose vectors are kept in the user's cache.
    """

    name: str
    columns: tuple[Column, ...]
    target: Target
    learner: Fitted
    requests: tuple[BackboneRequest, ...] = ()
    loaded: Mapping[str, Backbone] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """Return the number of the learner's."""
        return self.learner.parameters

    @property
    def best_epoch(self) -> int | None:
        """Return the learner's best epoch."""
        return self.learner.best_epoch

    @property
    def n_sampled(self) -> int | None:
        """Return the number of training rows that the learner was fitted to, where a sample."""
        return self.learner.n_sampled if isinstance(self.learner, LearnsFromSample) else None

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict typed rows.

        Raises:
            DlrunError: the learner cannot.
        """
        return self.learner.predict(self._add(frame))

    def deployed(self, frame: pd.DataFrame) -> Callable[[], object]:
        """Return what lets the pretrained networks make these rows' vectors, then the learner."""
        made = [prepare(backbone, list(frame[name])) for name, backbone in self._backbones.items()]
        rows = self._add(frame)
        learner = (
            self.learner.deployed(rows)
            if isinstance(self.learner, Deployable)
            else partial(self.learner.predict, rows)
        )
        return lambda: ([make() for make in made], learner())

    def embed(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return the input of a network's head, or the vectors that an estimator gets."""
        rows = self._add(frame)
        if isinstance(self.learner, Embeds):
            return self.learner.embed(rows)
        return np.hstack([np.stack(rows[vectors_of(name)].tolist()) for name in self._backbones])

    def unwrap(self, frame: pd.DataFrame) -> tuple[Fitted, pd.DataFrame]:
        """Return the learner, and these rows with vectors."""
        return self.learner, self._add(frame)

    def save(self, folder: Path) -> None:
        """Write the facts, the learner in a subfolder, and the pretrained networks in others."""
        ModelInfo(self.name, "embedded", self.columns, self.target).write(folder)
        (folder / LEARNER).mkdir()
        self.learner.save(folder / LEARNER)
        for number, request in enumerate(self.requests):
            (folder / f"{BACKBONE}{number}").mkdir()
            save_backbone(request, _opened(request), folder / f"{BACKBONE}{number}")

    @property
    def _backbones(self) -> Mapping[str, Backbone]:
        return self.loaded or _open(self.requests)

    def _add(self, frame: pd.DataFrame) -> pd.DataFrame:
        return _joined(frame, self._backbones, encode if self.loaded else embed)


def load(folder: Path) -> FittedEmbedded:
    """Load a model that `FittedEmbedded.save` wrote.

    Raises:
        WeightsError: the package of a pretrained network is not installed, or has other weights.
        UsageError: a type in the learner is not trusted, or Keras cannot load it.
    """
    facts, learner = read_facts(folder), load_model(folder / LEARNER).fitted
    folders = sorted(folder.glob(f"{BACKBONE}*"))
    loaded = dict(map(load_backbone, folders))
    return FittedEmbedded(facts.candidate, facts.columns, facts.target, learner, loaded=loaded)


@dataclass(frozen=True)
class EmbeddedStream:
    """A stream whose rows get vectors, some thousand at a time.

    Attributes:
        stream: of the rows.
        requests: of the pretrained networks.
    """

    stream: Stream
    requests: tuple[BackboneRequest, ...]

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Count the rows of the parts."""
        return self.stream.sizes

    @property
    def classes(self) -> tuple[int, ...]:
        """Return the codes of the classes."""
        return self.stream.classes

    @property
    def digest(self) -> str:
        """Return the fingerprint of the rows, and of the pretrained networks."""
        content = [self.stream.digest, *(each.digest for each in _open(self.requests).values())]
        return hashlib.sha256("".join(content).encode()).hexdigest()

    def whole(self) -> EmbeddedStream:
        """Return the stream of all rows."""
        return replace(self, stream=self.stream.whole())

    def deal(self, n_parts: int, *key: int) -> tuple[int, ...]:
        """Count the rows of the parts that workers read."""
        return self.stream.deal(n_parts, *key)

    def chunks(self, *key: int, part: int = 0, n_parts: int = 1) -> Iterator[Dataset]:
        """Yield all training rows with vectors, or those of one of several parts."""
        for chunk in self.stream.chunks(*key, part=part, n_parts=n_parts):
            yield _with_vectors(chunk, self.requests)


def _with_vectors(
    dataset: Dataset, requests: tuple[BackboneRequest, ...], make: Embed = embed
) -> Dataset:
    """Return a dataset whose rows have a column of vectors beside each that is read."""
    stream = EmbeddedStream(dataset.stream, requests) if dataset.stream else None
    return replace(dataset, frame=_joined(dataset.frame, _open(requests), make), stream=stream)


def _joined(frame: pd.DataFrame, backbones: Mapping[str, Backbone], make: Embed) -> pd.DataFrame:
    vectors = {}
    for name, backbone in backbones.items():
        cells = np.empty(len(frame), dtype=object)
        cells[:] = list(make(backbone, list(frame[name])))
        vectors[vectors_of(name)] = cells
    return frame.assign(**vectors)
