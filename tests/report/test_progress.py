"""What a running study shows, on a terminal and elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlrun.contract.candidate import Epoch, Framework
from dlrun.contract.dataset import Split
from dlrun.contract.trial import Cost, Trial
from dlrun.report.eta import PlannedTrials
from dlrun.report.line import CandidateLine, SearchProgress
from dlrun.report.progress import (
    LiveReporter,
    PlainReporter,
    Reporter,
    StudyHeader,
    choose_reporter,
)

HEADER = StudyHeader(
    recipe="flight-delays",
    task="classification of late (2 classes)",
    metric="roc_auc",
    n_rows=327346,
    columns={"number": 9, "category": 4, "datetime": 1},
    n_splits=3,
    n_train=196407,
    n_validation=21823,
    n_test=109116,
    devices="CPU, 2 cores: TensorFlow finds no GPU",
    tracking="sqlite:///mlflow.db, experiment flight-delays",
    plan=(
        PlannedTrials("svm", "svm", "classic", (1.0,)),
        PlannedTrials("mlp", "mlp", "deep", (1.0,) * 3),
    ),
)
HEADER_LINES = [
    "recipe    flight-delays",
    "task      classification of late (2 classes), by ROC AUC",
    "data      327,346 rows: 9 number, 4 category, 1 datetime",
    "splits    3: 196,407 train, 21,823 validation, 109,116 test",
    "devices   CPU, 2 cores: TensorFlow finds no GPU",
    "tracking  sqlite:///mlflow.db, experiment flight-delays",
    "",
]
ROWS = np.arange(1)


class Watch:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def split(step: int) -> Split:
    return Split(0, step, step, step, ROWS, ROWS, ROWS)


def epoch(number: int, **metrics: float) -> Epoch:
    named = {key.replace("_", "/", 1): value for key, value in metrics.items()}
    return Epoch(number, 50, named, seconds=1.0)


def trial(name: str, step: int, score: float, n_epochs: int = 0, seconds: float = 4.0) -> Trial:
    epochs = tuple(epoch(number + 1) for number in range(n_epochs))
    scores = {"roc_auc": score}
    cost = Cost(fit_seconds=seconds)
    return Trial(name, "deep", split(step), scores=scores, cost=cost, epochs=epochs)


def failure(name: str, step: int) -> Trial:
    return Trial(name, "classic", split(step), error="MemoryError: 12 GB\n  at kernel.py")


def run_study(reporter, watch: Watch) -> None:
    """Run two splits of a network out of three, and a baseline that fails."""
    reporter.start(HEADER)
    reporter.note("118 rows stand in training and test.")
    reporter.begin("svm", "classic", 3, "scikit-learn")
    watch.now += 3
    reporter.end(failure("svm", 0))
    reporter.begin("mlp", "deep", 3, "tensorflow")
    for number in range(1, 11):
        watch.now += 2
        reporter.epoch("mlp", split(0), epoch(number, val_roc_auc=0.7 + number / 100))
    reporter.end(trial("mlp", 0, 0.81, n_epochs=10, seconds=20.0))
    for number in range(1, 6):
        watch.now += 2
        reporter.epoch("mlp", split(1), epoch(number, val_loss=0.5))
    reporter.close()


def last_drawn(text: str) -> list[str]:
    """Return the lines of candidates as they stand in the end."""
    lines = text.rsplit("\x1b[2K", maxsplit=1)[-1].replace("\x1b[?25h", "").split("\n")
    return [line.strip() for line in lines if line.strip()]


def test_elsewhere_than_on_a_terminal_each_trial_is_a_line(screen):
    console, file = screen(80)
    watch = Watch()
    run_study(PlainReporter(console, watch), watch)
    assert [line.rstrip() for line in file.getvalue().splitlines()] == [
        *HEADER_LINES,
        "118 rows stand in training and test.",
        "svm, split 1/3: failed: MemoryError: 12 GB",
        "building mlp …",
        "mlp, split 1/3: epoch 5/50, val ROC AUC 0.75, at most 4 min 50 s left",
        "mlp, split 1/3: epoch 10/50, val ROC AUC 0.8, at most 4 min 40 s left",
        "mlp, split 1/3: ROC AUC 0.81, 10 epochs, 20 s, 40 s left",
        "mlp, split 2/3: epoch 5/50, val loss 0.5, 31 s left",
    ]


def run_refit(reporter: Reporter, watch: Watch) -> None:
    """Train on all rows, which was not planned."""
    title = "mlp, on all 327,346 rows"
    reporter.start(replace(HEADER, plan=()))
    reporter.begin(title, "deep", 0, "tensorflow")
    watch.now += 12
    reporter.epoch(title, split(0), epoch(1, train_loss=0.5))
    reporter.end(replace(trial(title, 0, 0.0, n_epochs=2), scores={}))
    reporter.close()


def test_a_training_on_all_rows_has_a_line_without_splits(screen):
    console, file = screen(80)
    watch = Watch()
    run_refit(PlainReporter(console, watch), watch)
    assert file.getvalue().splitlines()[-3:] == [
        "building mlp, on all 327,346 rows …",
        "mlp, on all 327,346 rows: epoch 1/50, loss 0.5, at most 49 s left",
        "mlp, on all 327,346 rows: 2 epochs, 4.0 s",
    ]
    console, file = screen(80, force_terminal=True, legacy_windows=False)
    run_refit(LiveReporter(console, watch), watch)
    (shown,) = last_drawn(file.getvalue())
    assert shown.split()[:6] == ["mlp,", "on", "all", "327,346", "rows", "━━━━━━━━━━"]


def test_on_a_terminal_each_candidate_is_one_moving_line(screen):
    console, file = screen(80, force_terminal=True, legacy_windows=False)
    watch = Watch()
    run_study(LiveReporter(console, watch), watch)
    text = file.getvalue()
    assert [line.rstrip() for line in text.splitlines()[:7]] == HEADER_LINES
    assert "118 rows stand in training and test." in text
    assert last_drawn(text) == [
        "svm ━━━        2/3            failed: MemoryError: 12 GB",
        "mlp ━━━━━      2/3 epoch 5/50 ROC AUC 0.81               31 s left",
    ]


@pytest.mark.parametrize("width", [60, 80])
def test_a_moving_line_fits_the_terminal(screen, width):
    console, file = screen(width, force_terminal=True, legacy_windows=False)
    reporter = LiveReporter(console)
    names = ("hist_gradient_boosting", "mlp")
    plan = (PlannedTrials(name, name, "classic", (1.0,) * 12) for name in names)
    reporter.start(replace(HEADER, plan=tuple(plan)))
    reporter.begin("hist_gradient_boosting", "classic", 12, "scikit-learn")
    reporter.end(failure("hist_gradient_boosting", 0))
    reporter.begin("mlp", "deep", 12, "tensorflow")
    reporter.epoch("mlp", split(0), epoch(50, val_roc_auc=0.75123456))
    reporter.close()
    lines = last_drawn(file.getvalue())
    assert len(lines) == 2
    assert all(len(line) <= width for line in lines), lines


def test_quiet_prints_nothing(capfd):
    run_study(Reporter(), Watch())
    assert capfd.readouterr() == ("", "")


def test_the_reporter_suits_the_console(screen):
    terminal, _ = screen(80, force_terminal=True)
    pipe, _ = screen(80)
    assert isinstance(choose_reporter(terminal), LiveReporter)
    assert isinstance(choose_reporter(pipe), PlainReporter)
    assert type(choose_reporter(terminal, quiet=True)) is Reporter


def test_closing_twice_is_safe(screen):
    console, _ = screen(80, force_terminal=True)
    reporter = LiveReporter(console)
    reporter.start(HEADER)
    reporter.close()
    reporter.close()


def line(n_splits: int = 2, framework: Framework = "tensorflow") -> CandidateLine:
    return CandidateLine("roc_auc", "deep", n_splits, framework)


def test_epochs_count_against_their_cap_until_a_split_has_ended():
    one = line()
    one.add_epoch(0, epoch(10))
    assert one.share_done == pytest.approx(10 / 50 / 2)
    one.add_trial(trial("mlp", 0, 0.8, n_epochs=20))
    assert one.share_done == pytest.approx(1 / 2)
    one.add_epoch(1, epoch(10))
    assert one.share_done == pytest.approx((1 + 10 / 20) / 2)
    one.add_epoch(1, epoch(30))
    assert one.share_done == 1.0


def test_a_line_says_where_it_stands():
    one = line()
    assert (one.place(), one.score()) == ("1/2 building", "")
    one.add_epoch(0, epoch(3))
    assert one.place() == "1/2 epoch 3/50"
    for step, score in ((1, 0.8), (0, 0.6)):
        one.add_trial(trial("mlp", step, score))
    assert (one.place(), one.score()) == ("2/2", "ROC AUC 0.7")
    assert line(framework="scikit-learn").place() == "1/2"
    on_all = line(n_splits=0)
    assert on_all.place() == "building"
    on_all.add_epoch(0, epoch(3))
    assert on_all.place() == "epoch 3/50"


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ({"val_roc_auc": 0.75, "val_loss": 0.5}, "val ROC AUC 0.75"),
        ({"val_loss": 0.5, "train_loss": 0.4}, "val loss 0.5"),
        ({"train_loss": 0.4}, "loss 0.4"),
        ({}, ""),
    ],
)
def test_an_epoch_shows_its_validation_score_or_else_its_loss(metrics, text):
    one = line(1)
    one.add_epoch(0, epoch(1, **metrics))
    assert one.score() == text


def test_a_search_is_shown_by_its_trials_and_the_best_score(screen):
    console, file = screen(80)
    watch = Watch()
    reporter = PlainReporter(console, watch)
    reporter.start(replace(HEADER, plan=(PlannedTrials("mlp", "mlp", "deep", (1.0,), True),)))
    reporter.begin("mlp", "deep", 1, "tensorflow")
    for number in range(1, 4):
        watch.now += 6
        reporter.epoch("mlp", split(0), epoch(2, val_loss=0.5))
        watch.now += 6
        reporter.searched("mlp", split(0), SearchProgress(number, 3, 0.9 + number / 100))
    watch.now += 12
    reporter.epoch("mlp", split(0), epoch(2, val_loss=0.4))
    assert [line.rstrip() for line in file.getvalue().splitlines()[len(HEADER_LINES) :]] == [
        "building mlp …",
        "mlp, split 1/1: trial 1/3, best ROC AUC 0.91, 36 s left",
        "mlp, split 1/1: trial 2/3, best ROC AUC 0.92, 24 s left",
        "mlp, split 1/1: trial 3/3, best ROC AUC 0.93, 12 s left",
        "mlp, split 1/1: best settings, epoch 2/50, val loss 0.4",
    ]


def test_a_line_shows_the_running_trial_of_a_search():
    one = line()
    one.add_epoch(0, epoch(3))
    one.add_search(0, SearchProgress(1, 4, 0.8))
    assert (one.place(), one.score()) == ("1/2 trial 2/4", "best ROC AUC 0.8")
    assert one.share_done == pytest.approx(1 / 4 / 2)
    one.add_epoch(0, epoch(3))
    assert one.place() == "1/2 trial 2/4 epoch 3/50"
    one.add_search(0, SearchProgress(4, 4, 0.9))
    assert one.place() == "1/2 best settings"
    one.add_trial(trial("mlp", 0, 0.8))
    assert (one.place(), one.score()) == ("2/2 building", "ROC AUC 0.8")
    one.add_search(1, SearchProgress(7, None, 0.9))
    assert one.place() == "2/2 trial 8"
