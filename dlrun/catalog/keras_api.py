"""The classes of the installed Keras and their arguments, read from its source.

To import Keras takes seconds, to parse the file of one class about ten milliseconds.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

SOURCE: Final = "keras.src.layers."
# Packages and classes of layers that do not turn one tensor into one: merging layers, cells,
# wrappers of code, and lookups, which take strings.
SEVERAL_INPUTS: Final = ("attention", "merging")
OTHER_LAYERS: Final = frozenset(
    "CategoryEncoding CutMix Discretization GRUCell HashedCrossing Hashing Input InputLayer "
    "InputSpec IntegerLookup LSTMCell Lambda Layer MaxNumBoundingBoxes MixUp Pipeline RNN "
    "ReversibleEmbedding SimpleRNNCell StackedRNNCells StringLookup TextVectorization "
    "Wrapper".split()
)
# Wrappers, a base class, and one whose weights to predict with differ from those it trains.
OTHER_OPTIMIZERS: Final = frozenset(
    "LossScaleOptimizer MultiOptimizer Optimizer OptimizerMap ScheduleFreeAdamW".split()
)
# Arguments that dlrun or another key of the recipe sets, and those without a plain value.
SET_ELSEWHERE: Final = frozenset(
    "self name dtype weights backward_layer return_state lora_rank lora_alpha "
    "quantization_config gptq_unpacked_column_size learning_rate clipnorm clipvalue "
    "global_clipnorm use_ema ema_momentum ema_overwrite_frequency loss_scale_factor "
    "gradient_accumulation_steps".split()
)


@dataclass(frozen=True)
class Signature:
    """The arguments of a constructor in their order, and those without a default."""

    arguments: tuple[str, ...]
    required: tuple[str, ...]


@cache
def activations() -> tuple[str, ...]:
    """Return the names of the activations."""
    return tuple(sorted(_exports("activations").keys() - {"deserialize", "get", "serialize"}))


@cache
def optimizers() -> dict[str, str]:
    """Return the optimizers that a recipe can name, in lower case → Keras' class."""
    names = (name for name in _exports("optimizers") if name[0].isupper())
    return {
        name.lower(): name for name in sorted(names, key=str.lower) if name not in OTHER_OPTIMIZERS
    }


@cache
def layers() -> tuple[str, ...]:
    """Return the layers that turn one tensor into one."""
    return tuple(
        name
        for name, (module, _) in _exports("layers").items()
        if name[0].isupper()
        and name not in OTHER_LAYERS
        and module.startswith(SOURCE)
        and module.removeprefix(SOURCE).partition(".")[0] not in SEVERAL_INPUTS
    )


@cache
def signature(package: str, name: str) -> Signature:
    """Return the arguments of a class that a recipe can set.

    Args:
        package: `layers` or `optimizers`.
        name: of the class.
    """
    return _constructor(*_exports(package)[name])


@cache
def _exports(package: str) -> dict[str, tuple[str, str]]:
    return _imports(_parse(f"keras.{package}"))


def _imports(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Return what a module imports: its name there → the source module, and its name in that."""
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _constructor(module: str, name: str) -> Signature:
    """Find the constructor of a class, or of the base class that has one."""
    tree = _parse(module)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if name not in classes:
        return _constructor(*_imports(tree)[name])
    for node in classes[name].body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return _signature(node.args)
    return _constructor(module, ast.unparse(classes[name].bases[0]))


def _signature(given: ast.arguments) -> Signature:
    names = [each.arg for each in given.args]
    n_required = len(names) - len(given.defaults)
    return Signature(_settable(names), _settable(names[:n_required]))


def _settable(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in SET_ELSEWHERE)


@cache
def _parse(module: str) -> ast.Module:
    """Parse the source of a module of Keras."""
    spec = find_spec("keras")
    (folder,) = (spec and spec.submodule_search_locations) or [""]
    path = Path(folder, *module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))
