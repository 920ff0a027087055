"""The recipe as frozen values: every key, its type, its bounds and its default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    Field,
    PositiveInt,
    PrivateAttr,
    field_validator,
    model_validator,
)

from dlrun.catalog.architectures import ARCHITECTURES, is_function, takes_any
from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.metrics import METRIC_NAMES
from dlrun.catalog.notes import NOTES
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.catalog.splits import SPLIT_METHODS
from dlrun.catalog.tasks import TASKS
from dlrun.recipe.base import Auto, Fraction, OneOf, OpenSection, Section, one_of
from dlrun.recipe.baseline import BaselineSettings
from dlrun.recipe.features import Features, check_apart
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.recipe.training import Training

ColumnKindName = Annotated[str, OneOf(tuple(COLUMN_KINDS), "a type of column")]


class SplitSettings(Section):
    """How rows are split into training, validation and test."""

    method: Annotated[str, OneOf(tuple(SPLIT_METHODS), "a split method")] | None = None
    """Default: stratified for classes, random for numbers."""
    column: str | None = None
    """The group, time or predefined (train/validation/test) column."""
    test: Fraction = 0.2
    """Share of all rows in the test part, when there is one test part."""
    validation: Fraction = 0.1
    """Share of all rows for early stopping and tuning."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        method = SPLIT_METHODS.get(self.method or "")
        *most, last = (row.name for row in SPLIT_METHODS.values() if row.needs_column)
        by_column = f"{', '.join(most)} or {last}"
        if method and method.needs_column and self.column is None:
            message = f"split method {self.method!r} needs split.column"
            raise ValueError(message)
        if method and not method.needs_column and self.column is not None:
            message = (
                f"split.column is set, but a {self.method} split does not respect it. "
                f"Set split.method to {by_column}, or remove the column"
            )
            raise ValueError(message)
        if method is None and self.column is not None:
            message = f"split.column is set without split.method: {by_column}?"
            raise ValueError(message)
        if self.test + self.validation >= 1:
            message = "split.test and split.validation leave no training rows"
            raise ValueError(message)
        return self


class WideSeries(Section):
    """A series whose steps are columns of the table."""

    series: list[str]
    """The columns, in the order of the steps; `t0…t425` is a range of numbered columns."""

    @field_validator("series")
    @classmethod
    def _in_range(cls, value: list[str]) -> list[str]:
        if not value:
            message = "no column is listed"
            raise ValueError(message)
        n_columns = 0
        for name in value:
            n_columns += len(expand_range(name))
            if n_columns > MAX_RANGE:
                message = f"a series has at most {MAX_RANGE:,} steps"
                raise ValueError(message)
        return value

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns with all ranges written out."""
        return tuple(column for name in self.series for column in expand_range(name))


RANGE: Final = re.compile(r"(.*?)(\d+)(?:…|\.\.\.)(.*?)(\d+)")
MAX_RANGE: Final = 1_000_000
MAX_RANGE_NAME: Final = 500  # characters; the time to match grows with their square


def expand_range(name: str) -> list[str]:
    """Write out a range of numbered columns, `t0…t425` or `t0...t425`; other names are kept.

    Raises:
        ValueError: it runs backwards, has two different names, or is too long.
    """
    found = RANGE.fullmatch(name) if len(name) <= MAX_RANGE_NAME else None
    if found is None:
        return [name]
    prefix, first, other, last = found.groups()
    n_columns = int(last) - int(first) + 1
    if prefix != other or not 0 < n_columns <= MAX_RANGE:
        message = (
            f"{name!r} is no range of numbered columns. Write it as t0…t425: the same name, then "
            f"the first and the last number, at most {MAX_RANGE:,} columns"
        )
        raise ValueError(message)
    width = len(first) if first.startswith("0") else 0  # t000…t425 is written with zeros
    return [f"{prefix}{number:0{width}}" for number in range(int(first), int(last) + 1)]


class Lags(Section):
    """Earlier values of columns as features, for tables that are split by time."""

    columns: Annotated[list[str], Field(min_length=1)]
    """Numbers or categories, the target among them if you like."""
    steps: Annotated[list[PositiveInt], Field(min_length=1)]
    """How many rows earlier, in the order of data.split.column; each makes one feature of each
    column, such as temp_lag_1. A missing value is replaced by the last one before it."""


class Data(Section):
    """What to learn from."""

    source: str
    """A path or glob from the recipe's folder; or sklearn:, openml:, keras:, module:function."""
    target: str | Annotated[list[str], Field(min_length=1)] | None = None
    """The column to predict, or the columns of a multi-label target; required unless the source
    brings one."""
    features: list[str] | dict[str, ColumnKindName | WideSeries] | None = None
    """Columns to learn from; default: all but target and exclude. A mapping sets types by hand;
    `{ecg: {series: [t0…t425]}}` makes one series of several columns."""
    exclude: list[str] = []
    """Columns to leave out."""
    max_rows: PositiveInt | None = None
    """A stratified sample of this many rows, for a quick look."""
    stream: bool | Auto = "auto"
    """Read training rows from the files in every epoch; auto: when they do not fit in memory."""
    lags: Lags | None = None
    """Earlier values of columns, the same features for every candidate: {columns: [temp], steps:
    [1, 7]}. The values of earlier rows must be known when a row is predicted: the file to predict
    holds these rows too."""
    split: SplitSettings = SplitSettings()

    @field_validator(
        "features",
        mode="before",
        json_schema_input_type=list[str]
        | dict[str, ColumnKindName | WideSeries | list[str]]
        | None,
    )
    @classmethod
    def _typed(cls, value: object) -> object:
        """Read `{series: [t0…t425]}` as a wide series called series; check all kinds."""
        if not isinstance(value, dict):
            return value
        typed = dict(value)
        if isinstance(typed.get("series"), list):
            typed["series"] = {"series": typed["series"]}
        for name, kind in typed.items():
            if isinstance(kind, str):
                one_of(kind, tuple(COLUMN_KINDS), "a type of column")
            elif not isinstance(kind, WideSeries) and (
                not isinstance(kind, dict) or list(kind) != ["series"]
            ):
                message = (
                    f"{name!r} must have a type, such as number, or the columns of a series, such "
                    "as {series: [t0…t425]}"
                )
                raise ValueError(message)
        return typed

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.lags and self.split.method != "time":
            message = (
                "lags are values of earlier rows, which needs a split by time. "
                "Set split: {method: time, column: …}, or remove lags"
            )
            raise ValueError(message)
        return self


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
        if self.features and not takes_any(self.architecture):
            fitting = ", ".join(name for name in ARCHITECTURES if takes_any(name))
            message = (
                f"features: {self.architecture} takes the columns themselves. Features, which are "
                f"plain numbers, go into {fitting} or module:function"
            )
            raise ValueError(message)
        return self

    @property
    def title(self) -> str:
        """Return the candidate's name."""
        return self.name or "-".join([self.architecture, *(self.features or [])])

    @property
    def complete_settings(self) -> dict[str, Any]:
        """Return the architecture's settings with its defaults filled in."""
        row = ARCHITECTURES.get(self.architecture)
        return row.settings(**self.settings).model_dump() if row else self.settings


# -------------------------------------------------------------------- evaluation and the rest


STRESSES: Final = tuple(row.name for row in PERTURBATIONS.values() if row.is_optional)


class Evaluation(Section):
    """How candidates are scored."""

    metrics: list[str] | Auto = "auto"
    """The first is the primary metric."""
    folds: Annotated[int, Field(gt=0, le=1000)] | Auto = "auto"
    """Cross-validation folds: 5, or 3 above 100,000 rows; 1: the one test split of data.split."""
    repeats: Annotated[int, Field(gt=0, le=1000)] | Auto = "auto"
    """Repeats of the whole, each with its own seed: 5 on tables of up to 3,000 rows where `folds`
    is auto, without a learning curve and stress; else 1."""
    rope: Annotated[float, Field(ge=0)] | Auto = "auto"
    """A difference smaller than this does not matter in practice."""
    learning_curve: bool | list[Fraction] = False
    stress: list[Annotated[str, OneOf(STRESSES, "a kind of stress")]] = []
    importance: bool = False

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
            for metric in value:
                one_of(metric, METRIC_NAMES, "a metric")
        return value


class Tracking(Section):
    """Where runs are kept."""

    uri: str | None = None
    """Default: MLFLOW_TRACKING_URI, else a local SQLite store."""
    experiment: str | None = None
    """Default: the recipe's name."""
    excerpt: bool = True
    """Keep the distributions of columns and a few rows, the worst predicted, for the report."""


class Execution(Section):
    """Where classic candidates run."""

    engine: Literal["local", "ray", "dask"] = "local"
    workers: Annotated[int, Field(gt=0, le=1024)] = 1
    address: str | None = None


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
    model: list[Model] = []
    """One mapping, or a list of them (several deep candidates)."""
    training: Training = Training()
    baselines: list[BaselineSettings] | Literal["auto", "none"] = "auto"
    evaluation: Evaluation = Evaluation()
    tracking: Tracking = Tracking()
    execution: Execution = Execution()
    notes: NoteSettings = NoteSettings()

    @field_validator("model", mode="before", json_schema_input_type=Model | list[Model])
    @classmethod
    def _listed(cls, value: object) -> object:
        if value is None:
            return []
        if not isinstance(value, str):
            return [value] if isinstance(value, dict) else value
        wanted = value if value in ARCHITECTURES or is_function(value) else "mlp"
        message = (
            f"{value!r} is no model. Write {{architecture: {wanted}}} or a list of such; "
            "for no network, leave it out"
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

    _file: Path = PrivateAttr(default=Path("recipe.yaml"))
    _lines: dict[str, int] = PrivateAttr(default_factory=dict)
    _trusted: frozenset[str] = PrivateAttr(default=frozenset())

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
