"""A network in four Keras models: raw columns → groups → encoded → outputs → predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.contract import Column
from dlrun.deep.backend import keras
from dlrun.deep.inputs.groups import Encoding
from dlrun.deep.objective import Objective
from dlrun.errors import TrainingError

Architecture = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Network:
    """The parts of a network, each a Keras model; all but the first are layers of the whole.

    Attributes:
        reader: raw columns to groups, looking up categories.
        encoder: groups to encoded columns; frozen, so run once over a whole table.
        body: encoded columns to outputs; trained.
        finish: outputs to predictions.
    """

    reader: Any
    encoder: Any
    body: Any
    finish: Any

    def whole(self) -> Any:
        """Join the parts: a dict of raw columns in, predictions out.

        Numbers are float64 (NaN is missing), categories strings ("" is missing), dates int64
        seconds since 1970 UTC (the smallest int64 is missing), each (rows,) or (rows, 1). Out
        come probabilities, (rows, classes), of the second class alone, (rows, 1), or numbers in
        the target's unit, (rows, 1).
        """
        outputs = self.body(self.encoder(self.reader.output))
        return keras.Model(self.reader.input, self.finish(outputs))

    @property
    def n_parameters(self) -> int:
        """Count the trained weights."""
        return count_parameters(self.body)


def count_parameters(model: Any) -> int:
    """Count the weights of a Keras model that are trained."""
    return sum(int(weight.value.shape.num_elements()) for weight in model.trainable_variables)


def build_network(
    columns: Sequence[Column],
    encodings: Mapping[str, Encoding],
    objective: Objective,
    architecture: Architecture,
) -> Network:
    """Build a network with fresh weights.

    Raises:
        TrainingError: the architecture cannot be built on these columns.
    """
    return Network(
        _build_reader(columns, encodings),
        _build_encoder(encodings),
        _build_body(encodings, objective, architecture),
        objective.finish(),
    )


def input_names(columns: Sequence[Column]) -> dict[str, str]:
    """Return column name → name of the Keras input; Keras allows no slash."""
    taken = {column.name for column in columns}
    names: dict[str, str] = {}
    for column in columns:
        name = column.name.replace("/", "_") or "_"
        while name != column.name and name in taken:
            name += "_"
        taken.add(name)
        names[column.name] = name
    return names


def _build_reader(columns: Sequence[Column], encodings: Mapping[str, Encoding]) -> Any:
    names = input_names(columns)
    raw = {
        column.name: keras.Input(
            (1,), name=names[column.name], dtype=encodings[column.type].raw_dtype
        )
        for column in columns
    }
    groups = {
        kind: encoding.read([raw[name] for name in encoding.names])
        for kind, encoding in encodings.items()
    }
    inputs = {names[name]: tensor for name, tensor in raw.items()}
    return keras.Model(inputs, groups, name="dlrun_reader")


def _build_encoder(encodings: Mapping[str, Encoding]) -> Any:
    groups = {
        kind: keras.Input((len(encoding.names),), name=kind, dtype=encoding.group_dtype)
        for kind, encoding in encodings.items()
    }
    encoded = {kind: encodings[kind].encode(group) for kind, group in groups.items()}
    return keras.Model(groups, encoded, name="dlrun_encoder")


def _build_body(
    encodings: Mapping[str, Encoding], objective: Objective, architecture: Architecture
) -> Any:
    encoded = {
        kind: keras.Input((encoding.n_encoded,), name=kind, dtype=encoding.encoded_dtype)
        for kind, encoding in encodings.items()
    }
    expanded = {kind: encodings[kind].expand(tensor) for kind, tensor in encoded.items()}
    tensor = architecture(expanded)
    # Logits and numbers need more digits than mixed precision has.
    head = keras.layers.Dense(objective.n_outputs, dtype="float32", name="dlrun_head")
    try:
        return keras.Model(encoded, head(tensor), name="dlrun_body")
    except ValueError as error:
        message = f"the architecture's tensor does not come from its inputs: {error}"
        raise TrainingError(message) from error
