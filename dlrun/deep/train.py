"""From a candidate and the rows of one split to a trained network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Dataset
from dlrun.deep.architecture import build_architecture
from dlrun.deep.backend import joint, keras, tf
from dlrun.deep.distributed.collective import lost_workers, team
from dlrun.deep.distributed.strategy import (
    check_shares,
    choose_precision,
    choose_strategy,
    precision,
)
from dlrun.deep.fitted import FittedNetwork
from dlrun.deep.inputs.augment import make_augmentations
from dlrun.deep.inputs.encoding import Encoding
from dlrun.deep.inputs.groups import FrameReader, fit_encodings, frame_reader
from dlrun.deep.network import Network, build_network
from dlrun.deep.objective import Objective, choose_objective
from dlrun.deep.training.device_data import TrainingData, encode_groups, encode_table
from dlrun.deep.training.evaluation import Evaluator
from dlrun.deep.training.loop import Trainer
from dlrun.deep.training.optimizers import make_optimizer
from dlrun.deep.training.streaming_data import StreamedRows
from dlrun.errors import TrainingError

if TYPE_CHECKING:
    from dlrun.deep.candidate import DeepCandidate


def train_network(
    candidate: DeepCandidate, train: Dataset, validation: Dataset, context: FitContext
) -> FittedNetwork:
    """Build and train a candidate's network, from the context's checkpoint if there is one.

    Raises:
        TrainingError: the network cannot be built or trained on these rows.
    """
    # 1 · random numbers and devices
    seed = context.seed
    _start_afresh(seed, deterministic=candidate.training.deterministic)
    strategy = choose_strategy(candidate.training.strategy)
    policy = choose_precision(candidate.training.precision)
    check_shares(candidate.training, strategy, len(train))

    # 2 · the network, by what the training rows hold
    encodings = fit_encodings(train.columns, train.frame, candidate.preprocessing)
    objective = choose_objective(candidate.training, train.target, train.y)
    with strategy.scope():
        network = build(candidate, train.columns, encodings, objective, policy)
        optimizer = make_optimizer(candidate.training, scales_loss=policy == "mixed_float16")

    # 3 · the rows, read and encoded once
    reader = frame_reader(train.columns, network.reader)
    encode = partial(encode_table, reader=reader, network=network, objective=objective)
    checked, rows = encode(validation), _rows(train, reader, network, objective, seed)

    # 4 · the training
    judge = Evaluator(network, objective, checked, validation, _metrics(candidate))
    workers = team() if strategy is joint else None
    loop = Trainer(network, objective, candidate.training, optimizer, strategy, seed, workers)
    with lost_workers() if workers else _device_errors():
        best_epoch = loop.run(rows, judge.measure, context)
    return FittedNetwork(candidate.name, train.columns, train.target, network.whole(), best_epoch)


def build(
    candidate: DeepCandidate,
    columns: Sequence[Column],
    encodings: Mapping[str, Encoding],
    objective: Objective,
    policy: str = "float32",
) -> Network:
    """Build a candidate's network, with fresh weights.

    Raises:
        TrainingError: the architecture cannot be built on these columns.
    """
    architecture = partial(build_architecture, candidate.model, candidate.folder)
    augmentations = make_augmentations(encodings, candidate.preprocessing)
    with precision(policy):
        return build_network(columns, encodings, objective, architecture, augmentations)


def _rows(
    train: Dataset, reader: FrameReader, network: Network, objective: Objective, seed: int
) -> TrainingData:
    """Hold the training rows in memory, or let all of them flow where these are a sample."""
    if train.stream is None:
        return encode_table(train, reader, network, objective)
    encode = partial(encode_groups, network=network, objective=objective)
    return StreamedRows(train.stream, reader, encode, seed)


def _start_afresh(seed: int, *, deterministic: bool) -> None:
    """Free earlier networks, whose parts hold on to each other, and start all random numbers."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


@contextmanager
def _device_errors() -> Iterator[None]:
    """Turn what stops a device in the middle of training into a TrainingError."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        message = "the device has not enough memory. Lower training.batch_size, or the width"
        raise TrainingError(message) from error
    except tf.errors.OpError as error:
        said = [line for line in str(error.message).splitlines() if line.strip() == line != ""]
        reason = said[-1] if said else type(error).__name__
        message = f"a layer cannot work with the numbers that it gets: {reason}"
        raise TrainingError(message) from error


def _metrics(candidate: DeepCandidate) -> tuple[str, ...]:
    """Name what is scored after every epoch: the primary metric, and the monitored one."""
    stopping = candidate.training.early_stopping
    monitored = stopping.monitor.removeprefix("val/") if stopping else "loss"
    names = dict.fromkeys((candidate.primary, monitored))
    return tuple(name for name in names if name != "loss")
