"""A saved classic model: one skops file, loaded with an explicit list of types, never a pickle."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import skops.io
from sklearn.base import TransformerMixin

from dlrun.catalog.features import FEATURES
from dlrun.catalog.parts import load_part
from dlrun.classic import extras, features
from dlrun.classic.fitted import MODEL, ClassicFitted
from dlrun.data.model_io import read_facts
from dlrun.errors import UsageError

TRUST_VARIABLE: Final = "DLRUN_TRUST"
TRUSTED: Final = (
    "collections.OrderedDict",
    "functools.partial",  # its function has to be trusted as well
    "numpy.dtype",
    "scipy.sparse._csr.csr_array",
    "scipy.sparse._csr.csr_matrix",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.model_selection._split.StratifiedShuffleSplit",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.utils.validation.check_array",
)
"""Types of any estimator, beside scikit-learn's public classes, which skops trusts by itself."""


def load(folder: Path) -> ClassicFitted:
    """Load a model that `ClassicFitted.save` wrote.

    Raises:
        UsageError: the model contains a type that is not trusted.
        ExtraError: the model was made with a package that is not installed here.
    """
    facts, parts = read_facts(folder), read_parts(folder / MODEL)
    return ClassicFitted(facts.candidate, facts.columns, facts.target, **parts)


def read_parts(file: Path) -> Any:
    """Read a skops file.

    Other types than the trusted ones are refused, since loading them may run their code. The
    environment variable DLRUN_TRUST, type names with commas between them, adds to the trusted.

    Raises:
        UsageError: the model contains a type that is not trusted.
        ExtraError: the model was made with a package that is not installed here.
    """
    trusted = {*TRUSTED, *_transformers(), *os.environ.get(TRUST_VARIABLE, "").split(",")}
    trusted |= {name for row in extras.ROWS for name in row.trusted}
    unknown = [name for name in skops.io.get_untrusted_types(file=file) if name not in trusted]
    if unknown:
        names = ",".join(unknown)
        message = (
            f"{file}: the model holds types that dlrun does not know: {names}. Loading them may "
            f"run their code. If you trust the file, set {TRUST_VARIABLE}={names} and try again"
        )
        raise UsageError(message)
    with extras.named_extra():
        return skops.io.load(file, trusted=sorted(trusted))


def _transformers() -> Iterator[str]:
    """Yield the types of dlrun's own features."""
    for name in {"pipeline", "tabular", *(row.module for row in FEATURES.values())}:
        module = load_part(features.__name__, name)
        for found in vars(module).values():
            is_own = inspect.isclass(found) and found.__module__ == module.__name__
            if is_own and issubclass(found, TransformerMixin):
                yield f"{module.__name__}.{found.__name__}"
