"""Workers that read a stream together: each its own rows, in the same steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset
from dlrun.data.dataset import read_dataset
from dlrun.data.splits.make import make_splits
from dlrun.deep.distributed.launch import free_ports
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe

pytestmark = pytest.mark.tf

N_ROWS = 1200
BATCH = 40
IN_PARTS = {"epochs": 1, "batch_size": BATCH // 2, "accumulate": 2}


def write_table(folder: Path, group_rows: int) -> Path:
    """Write rows of which each has a number of its own."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(N_ROWS, 3)), columns=["a", "b", "c"])
    table["late"] = np.where(table["a"] - table["b"] + rng.normal(size=N_ROWS) / 2 > 0, "y", "n")
    file = folder / f"groups-of-{group_rows}.parquet"
    table.to_parquet(file, row_group_size=group_rows, index=False)
    return file


def recipe_of(file: Path, **training) -> Recipe:
    model = {"architecture": "mlp", "hidden": [8], "dropout": 0, "normalization": "batch"}
    training = {
        "epochs": 2, "batch_size": BATCH, "deterministic": True, "learning_rate": 5e-3, **training
    }  # fmt: skip
    data = {"source": str(file), "target": "late", "stream": True}
    sections = {"data": data, "model": model, "training": training, "evaluation": {"folds": 1}}
    return Recipe.model_validate(sections)


def parts_of(recipe: Recipe) -> list[Dataset]:
    dataset = read_dataset(recipe)
    (split,) = make_splits(recipe, dataset).splits
    return [dataset.take(rows) for rows in (split.train, split.validation, split.test)]


# ----------------------------------------------------------------- the plan, without processes


@pytest.fixture
def plan(tmp_path: Path, monkeypatch):
    """Return the windows and steps of an epoch, as each of some workers makes them."""
    from dlrun.deep.inputs.groups import FrameReader
    from dlrun.deep.training import loop
    from dlrun.deep.training.device_data import DeviceDataset
    from dlrun.deep.training.streaming_data import StreamedRows, StreamShare

    reader = FrameReader({"number": lambda frame: frame[["a", "b", "c"]].to_numpy()})
    monkeypatch.setattr(loop, "copy_to_replicas", lambda _, rows: rows)

    def make(group_rows: int, n_workers: int, *, window: int, n_fewest: int = 1, start: int = 0):
        recipe = recipe_of(write_table(tmp_path, group_rows))
        stream = read_dataset(recipe).stream
        n_steps = -(-stream.sizes[0] // BATCH)
        totals = SimpleNamespace(steps=start)
        run = SimpleNamespace(state=SimpleNamespace(epoch=2, totals=totals), count_next=lambda _: 5)
        trainer = loop.Trainer(None, None, recipe.training, None, None, 1)
        found = []
        for index in range(n_workers):
            share = StreamShare(index, n_workers, n_fewest)
            run.rows = StreamedRows(stream, reader, DeviceDataset, 1, window, share)
            found.append([*trainer._step_batches(run, np.zeros(n_steps, np.float32))])
        return found, np.sort(trained(StreamedRows(stream, reader, DeviceDataset, 1, window)))

    return make


def trained(rows) -> np.ndarray:
    windows = rows.windows(2, 1)
    return np.concatenate([window.rows.inputs["number"][:, 0] for window in windows])


def rows_of(calls) -> np.ndarray:
    """Return what a worker trains on in these calls."""
    pieces = [
        np.asarray(copies.inputs["number"])[order.numpy()[steps.edges[0] : steps.edges[-1]], 0]
        for copies, order, steps in calls
    ]
    return np.concatenate(pieces)


@pytest.mark.parametrize(
    ("group_rows", "n_workers", "window"), [(40, 2, 300), (40, 3, 5000), (97, 5, 41), (40, 1, 416)]
)
def test_workers_make_the_same_steps_and_read_every_row_once(plan, group_rows, n_workers, window):
    found, whole = plan(group_rows, n_workers, window=window)
    assert np.array_equal(np.sort(np.concatenate([*map(rows_of, found)])), whole)
    calls = [[(steps.first, len(steps), steps.counts.tolist()) for *_, steps in of] for of in found]
    assert all(of == calls[0] for of in calls)
    own = [np.concatenate([np.diff(steps.edges) for *_, steps in of]) for of in found]
    assert np.sum(own, axis=0).tolist() == [*chain(*(counts for *_, counts in calls[0]))]
    assert np.min(own) > 0
    assert abs(np.sum(own, axis=0) - BATCH).max() <= BATCH / 3  # windows may be of a few steps
    assert [first for first, *_ in calls[0][1:]] == [first + n for first, n, _ in calls[0][:-1]]


def test_a_training_resumes_with_the_same_steps(plan):
    whole, _ = plan(40, 2, window=300)
    rest, _ = plan(40, 2, window=300, start=17)
    for of, again in zip(whole, rest, strict=True):
        assert again[0][2].first == 17
        n_rows = sum(steps.edges[-1] - steps.edges[0] for *_, steps in again)
        assert np.array_equal(rows_of(of)[-n_rows:], rows_of(again))


@pytest.mark.parametrize(
    ("group_rows", "n_workers", "n_fewest"),
    [(700, 3, 1), (400, 2, 1), (40, 2, 21)],
    ids=["two blocks for three workers", "three blocks for two workers", "many replicas"],
)
def test_all_read_all_where_a_worker_would_have_too_few_rows(plan, group_rows, n_workers, n_fewest):
    found, whole = plan(group_rows, n_workers, window=300, n_fewest=n_fewest)
    for of in found:
        assert np.array_equal(np.sort(rows_of(of)), whole)
        assert all(np.array_equal(np.diff(steps.edges), steps.counts) for *_, steps in of)


# ------------------------------------------------------------------------------ two processes

WORKER = """
import json, os, sys
from pathlib import Path
from dlrun.deep.distributed.worker import from_tf_config, join_worker

worker = from_tf_config(os.environ)
join_worker(worker)
import test_stream_parts as tests
from dlrun.errors import ClusterError

file, folder = Path(sys.argv[1]), Path(sys.argv[2]) if worker.is_chief else None
found = [tests.train(file), tests.train(file, folder, tests.stop), tests.train(file, folder)]
found.append(tests.train(file, **tests.IN_PARTS))
print(json.dumps(found), flush=True)
try:
    tests.train(file, None, None if worker.is_chief else tests.fail)
except ClusterError as error:
    print(json.dumps(str(error)), flush=True)
os._exit(0)
"""


class Stopped(Exception):
    """A worker ends where it stands."""


def stop() -> None:
    raise Stopped


def fail() -> None:
    message = "1.parquet: cannot be read"
    raise DataError(message)


def train(file: Path, folder: Path | None = None, end=None, **training) -> dict:
    """Train a network, and do something before the ninth call of its steps."""
    from dlrun.deep.candidates import make_candidates
    from dlrun.deep.training import run, streaming_data

    recipe = recipe_of(file, checkpoint_every="5 steps", **training)
    train, validation, test = parts_of(recipe)
    stream = Noting(train.stream)
    (candidate,) = make_candidates(recipe, train)
    epochs, n_calls = [], 0

    def note(*call):
        nonlocal n_calls
        n_calls += 1
        if end and n_calls == 9:
            end()
        return arguments_of(*call)

    arguments_of = run._arguments
    context = FitContext(0, lambda epoch: epochs.append(epoch) or True, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_arguments", note)
        patch.setattr(streaming_data, "WINDOW_ROWS", 300)
        patch.setattr(streaming_data, "MIN_ROWS", 1)
        try:
            fitted = candidate.fit(replace(train, stream=stream), validation, context)
        except Stopped:
            return {"rows": stream.rows}
    losses, norms = (
        [epoch.metrics[name] for epoch in epochs] for name in ("train/loss", "train/gradient_norm")
    )
    values = fitted.predict(test.frame).values.tolist()
    return {"rows": stream.rows, "losses": losses, "norms": norms, "predicted": values}


class Noting:
    """A stream that keeps the numbers of the rows that it yields, by epoch."""

    def __init__(self, stream) -> None:
        self._stream, self.rows = stream, {}

    def __getattr__(self, name: str):
        return getattr(self._stream, name)

    def chunks(self, *key: int, **part: int):
        for chunk in self._stream.chunks(*key, **part):
            self.rows.setdefault(str(key[-1]), []).extend(chunk.row_ids.tolist())
            yield chunk


@pytest.fixture(scope="module")
def joint(tmp_path_factory) -> tuple:
    """Train with two workers on loopback; return what each has found, and the last error."""
    folder = tmp_path_factory.mktemp("joint")
    file, here = write_table(folder, 60), Path(__file__).parent
    ports = [f"127.0.0.1:{port}" for port in free_ports(2)]
    path = os.pathsep.join(map(str, (here, here.parents[2])))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(file), str(folder / "checkpoint")],
            env={
                **os.environ,
                "PYTHONPATH": path,
                "TF_CONFIG": json.dumps(
                    {"cluster": {"worker": ports}, "task": {"type": "worker", "index": index}}
                ),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    said = [worker.communicate(timeout=300) for worker in workers]
    lines = [out.splitlines() for out, _ in said]
    assert all(lines), said
    return file, [json.loads(each[0]) for each in lines], [each[1:] for each in lines]


@pytest.mark.slow
def test_two_workers_read_every_row_once_and_train_one_network(joint):
    file, (first, second), _ = joint
    alone = train(file)
    for epoch, rows in alone["rows"].items():
        own, others = first[0]["rows"][epoch], second[0]["rows"][epoch]
        assert sorted(own + others) == sorted(rows)
        assert abs(len(own) - len(others)) <= 60
    for number, by_one in ((0, alone), (3, train(file, **IN_PARTS))):
        assert first[number]["predicted"] == second[number]["predicted"]
        assert first[number]["losses"] == pytest.approx(by_one["losses"], rel=0.1)
        assert first[number]["norms"] == pytest.approx(by_one["norms"], rel=0.2)
    assert np.mean(np.abs(np.subtract(first[0]["predicted"], alone["predicted"]))) < 0.05


@pytest.mark.slow
def test_workers_go_on_in_the_middle_of_an_epoch(joint):
    _, found, _ = joint
    for whole, stopped, again, _ in found:
        assert [*stopped["rows"]] == ["1", "2"]
        assert [*again["rows"]] == ["2"]
        assert again["losses"] == whole["losses"]
        assert again["predicted"] == whole["predicted"]


@pytest.mark.slow
def test_a_worker_that_cannot_read_its_rows_ends_all(joint):
    _, _, lines = joint
    again = (
        "Start all workers again with the same commands: the study goes on at its last checkpoint"
    )
    assert [[json.loads(line) for line in each] for each in lines] == [
        [f"worker 1 is lost, and nothing goes on without it. {again}"],
        [f"this worker cannot go on: 1.parquet: cannot be read. {again}"],
    ]
