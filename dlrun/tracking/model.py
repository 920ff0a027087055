"""A saved model as an MLflow model, without pickle: raw rows in, predictions out."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZipFile

from dlrun.catalog.baselines import BASELINES
from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.data.model_io import ModelInfo, read_facts
from dlrun.data.targets import target_kind
from dlrun.system.version import __version__
from dlrun.tracking.client import quiet_mlflow
from dlrun.tracking.store import local_path

if TYPE_CHECKING:
    from dlrun.tracking.store import Store

PACKAGES: Final = {"deep": ("tensorflow", "keras"), "classic": ("scikit-learn", "skops")}
READERS: Final = {"tokenizer.json": "tokenizers", "*.onnx": "onnxruntime"}
"""Files of what a pretrained network reads with → the package that reads them."""
REFUSED: Final = re.compile(r"[/:.%\"']")  # in the name of a model
ARTIFACT: Final = "model"
CODE: Final = Path(__file__).with_name("pyfunc.py")
CODE_ARTIFACT: Final = "served.py"  # its name in a logged model, which older ones have too
PYTHON_ENV: Final = """\
python: {python}
build_dependencies: [pip, setuptools]
dependencies: [-r requirements.txt]
"""


@dataclass(frozen=True)
class ModelCard:
    """What MLflow's table of models shows of a model.

    Attributes:
        name: of the study and the candidate, so that models can be told apart.
        params: settings of the candidate.
        step: the epoch whose weights it has; 0 where there are no epochs.
    """

    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    step: int


def model_name(study: str, candidate: str) -> str:
    """Return the name of a candidate's model, without the characters that MLflow refuses.

    >>> model_name("wine-1", "mlp 2.0")
    'wine-1-mlp 2_0'
    """
    return REFUSED.sub("_", f"{study}-{candidate}")


def log_model(store: Store, run_id: str, folder: Path, card: ModelCard) -> str:
    """Log a folder that `Fitted.save` wrote as the model of a run, and return the model's id."""
    with TemporaryDirectory() as scratch:
        packed = Path(scratch, "model")
        pack(folder, packed)
        return upload(store, run_id, packed, card)


def replace_model(store: Store, run_id: str, folder: Path, card: ModelCard) -> None:
    """Log a model in place of those that a run has; in a local store their files are removed."""
    new = log_model(store, run_id, folder, card)
    for model_id in store.reader.models(run_id):
        if model_id != new:
            files = local_path(store.reader.model_location(model_id))
            store.client.delete_logged_model(model_id)
            if files:
                shutil.rmtree(files, ignore_errors=True)


def delete_models(store: Store, run_id: str) -> None:
    """Delete the models that were logged for a run."""
    where = f"source_run_id = '{run_id}'"
    for model in store.client.search_logged_models([store.experiment_id], filter_string=where):
        store.client.delete_logged_model(model.model_id)


def pack(folder: Path, packed: Path) -> None:
    """Write an MLflow model, a pyfunc from code, around a saved model.

    `mlflow.pyfunc.save_model` writes the same, but compares the requirements with every installed
    package, which takes most of a second.
    """
    with quiet_mlflow():
        from mlflow.models import Model
        from mlflow.pyfunc import add_to_model

    facts = read_facts(folder)
    inside = f"artifacts/{ARTIFACT}"
    shutil.copytree(folder, packed / inside)
    shutil.copy(CODE, packed / CODE_ARTIFACT)
    requirements = _requirements(folder, facts)
    (packed / "requirements.txt").write_text("\n".join(requirements) + "\n")
    (packed / "python_env.yaml").write_text(PYTHON_ENV.format(python=python_version()))
    model = Model(signature=_signature(facts))
    add_to_model(  # type: ignore[no-untyped-call]
        model,
        loader_module="mlflow.pyfunc.loaders.code_model",
        model_code_path=CODE_ARTIFACT,
        python_env="python_env.yaml",
        artifacts={ARTIFACT: {"path": inside, "uri": inside}},
    )
    model.save(packed / "MLmodel")


def upload(store: Store, run_id: str, packed: Path, card: ModelCard) -> str:
    """Log an MLflow model as the model of a run, and return its id."""
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    client = store.client
    run = client.get_run(run_id)
    logged = client.create_logged_model(
        run.info.experiment_id,
        name=card.name,
        source_run_id=run_id,
        params=dict(card.params),
        tags=dict(card.tags),
        model_type=run.data.tags["dlrun.family"],
    )
    facts = Model.load(packed)
    facts.run_id, facts.artifact_path = run_id, logged.artifact_location
    facts.model_id = facts.model_uuid = logged.model_id
    facts.save(packed / "MLmodel")
    client.log_model_artifacts(logged.model_id, str(packed))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, card.step)])
    return str(logged.model_id)


def _signature(facts: ModelInfo) -> Any:
    """Return the signature of raw rows, in which any cell may be empty.

    Numbers, and the columns of a wide series, are doubles; numbers that were written as "1,234.5"
    or had markers among them may be texts as well. Other series are lists, or lists in
    JSON: MLflow's own arrays of doubles refuse whole numbers. All else is text; of an image or a
    sound it is base64, a data: URI or a path. Columns from which lags are computed come first.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    target = facts.target
    anything: Any = AnyType()  # type: ignore[no-untyped-call]
    cells: dict[str, Any] = {}
    lags: dict[str, Any] = {}
    for column in facts.columns:
        kind_of = COLUMN_KINDS[column.type]
        is_written = bool(column.missing or (column.format and kind_of.has_format))
        signature = "any" if is_written else kind_of.signature  # numbers may be sent as text
        kind = anything if signature == "any" else signature
        cells |= dict.fromkeys(column.parts, "double") or {column.name: kind}
        if column.lag:
            lags |= {column.lag.of: kind, column.lag.order: anything}
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(kind, name, required=False) for name, kind in {**lags, **cells}.items()
    ]
    answers = target_kind(target.task).answer_types(target)
    outputs: list[ColSpec | TensorSpec] = [ColSpec(kind, name) for name, kind in answers.items()]
    return ModelSignature(Schema(inputs), Schema(outputs))


def _requirements(folder: Path, facts: ModelInfo) -> list[str]:
    """Return pinned requirements; MLflow would infer them by importing everything in a process."""
    loaders = (facts.loader,) if facts.loader in PACKAGES else tuple(PACKAGES)
    own = [package for loader in loaders for package in PACKAGES[loader]]
    packages = ("mlflow", *own, *_packages(folder), *_of_backbones(folder))
    return [f"dlrun=={__version__}", *map(_pin, packages)]


def _pin(package: str) -> str:
    try:
        return f"{package}=={version(package)}"
    except PackageNotFoundError:  # installed under another name, such as tensorflow-cpu
        return package


def _of_backbones(folder: Path) -> list[str]:
    """Return the packages with the weights of pretrained networks, and those that read them."""
    facts = [json.loads(file.read_text("utf-8")) for file in folder.rglob("backbone.json")]
    needed = [name for each in facts for name in each["requirements"]]
    needed += [name for file, name in READERS.items() if next(folder.rglob(file), None)]
    return list(dict.fromkeys(needed))


def _packages(folder: Path) -> list[str]:
    """Return the optional packages whose estimators a classic model, or a blend, has."""
    schemas = ""
    for file in folder.rglob("*.skops"):
        with ZipFile(file) as parts:
            schemas += parts.read("schema.json").decode()
    packages = (row.package for row in BASELINES.values() if row.package)
    return [each.distribution for each in packages if f"{each.module}." in schemas]
