"""A classic model on disk: one skops file and an explicit list of types, never a pickle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import skops.io

from dlrun.classic import extras
from dlrun.classic.fitted import MODEL, ClassicFitted
from dlrun.data.model_io import read_facts
from dlrun.errors import UsageError

TRUST_VARIABLE: Final = "DLRUN_TRUST"
# Beside scikit-learn's public classes, which skops trusts by itself.
TRUSTED: Final = (
    "aeon.transformations.collection.convolution_based._minirocket.MiniRocket",
    "aeon.transformations.collection.convolution_based._multirocket.MultiRocket",
    "collections.OrderedDict",
    "dlrun.classic.features.image.PcaComponents",
    "dlrun.classic.features.image.Hog",
    "dlrun.classic.features.image.Pixels",
    "dlrun.classic.features.pipeline.ColumnVarianceScaler",
    "dlrun.classic.features.pipeline.ZeroFeatures",
    "dlrun.classic.features.series.Catch22Series",
    "dlrun.classic.features.series.FlatSeries",
    "dlrun.classic.features.series.Rocket",
    "dlrun.classic.features.series.SeriesScaler",
    "dlrun.classic.features.series.SummarySeries",
    "dlrun.classic.features.audio.Mfcc",
    "dlrun.classic.features.tabular.CategoryCodes",
    "dlrun.classic.features.tabular.DateParts",
    "dlrun.classic.features.tabular.RejectMissing",
    "dlrun.classic.features.text.TfidfNgrams",
    "dlrun.classic.features.text.SelectKBestChi2",
    "dlrun.classic.features.text.LsaComponents",
    "functools.partial",  # its function has to be in this list as well
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "scipy.sparse._csr.csr_array",
    "scipy.sparse._csr.csr_matrix",
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.model_selection._split.StratifiedShuffleSplit",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
)


def load(folder: Path) -> ClassicFitted:
    """Load what `ClassicFitted.save` wrote.

    Raises:
        UsageError: the model holds a type that is not in the list.
        ExtraError: the model was made with a package that is not installed here.
    """
    facts, parts = read_facts(folder), read_parts(folder / MODEL)
    return ClassicFitted(facts.candidate, facts.columns, facts.target, **parts)


def read_parts(file: Path) -> Any:
    """Read a skops file.

    Types outside the list are refused, since loading them may run their code; the environment
    variable DLRUN_TRUST, type names with commas, adds to the list.

    Raises:
        UsageError: the model holds a type that is not in the list.
        ExtraError: the model was made with a package that is not installed here.
    """
    trusted = {*TRUSTED, *os.environ.get(TRUST_VARIABLE, "").split(",")}
    unknown = [name for name in skops.io.get_untrusted_types(file=file) if name not in trusted]
    if unknown:
        names = ",".join(unknown)
        message = (
            f"{file}: the model holds types that dlrun does not know: {names}. Loading them may "
            f"run their code. If you trust the file, set {TRUST_VARIABLE}={names} and try again"
        )
        raise UsageError(message)
    with extras.needed():
        return skops.io.load(file, trusted=sorted(trusted))
