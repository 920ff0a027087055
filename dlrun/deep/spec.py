"""What a network is made by; all that training and summary know of a candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.errors import TrainingError
from dlrun.recipe.overrides import SHORTHANDS, set_key
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.recipe.schema import Model
from dlrun.recipe.training import Training


@dataclass(frozen=True)
class NetworkSpec:
    """The sections of the recipe that make one network; plain values, so that it can be pickled.

    Attributes:
        model: the recipe's section.
        training: the recipe's section, with the model's own overrides.
        preprocessing: the recipe's section, with the model's own embedding of numbers.
        metric: the study's primary one, measured after every epoch.
        folder: of the recipe, where the user's own modules are.
        trusted: modules elsewhere that an architecture may come from.
        weights: the digest of the local files with pretrained weights, which may change.
    """

    model: Model
    training: Training
    preprocessing: Preprocessing
    metric: str
    folder: Path
    trusted: frozenset[str] = frozenset()
    weights: str = ""

    @property
    def name(self) -> str:
        """Return the name of the candidate."""
        return self.model.title

    def with_settings(self, changed: Mapping[str, object]) -> Self:
        """Return the spec with settings changed: model.dropout, training.learning_rate and so on.

        Raises:
            TrainingError: there is no such setting, or it does not take the value.
        """
        sections: dict[str, Any] = {
            "model": self.model.model_dump(),
            "training": self.training.model_dump(),
        }
        try:
            for key, value in changed.items():
                within = f"{key}.{SHORTHANDS[key]}" if key in SHORTHANDS else key
                set_key(sections, within, value)
            model = Model.model_validate(sections.pop("model"))
            training = Training.model_validate(sections.pop("training"))
            encode = own_encoding(model)  # checks the settings
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
            raise TrainingError("; ".join(faults)) from error
        except ValueError as error:
            raise TrainingError(str(error)) from error
        if sections:
            message = f"{', '.join(sections)}: no settings of a network"
            raise TrainingError(message)
        preprocessing = self.preprocessing
        if "model.encode" in changed:
            preprocessing = with_encoding(preprocessing, encode)
        return replace(self, model=model, training=training, preprocessing=preprocessing)

    @property
    def epoch_metrics(self) -> tuple[str, ...]:
        """Return the metrics to score after every epoch: the primary and the monitored one."""
        stopping = self.training.early_stopping
        monitored = stopping.monitor.removeprefix("val/") if stopping else "loss"
        names = dict.fromkeys((self.metric, monitored))
        return tuple(name for name in names if name != "loss")


def with_encoding(preprocessing: Preprocessing, encode: Any) -> Preprocessing:
    """Return the recipe's section with the model's own embedding of numbers, where it has one."""
    number = preprocessing.number
    own = number.model_copy(update={"encode": encode or number.encode})
    return preprocessing.model_copy(update={"number": own})


def own_encoding(model: Model) -> Any:
    """Return how a model embeds numbers, None where the preprocessing says."""
    known = model.complete_settings if model.architecture in ARCHITECTURES else {}
    return known.get("encode")
