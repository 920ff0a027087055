"""The MLflow model of either family; this file is copied into every logged model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from dlrun.data.model_io import load
from dlrun.errors import DataError


class Served(PythonModel):
    """A saved model that predicts raw rows."""

    def load_context(self, context: Any) -> None:
        """Load the model."""
        self._model = load(Path(context.artifacts["model"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Predict raw rows; a DataError becomes a bad request."""
        try:
            return self._model.predict(model_input)
        except DataError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error


set_model(Served())
