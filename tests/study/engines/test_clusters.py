"""Engines on Ray and Dask: the same results as here, whatever happens to the workers."""

from __future__ import annotations

import logging
import os
import pickle
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cluster_jobs import Deadly, assert_same, run_jobs
from trials import baseline, make_dataset, make_splits, task

from dlrun.contract.candidate import Epoch
from dlrun.contract.job import Job
from dlrun.contract.trial import Trial
from dlrun.errors import ClusterError, UsageError
from dlrun.recipe.schema import Execution
from dlrun.study.engines import cluster
from dlrun.study.engines.cluster import Message, Site, Watch, open_site
from dlrun.study.engines.dask import DaskEngine, open_dask
from dlrun.study.engines.ray import JobShare, RayEngine, job_share, open_ray
from dlrun.study.trial import TrialTask

DATASET = make_dataset()
SPLITS = make_splits(3)
AGAIN = "decision_tree: its worker was lost, and it is run again"


def trees() -> list[TrialTask]:
    return [task(baseline(DATASET, "decision_tree"), split) for split in SPLITS]


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[DaskEngine]:
    pytest.importorskip("distributed", reason="needs the extra dask")
    folder = tmp_path / "journal"
    with open_dask(Execution(engine="dask", workers=2), DATASET, folder) as engine:
        yield engine
    assert list(folder.iterdir()) == []


@pytest.fixture
def ray(tmp_path: Path) -> Iterator[RayEngine]:
    pytest.importorskip("ray", reason="needs the extra ray")
    folder = tmp_path / "journal"
    with open_ray(Execution(engine="ray", workers=2), DATASET, folder) as engine:
        yield engine
    assert list(folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_lost_worker_changes_no_result(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    engine = request.getfixturevalue(name)
    assert engine.n_slots == 2
    once = trees()[0]
    trials, epochs = run_jobs(engine, [*trees(), Deadly(once, tmp_path / "deaths")])
    assert_same(trials, [*trees(), once], DATASET)
    assert epochs == []
    own = [record.message for record in caplog.records if record.name.startswith("dlrun")]
    assert own == [AGAIN]


@pytest.mark.slow
@pytest.mark.parametrize(("opened", "name"), [(open_dask, "dask"), (open_ray, "ray")])
def test_an_address_at_which_nothing_answers(
    opened: Callable, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = {"dask": "distributed"}.get(name, name)
    pytest.importorskip(package, reason=f"needs the extra {name}")
    monkeypatch.setattr("dlrun.study.engines.dask.CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    began = time.monotonic()
    execution = Execution(engine=name, address=address)  # type: ignore[arg-type]
    with pytest.raises(ClusterError, match=f"no {name.title()} cluster answers at {address}: "):
        opened(execution, DATASET, tmp_path).__enter__()
    assert time.monotonic() - began < 20


# ------------------------------------------------------------------------------ in a worker


def run_here(site: Site, job: Job) -> tuple[Trial, list[Message]]:
    sent: list[Message] = []
    return cluster.run_job(pickle.dumps(job), DATASET, site, 1, sent.append), sent


@dataclass(frozen=True)
class Logging:
    """A job that logs, and returns the threads of the libraries and its folder."""

    def run(self, dataset, on_epoch, threads):
        logging.getLogger("dlrun.test").warning("%d %% is little", 5)
        return os.environ["OMP_NUM_THREADS"], threads, Path.cwd()


def test_a_worker_works_as_the_driver_and_sends_what_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("DLRUN_CHOSE_THREADS", raising=False)
    with open_site(tmp_path) as site:
        monkeypatch.chdir("/")
        found, sent = run_here(site, Logging())
        assert (found, Path.cwd()) == (("7", 7, site.working_folder), Path("/"))
        assert [(each.name, each.getMessage()) for each in sent] == [
            ("dlrun.test", "5 % is little")
        ]
        found, _ = run_here(replace(site, threads=None), Logging())
        assert (found[:2], os.environ["DLRUN_CHOSE_THREADS"]) == (("1", 1), "1")


def test_a_worker_that_sees_other_files_or_has_other_versions(tmp_path: Path) -> None:
    here = f"the worker on {socket.gethostname()}"
    with open_site(tmp_path) as site:
        with pytest.raises(UsageError) as caught:
            run_here(replace(site, folder=tmp_path / "elsewhere"), Logging())
        assert str(caught.value) == (
            f"{here} does not see {tmp_path / 'elsewhere'} as this machine does. All need the same "
            "files: put the recipe's folder and DLRUN_CACHE_DIR on a file system that they share"
        )
        versions = dict(site.versions) | {"numpy": "1.0"}
        with pytest.raises(UsageError) as caught:
            run_here(replace(site, versions=tuple(versions.items())), Logging())
        assert str(caught.value) == (
            f"{here} has numpy {np.__version__} instead of 1.0. All need the same versions"
        )


@dataclass(frozen=True)
class Endless:
    """A network whose driver goes while it trains."""

    token: Path
    name, family, framework, settings, features, needs_validation = (
        "endless",
        "deep",
        "tensorflow",
        {},
        (),
        True,
    )

    def fit(self, train, validation, context):
        assert context.on_epoch(Epoch(1, 99, {}, 0.0))
        self.token.write_text("of another driver", encoding="ascii")
        return context.on_epoch(Epoch(2, 99, {}, 0.0))


def test_a_network_is_given_up_where_its_driver_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    with open_site(tmp_path) as site, pytest.raises(cluster.Abandoned):
        run_here(site, task(Endless(site.token_file), SPLITS[0]))


# ------------------------------------------------------------------------------ in the driver


def test_a_cluster_without_workers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int | OSError] = [1, 0, OSError("no answer"), 1, 0, 0]

    def count() -> int:
        found = counts.pop(0)
        if isinstance(found, OSError):
            raise found
        return found

    now = 0.0
    monkeypatch.setattr(cluster, "time", SimpleNamespace(monotonic=lambda: now))
    watch = Watch(count)
    for _ in range(4):
        watch.check(is_alive=False)
    now = cluster.LOST_SECONDS + 1
    watch.check(is_alive=True)
    now += cluster.LOST_SECONDS - 1
    watch.check(is_alive=False)
    now += 2
    with pytest.raises(ClusterError, match=r"The cluster has had no worker for \d+ seconds"):
        watch.check(is_alive=False)


def test_what_a_job_gets_of_a_running_ray_cluster() -> None:
    nodes = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 4.0}]

    def running(**settings: object) -> Execution:
        return Execution.model_validate({"engine": "ray", "address": "auto", **settings})

    assert job_share(running(), nodes) == JobShare(12, 1, 1, 1)
    assert job_share(running(workers=3), nodes) == JobShare(3, 4, 4, 1)
    assert job_share(running(gpus_per_trial=0.5), nodes[1:]).n_gpus == 0
    with pytest.raises(UsageError) as caught:
        job_share(running(gpus_per_trial=4), nodes)
    assert str(caught.value) == (
        "execution.gpus_per_trial: a network is to get 4 GPUs, and the largest worker of the "
        "cluster has 2. Lower it"
    )
