"""The compiled steps of a training: with XLA where that was measured to save time.

XLA makes a step faster or slower by a factor that no rule foretells, and takes seconds to minutes
to compile it. So a training begins without. Where XLA is expected to save more than it costs in the
steps to come, it compiles them; both programs are timed on real steps, and the faster one goes on.
Nothing is tried that is expected to cost more than half of what is left, so that XLA takes a third
of the time at most where it is of no use. Later trainings of the process know what was measured.

Only a GPU is measured, where trainings differ in their last digits as it is. On a CPU the same seed
gives the same bits, which a clock must not take away. There XLA makes the steps of most networks
slower, and those of narrow GRU layers two to three times as fast: these are compiled where enough
steps are sure to come.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Any, Final

from dlrun.deep.backend import tf
from dlrun.deep.training.steps import CompiledSteps, Steps
from dlrun.deep.training.xla import has_narrow_gru, layers_without_kernel
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training

GAIN: Final = 0.5  # of the seconds of a step; XLA saved 0.5 to 0.85 of them on an H200
COST: Final = 5.0  # times as long as to trace the steps
LEAST_COST: Final = 5.0  # seconds
CPU_STEPS: Final = 20_000  # through time, from which on XLA was measured to pay on a CPU

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """What was measured of a program without XLA and with it; infinite where XLA failed.

    Attributes:
        plain, xla: seconds of a step.
        cost: seconds that XLA took to compile.
    """

    plain: float
    xla: float
    cost: float


_measured: dict[Hashable, Measured] = {}


@dataclass
class Compilation:
    """The steps of a training, and whether XLA compiles them.

    Attributes:
        compile: makes them, with XLA or without.
        by_xla: whether XLA is used; None: as is measured.
        is_required: whether steps that XLA cannot compile are an error.
        n_programs: that XLA makes, one for each number of rows.
        changing: variables that a step changes before it can fail to compile.
        key: of the same steps in other trainings of this process.
    """

    compile: Callable[[bool], CompiledSteps]
    by_xla: bool | None = False
    is_required: bool = False
    n_programs: int = 1
    changing: Sequence[Any] = ()
    key: Hashable = None
    steps: CompiledSteps = field(init=False)
    plain: CompiledSteps | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.steps = self.compile(bool(self.by_xla))

    def run(self, *arguments: Any) -> tuple[float, float]:
        """Run the steps of a call; where XLA cannot compile them, without it.

        Raises:
            TrainingError: XLA cannot compile them, and is required.
        """
        if self.steps.by_xla and not self.steps.sizes:
            before = [(each, tf.identity(each.value)) for each in self.changing]
            try:
                return _numbers(self.steps.function(*arguments))
            except tf.errors.OpError as error:
                self._do_without(error)
            for each, value in before:
                each.assign(value)
        return _numbers(self.steps.function(*arguments))

    def _do_without(self, error: Any) -> None:
        """Go on without XLA, which could not compile the steps."""
        is_full = isinstance(error, tf.errors.ResourceExhaustedError)
        if self.is_required and is_full:
            raise error
        reason = _reason(error)
        if self.is_required:
            message = (
                f"training.compile: true, but XLA cannot compile this network: {reason}. Choose "
                "training.compile: auto, which does without it then"
            )
            raise TrainingError(message) from error
        self._keep(by_xla=False, xla=inf, why=f"it cannot compile this network: {reason}")

    def choose(self, steps_to_come: int) -> None:
        """Choose what the next call runs, where that is not chosen for good."""
        if self.by_xla is not None:
            return
        if not self.steps.by_xla:
            self._try_xla(steps_to_come)
        elif self.steps.is_measured:
            plain, xla = _pace(self.plain), self.steps.pace
            why = f"a step takes {1000 * xla:.3g} ms with it, {1000 * plain:.3g} ms without"
            self._keep(by_xla=xla < plain, xla=xla, why=why)

    def _try_xla(self, steps_to_come: int) -> None:
        known = _measured.get(self.key)
        if known and known.xla >= known.plain:
            self.by_xla = False
        elif known:
            cost = 0.0 if self.compile(True).sizes else known.cost
            if steps_to_come * (known.plain - known.xla) > cost:
                self.by_xla = True
                self._switch()
        elif self.steps.is_measured:
            cost = max(LEAST_COST, COST * self.steps.cost) * self.n_programs
            if steps_to_come * self.steps.pace * GAIN > cost:
                self._switch()

    def _switch(self) -> None:
        log.info("XLA compiles the steps, of which enough are still to come")
        self.plain, self.steps = self.steps, self.compile(True)

    def _keep(self, *, by_xla: bool, xla: float, why: str) -> None:
        """Keep one of the two, here and in later trainings of this process."""
        plain, cost = _pace(self.plain), self.steps.cost
        _measured[self.key] = Measured(plain, xla, cost)
        log.info("XLA is %s: %s", "kept" if by_xla else "not used", why)
        self.by_xla = by_xla
        if not by_xla:
            self.steps = self.plain or self.compile(False)


def _pace(steps: CompiledSteps | None) -> float:
    return steps.pace if steps else inf


def _numbers(sums: Iterable[Any]) -> tuple[float, float]:
    loss, norm = map(float, sums)
    return loss, norm


def _reason(error: Any) -> str:
    """Return the line of an error of XLA that names the operation."""
    lines = [line.strip().rstrip(".") for line in str(error.message).splitlines() if line.strip()]
    return next((line for line in lines if "{{node" in line or "No registered" in line), lines[0])


@dataclass(frozen=True)
class Batches:
    """The batches of an epoch, which differ by a row at most where all rows are in memory."""

    n_rows: int
    n_steps: int
    is_in_memory: bool


def choose_compilation(
    steps: Steps,
    weights: list[Any],
    training: Training,
    by_xla: bool | None,
    batches: Batches,
    *,
    pads: bool,
    is_short: bool,
) -> Compilation:
    """Choose how the steps of a training are compiled at first.

    Args:
        steps: make them.
        weights: that are trained.
        training: the recipe's section.
        by_xla: as an earlier process has chosen; None: not yet.
        batches: of an epoch.
        pads: whether XLA's batches may be padded.
        is_short: the weights that are trained soon become more.

    Raises:
        TrainingError: XLA is required, and cannot compile them.
    """
    obstacle = _obstacle(steps)
    if training.compile is True and obstacle:
        message = f"training.compile: true, but {obstacle}. Choose training.compile: auto"
        raise TrainingError(message)
    is_equal = pads or batches.n_rows % batches.n_steps == 0
    n_programs = 1 if is_equal and batches.is_in_memory else 2
    reasons = {
        obstacle or "": obstacle is not None,
        "training.deterministic": training.deterministic,
        "there is no GPU": not has_gpu(),
        "more blocks are trained soon": is_short,
        "each window of a stream needs a program": not (pads or batches.is_in_memory),
    }
    against = [reason for reason, is_true in reasons.items() if is_true]
    if training.compile != "auto":
        by_xla = training.compile
    elif not obstacle and pays_on_cpu(steps.network.body, training, batches):
        log.info("XLA compiles the steps: GRU layers are narrow")
        by_xla = True
    elif against:
        log.info("XLA is not used: %s", against[0])
        by_xla = False
    network, width = steps.network, ceil(batches.n_rows / batches.n_steps) if pads else 0
    trained, augmenter = {*map(id, weights)}, network.augmenter
    return Compilation(
        lambda by_xla: steps.compile(weights, width if by_xla else None),
        by_xla,
        training.compile is True,
        n_programs,
        [each for each in network.changing if id(each) not in trained]
        + (augmenter.variables if augmenter else []),
        _key(steps, weights, batches),
    )


def has_gpu() -> bool:
    """Say whether networks are trained on a GPU."""
    return bool(tf.config.list_logical_devices("GPU"))


def pays_on_cpu(body: Any, training: Training, batches: Batches) -> bool:
    """Say whether XLA pays on a CPU in the steps that are sure to come: without a clock."""
    if has_gpu() or training.deterministic or not batches.is_in_memory or not has_narrow_gru(body):
        return False
    length = max(tensor.shape[1] or 1 for tensor in body.inputs)
    return training.sure_epochs * batches.n_steps * length >= CPU_STEPS


def _obstacle(steps: Steps) -> str | None:
    """Say why XLA cannot compile steps, as far as that is known before."""
    if not isinstance(steps.strategy, type(tf.distribute.get_strategy())):
        return "XLA compiles the steps of one device, and training.strategy takes several"
    layers = layers_without_kernel(steps.network.body)
    if layers:
        return f"XLA has no kernel for {', '.join(layers)}, which run on cuDNN"
    return None


def _key(steps: Steps, weights: Sequence[Any], batches: Batches) -> Hashable:
    """Return what the pace of steps depends on."""
    body = steps.network.body
    return (
        type(steps.optimizer).__name__,
        steps.accumulate,
        -(-batches.n_rows // batches.n_steps),
        tuple((type(each).__name__, str(each.dtype_policy)) for each in body._flatten_layers()),
        tuple((name, tensor.shape) for name, tensor in body.input.items()),
        tuple((each.shape, each.dtype) for each in weights),
    )
