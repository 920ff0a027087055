"""Raw rows in JSON reach a model of images, sounds, texts and series as it needs them."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from dlrun.contract.dataset import Column, Target
from dlrun.data.model_io import ModelInfo
from dlrun.data.types.cast import cast_columns
from dlrun.tracking.client import prepare, quiet_mlflow
from dlrun.tracking.model import _signature

pytestmark = pytest.mark.slow

COLUMNS = (
    Column("photo", "image", (4, 5, 1)),
    Column("call", "audio", (8,), 8000),
    Column("review", "text", format="inline"),
    Column("curve", "series", (3, 2)),
    Column("ecg", "series", (2, 1), parts=("t0", "t1")),
    Column("age", "number"),
    Column("price", "number", format=".", missing=("?",)),
)
FACTS = ModelInfo("it", "classic", COLUMNS, Target("y", "classification", ("no", "yes")))


def received(rows: list[dict[str, Any]]) -> Any:
    """Send rows through what MLflow's scoring server does before it asks a model."""
    prepare()
    with quiet_mlflow():
        from mlflow.pyfunc import _enforce_schema
        from mlflow.pyfunc.scoring_server import infer_and_parse_data

        schema = _signature(FACTS).inputs
        sent = json.loads(json.dumps({"dataframe_records": rows}))
        return cast_columns(_enforce_schema(infer_and_parse_data(sent, schema), schema), COLUMNS)


def in_base64(write: Any) -> str:
    file = BytesIO()
    write(file)
    return base64.b64encode(file.getvalue()).decode()


SHADES = np.arange(20, dtype=np.uint8).reshape(4, 5)
SAMPLES = np.linspace(-0.5, 0.5, 8)
PHOTO = in_base64(lambda file: Image.fromarray(SHADES).save(file, "png"))
CALL = in_base64(lambda file: soundfile.write(file, SAMPLES, 8000, format="wav"))
ROW = {"photo": PHOTO, "call": CALL, "review": "très 🙂", "t0": 1, "t1": 2.5, "age": 30,
       "price": "1,234.5"}  # fmt: skip


def test_the_signature_asks_for_raw_columns() -> None:
    prepare()
    inputs = _signature(FACTS).inputs.to_dict()
    assert {column["name"]: column["type"] for column in inputs} == {
        "photo": "string", "call": "string", "review": "string", "curve": "any", "t0": "double",
        "t1": "double", "age": "double", "price": "any",
    }  # fmt: skip
    assert not any(column["required"] for column in inputs)


@pytest.mark.parametrize(
    ("curve", "steps"),
    [
        ([[1, 2], [3, 4]], [[1, 3], [2, 4]]),
        ([[1.5, None], [3, 4]], [[1.5, 3], [np.nan, 4]]),
        ("[[1, 2], [3, NaN]]", [[1, 3], [2, np.nan]]),
        (None, np.zeros((0, 2))),
    ],
)
def test_rows_in_json_become_typed(curve: Any, steps: Any) -> None:
    typed = received([{**ROW, "curve": curve}])
    np.testing.assert_array_equal(typed["photo"][0][..., 0], SHADES)
    np.testing.assert_allclose(typed["call"][0], SAMPLES, atol=1e-4)
    assert typed["review"][0] == "très 🙂"
    np.testing.assert_array_equal(typed["curve"][0], steps)
    assert typed["ecg"][0][:, 0].tolist() == [1, 2.5]
    assert typed["age"][0] == 30
    assert typed["price"][0] == 1234.5


@pytest.mark.parametrize(("price", "value"), [(7, 7), (None, np.nan), ("?", np.nan)])
def test_numbers_that_were_texts_may_be_sent_as_either(price: Any, value: float) -> None:
    typed = received([{**ROW, "curve": [[1], [2]], "price": price}])
    np.testing.assert_equal(typed["price"][0], value)


def test_series_of_one_request_may_differ_in_length_and_cells_be_empty() -> None:
    empty = dict.fromkeys(ROW)
    typed = received([{**ROW, "curve": [[1], [2]]}, {**empty, "curve": [[1, 2, 3], [4, 5, 6]]}])
    assert [len(cell) for cell in typed["curve"]] == [1, 3]
    assert not typed["photo"][1].any()
    assert [len(typed[name][1]) for name in ("call", "review", "ecg")] == [0, 0, 0]
