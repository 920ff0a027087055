"""Which of several workers a process is, and what is refused before anything is read."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from dlrun.deep.distributed.launch import free_ports
from dlrun.deep.distributed.worker import Worker, find_worker
from dlrun.errors import RecipeError, UsageError
from dlrun.recipe.load import load_recipe

TWO = {"worker": ["a:1", "b:2"]}


@pytest.fixture
def recipe(tmp_path):
    def make(strategy="auto", batch_size="auto"):
        file = tmp_path / "r.yaml"
        file.write_text(
            "data: {source: a.csv, target: y}\nmodel: {architecture: mlp}\n"
            f"training:\n  strategy: {strategy}\n  batch_size: {batch_size}\n"
        )
        return load_recipe(file)

    return make


def _config(cluster, job="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})}


def _refused(recipe, workers=None, index=None, environment=None):
    with pytest.raises((RecipeError, UsageError)) as caught:
        find_worker(recipe, workers, index, environment or {})
    return str(caught.value)


def test_a_process_alone_is_no_member(recipe):
    assert find_worker(recipe(), None, None, {}) is None
    assert find_worker(recipe(), None, None, {"TF_CONFIG": "{}"}) is None
    assert find_worker(recipe(), None, None, _config({"worker": ["a:1"]})) is None


@pytest.mark.parametrize("strategy", ["auto", "multi_worker"])
def test_options_and_tf_config_name_the_place(recipe, strategy):
    expected = Worker(1, 2, ("a:1", "b:2"))
    assert find_worker(recipe(strategy), "a:1,b:2", 1, {}) == expected
    assert find_worker(recipe(strategy), None, None, _config(TWO, index=1)) == expected
    with_chief = {"chief": ["a:1"], "worker": ["b:2"]}
    assert find_worker(recipe(strategy), None, None, _config(with_chief)) == expected
    chief = find_worker(recipe(strategy), None, None, _config(with_chief, "chief"))
    assert chief == Worker(0, 2, ("a:1", "b:2"))
    assert chief.is_chief


def test_slurm_names_the_place_where_the_recipe_asks_for_workers(recipe):
    environment = {"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4"}
    assert find_worker(recipe("multi_worker"), None, None, environment) == Worker(3, 4)
    assert find_worker(recipe("auto"), None, None, environment) is None


def test_workers_that_are_not_there_are_refused(recipe):
    assert _refused(recipe("multi_worker")) == (
        "r.yaml:4: training.strategy: multi_worker, but this is one process alone: there are no "
        "--workers, no TF_CONFIG that names several, and no Slurm step of several tasks. To try "
        "it out here: dlrun launch -n 2 r.yaml"
    )


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
def test_a_strategy_for_one_process_is_refused_among_workers(recipe, strategy):
    assert _refused(recipe(strategy), environment=_config(TWO)) == (
        f"r.yaml:4: training.strategy: there are 2 workers, and the recipe has {strategy}, for "
        "which one process is enough. Choose auto or multi_worker, or start a single process "
        "without --workers and TF_CONFIG"
    )


def test_a_batch_smaller_than_the_workers_is_refused(recipe):
    assert _refused(recipe(batch_size=1), "a:1,b:2", 0) == (
        "r.yaml:5: training.batch_size: 1 rows cannot be shared by 2 workers. Make it 2 or more, "
        "or take auto"
    )


@pytest.mark.parametrize(
    ("workers", "index", "message"),
    [
        (
            "a:1,b:2",
            None,
            "--workers and --index belong together: --workers host1:port,host2:port --index 0",
        ),
        ("a:1,b", 0, "--workers: 'b' is not a worker. It looks like host:port"),
        ("a:1,a:1", 0, "--workers: a:1,a:1 names a worker twice. Give each a port of its own"),
        (
            "a:1,b:2",
            2,
            "--workers names 2 workers, and --index is 2. Allowed: 0 (the chief) to 1",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(recipe, workers, index, message):
    assert _refused(recipe(), workers, index) == message


def test_an_unreadable_tf_config_is_refused(recipe):
    looks = (
        '{"cluster": {"worker": ["host1:port", "host2:port"]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    for text in ("{", "[]", '{"cluster": {"worker": ["a:1", "b:2"]}}'):
        assert _refused(recipe(), environment={"TF_CONFIG": text}) == (
            f"TF_CONFIG is {text!r}, which cannot be read. It looks like {looks}"
        )
    assert _refused(recipe(), environment=_config({**TWO, "evaluator": ["c:3"]})) == (
        "TF_CONFIG names the job 'evaluator'. Allowed: chief and worker; every worker trains"
    )
    assert _refused(recipe(), environment=_config(TWO, index=5)) == (
        "TF_CONFIG names 2 workers, and its task's index is 5. Allowed: 0 (the chief) to 1"
    )


def test_workers_wait_for_each_other_before_tensorflow():
    """The chief goes on when the other listens, and the other when the chief's TensorFlow does."""
    first, second = free_ports(2)
    workers = (f"127.0.0.1:{first}", f"127.0.0.1:{second}")
    meetings = [
        threading.Thread(target=Worker(index, 2, workers)._connect, args=[workers])
        for index in (0, 1)
    ]
    meetings[0].start()
    meetings[0].join(0.3)
    assert meetings[0].is_alive()
    meetings[1].start()
    meetings[0].join(10)
    assert not meetings[0].is_alive()
    assert meetings[1].is_alive()
    with socket.create_server(("127.0.0.1", first)):
        meetings[1].join(10)
    assert not meetings[1].is_alive()


@pytest.mark.tf
def test_tensorflow_reads_slurms_step(monkeypatch):
    from dlrun.deep.backend import tf
    from dlrun.deep.distributed.worker import _read_slurm

    step = {
        "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "3", "SLURM_STEP_NODELIST": "node[1-2]",
        "SLURM_STEP_TASKS_PER_NODE": "2,1",
    }  # fmt: skip
    for name, value in step.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert _read_slurm(tf) == ("node1:8888", "node1:8889", "node2:8888")
