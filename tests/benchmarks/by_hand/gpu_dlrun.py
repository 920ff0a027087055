"""The training of a recipe's only network on its first split, timed as `gpu_keras.py` is."""

import json
import sys
from pathlib import Path
from time import perf_counter

from dlrun.contract.candidate import Epoch, FitContext
from dlrun.recipe.load import load_recipe
from dlrun.study.plan import prepare

plan = prepare(load_recipe(Path(sys.argv[1])))
(network,) = plan.networks
split = plan.splits.splits[0]
train, validation = (plan.dataset.take(rows) for rows in (split.train, split.validation))
import dlrun.deep.train  # noqa: E402, F401  # not timed, as Keras' import is not

ended: list[float] = []
started = perf_counter()


def note(_: Epoch) -> bool:
    ended.append(perf_counter() - started)
    return True


network.fit(train, validation, FitContext(split.seed, note))
print(json.dumps(ended))
