"""The recipe as frozen values: every key, its type, its bounds and its default."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from dlrun.catalog.architectures import ARCHITECTURES, is_function, takes_any
from dlrun.catalog.metrics import METRIC_NAMES
from dlrun.catalog.notes import NOTES
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.catalog.tasks import TASKS
from dlrun.recipe.base import Auto, Fraction, OneOf, OpenSection, Section, Side, one_of
from dlrun.recipe.baseline import BaselineSettings
from dlrun.recipe.data import Data
from dlrun.recipe.duration import Seconds
from dlrun.recipe.features import Features, check_apart, check_backbone
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.recipe.search import Search
from dlrun.recipe.training import Training


def _extends(common: object, own: object) -> bool:
    """Return whether a mapping overrides keys of another one, rather than naming another thing."""
    return isinstance(common, dict) and isinstance(own, dict) and "name" not in own


class Model(OpenSection):
    """A deep candidate; the architecture's own settings stand beside its name."""

    architecture: str
    """mlp, layers, or package.module:function."""
    name: str | None = None
    """Default: the architecture, mlp-hog where features are chosen."""
    features: Features | None = None
    """What it learns from in place of the columns: hog, or a list; mlp, layers, module:function."""
    backbone: str | None = None
    """The pretrained network of `features: embed`, or that of architecture `pretrained`. null: the
    first that installs with pip for the type of the columns."""
    side: Side | None = None
    """deep or classic; default: deep."""
    training: dict[str, Any] = {}
    """Overrides of the training section, for this candidate alone."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not is_function(self.architecture):
            one_of(self.architecture, tuple(ARCHITECTURES), "an architecture")
        return self

    @model_validator(mode="after")
    def _featured(self) -> Self:
        check_apart(self.features or [], "model")
        row = ARCHITECTURES.get(self.architecture)
        if row and "backbone" not in row.settings.model_fields:
            check_backbone(self.backbone, self.features or [])
        if self.features and not takes_any(self.architecture):
            fitting = ", ".join(name for name in ARCHITECTURES if takes_any(name))
            message = (
                f"features: {self.architecture} takes the columns themselves. Features, which are "
                f"plain numbers, go into {fitting} or module:function"
            )
            raise ValueError(message)
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """Return the architecture's own settings; the backbone is one, or a feature's."""
        is_own = self.backbone is not None and not self.features
        return {**super().settings, **({"backbone": self.backbone} if is_own else {})}

    @property
    def title(self) -> str:
        """Return the candidate's name."""
        return self.name or "-".join([self.architecture, *(self.features or [])])

    @property
    def suited_training(self) -> dict[str, Any]:
        """Return the training that suits the settings; none where these are not valid."""
        row = ARCHITECTURES.get(self.architecture)
        try:
            return row.settings(**self.settings).suited_training if row else {}
        except ValidationError:  # a fault of another check
            return {}

    @property
    def complete_settings(self) -> dict[str, Any]:
        """Return the architecture's settings with its defaults filled in."""
        row = ARCHITECTURES.get(self.architecture)
        return row.settings(**self.settings).model_dump() if row else self.settings


# -------------------------------------------------------------------- evaluation and the rest


STRESSES: Final = tuple(row.name for row in PERTURBATIONS.values() if row.is_optional)


class LabelCounts(Section):
    """A learning curve over numbers of labelled rows, rather than over fractions."""

    labels: Annotated[list[Annotated[int, Field(ge=3)]], Field(min_length=1)]
    """Labelled rows that a candidate may see, training and validation rows together, as in
    [50, 100, 200]. All rows are always the last point."""


class Evaluation(Section):
    """How candidates are scored."""

    metrics: list[str] | Auto = "auto"
    """The first is the primary metric."""
    folds: Annotated[int, Field(gt=0, le=1000)] | Auto = "auto"
    """Cross-validation folds: 5, or 3 above 100,000 rows; 1: the one test split of data.split."""
    repeats: Annotated[int, Field(gt=0, le=1000)] | Auto = "auto"
    """Repeats of the whole, each with its own seed: 5 on tables of up to 3,000 rows where `folds`
    is auto, without a learning curve, stress and a search; else 1."""
    rope: Annotated[float, Field(ge=0)] | Auto = "auto"
    """A difference smaller than this does not matter in practice."""
    learning_curve: bool | list[Fraction] | LabelCounts = False
    """Train every candidate on growing, nested parts of the rows as well: true, fractions of the
    training rows, or {labels: [50, 100, 200]}."""
    stress: list[Annotated[str, OneOf(STRESSES, "a kind of stress")]] = []
    importance: bool = False
    inside: bool = False
    """Look inside the networks: layer probes, embeddings, what units look for, why rows are
    predicted as they are, the health of training by layer."""
    refit: Literal["winner", "all", "none"] = "winner"
    """Whose models are trained on all rows after the folds, for predict and serving."""
    blend: bool = True
    """Weigh the predictions of all candidates of both sides together, as one more candidate."""

    @field_validator("learning_curve", mode="before")
    @classmethod
    def _counted(cls, value: object) -> object:
        if isinstance(value, list) and any(type(each) is int and each > 1 for each in value):
            message = f"numbers of labels stand under labels. Write {{labels: {value}}}"
            raise ValueError(message)
        return value

    @field_validator("metrics", mode="before", json_schema_input_type=str | list[str])
    @classmethod
    def _listed(cls, value: object) -> object:
        return [value] if isinstance(value, str) and value != "auto" else value

    @field_validator("metrics")
    @classmethod
    def _known(cls, value: list[str] | Auto) -> list[str] | Auto:
        if isinstance(value, list):
            if not value:
                message = "no metric is listed. Name at least one, or write auto"
                raise ValueError(message)
            if faults := [*map(str, _unknown_metrics(value))]:
                raise ValueError("; ".join(faults))
        return value


def _unknown_metrics(names: list[str]) -> Iterator[ValueError]:
    for name in names:
        try:
            one_of(name, METRIC_NAMES, "a metric")
        except ValueError as error:
            yield error


class Tracking(Section):
    """Where runs are kept."""

    uri: str | None = None
    """Default: MLFLOW_TRACKING_URI, else a local SQLite store."""
    experiment: str | None = None
    """Default: the recipe's name."""
    excerpt: bool = True
    """Keep the distributions of columns and a few rows, the worst predicted, for the report."""


class Execution(Section):
    """Where trials run."""

    engine: Literal["local", "ray", "dask"] = "local"
    """local: this process, or several of this machine; ray, dask: a cluster."""
    workers: Annotated[int, Field(gt=0, le=1024)] = 1
    """Trials that run at once."""
    address: str | None = None
    """Of a running cluster; default: one is started on this machine."""
    gpus_per_trial: Annotated[float, Field(gt=0, le=64)] = 1
    """GPUs that a network gets where several trials run at once; 0.5: two networks share one."""

    @field_validator("gpus_per_trial")
    @classmethod
    def _shared_or_whole(cls, value: float) -> float:
        if value > 1 and value % 1:
            message = f"{value} GPUs cannot be given to a network. Take a whole number, or below 1"
            raise ValueError(message)
        return value

    @property
    def is_in_process(self) -> bool:
        """Return whether trials run in this process, one after the other."""
        return self.engine == "local" and self.workers == 1


class NoteSettings(Section):
    """Which notes are shown."""

    ignore: list[Annotated[str, OneOf(tuple(NOTES), "the code of a note")]] = []
    """Codes of notes that are neither shown nor tracked, such as DLR057; see the list of notes."""


class Recipe(Section):
    """Everything that one study does."""

    name: str = ""
    """Default: the file's name; becomes the MLflow experiment."""
    description: str = ""
    task: Annotated[str, OneOf(tuple(TASKS), "a task")] | None = None
    """Default: inferred from the target."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Everything random derives from it."""
    data: Data
    preprocessing: Preprocessing = Preprocessing()
    model: list[Model] | None = None
    """One mapping, or a list of them (several deep candidates); none: no network; default: a
    network that suits the columns."""
    training: Training = Training()
    baselines: list[BaselineSettings] | Literal["auto", "none"] = "auto"
    evaluation: Evaluation = Evaluation()
    search: Search | None = None
    """How settings are tuned; none: every candidate keeps those that it has."""
    budget: Seconds | None = None
    """Of the whole study, such as 30 min: trials, folds and epochs are cut to fit."""
    tracking: Tracking = Tracking()
    execution: Execution = Execution()
    notes: NoteSettings = NoteSettings()

    @field_validator(
        "model", mode="before", json_schema_input_type=Model | list[Model] | Literal["none"]
    )
    @classmethod
    def _listed(cls, value: object) -> object:
        if value == "none":
            return []
        if not isinstance(value, str):
            return [value] if isinstance(value, dict) else value
        wanted = value if value in ARCHITECTURES or is_function(value) else "mlp"
        message = (
            f"{value!r} is no model. Write {{architecture: {wanted}}} or a list of such; "
            "for no network, none"
        )
        raise ValueError(message)

    @field_validator(
        "baselines",
        mode="before",
        json_schema_input_type=Literal["auto", "none"] | list[str | BaselineSettings],
    )
    @classmethod
    def _named(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        return [{"name": item} if isinstance(item, str) else item for item in value]

    @model_validator(mode="after")
    def _suit_training(self) -> Self:
        """Give models the training that suits their settings, where neither section says it."""
        for model in self.models:
            for key, value in model.suited_training.items():
                if key not in self.training.model_fields_set:
                    model.training.setdefault(key, value)
        return self

    _file: Path = PrivateAttr(default=Path("recipe.yaml"))
    _lines: dict[str, int] = PrivateAttr(default_factory=dict)
    _trusted: frozenset[str] = PrivateAttr(default=frozenset())

    @property
    def models(self) -> list[Model]:
        """Return the sections of `model` that the recipe has."""
        return self.model or []

    @property
    def trainings(self) -> list[Training]:
        """Return the training sections of all networks, that of the default one included."""
        own = [self.training_of(model) for model in self.models]
        return [self.training] if self.model is None else own

    def training_of(self, model: Model) -> Training:
        """Return the training section with the model's own overrides."""
        common = self.training.model_dump()
        own = {
            key: {**common[key], **value} if _extends(common[key], value) else value
            for key, value in model.training.items()
        }
        return Training.model_validate({**common, **own})

    @property
    def file(self) -> Path:
        """Return the file that the recipe was read from."""
        return self._file

    @property
    def folder(self) -> Path:
        """Return the recipe's own folder; relative sources start there."""
        return self._file.parent

    @property
    def trusted(self) -> frozenset[str]:
        """Return the modules that it may name beside those in its folder; no key sets them."""
        return self._trusted

    def at(self, key: str) -> str:
        """Return the position of a dotted key for a message, `flights.yaml:7: data.target`."""
        if "model.architecture" in self._lines:
            key = key.replace("model.0", "model", 1)
        parts = key.split(".")
        for end in range(len(parts), 0, -1):
            line = self._lines.get(".".join(parts[:end]))
            if line is not None:
                return f"{self._file.name}:{line}: {key}" if line else f"command line: {key}"
        return f"{self._file.name}: {key}"
