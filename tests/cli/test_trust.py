"""A recipe is data: none makes dlrun run code that is neither beside it nor trusted."""

from __future__ import annotations

import pytest

SHELL = """\
data: {source: "sklearn:iris"}
model: {architecture: "subprocess:run", shell: true, env: {BASH_ENV: "$(touch ran)"}}
"""
ATTACKS = {
    "network": (SHELL, "r.yaml:2: model.architecture: there is no module 'subprocess'"),
    "source": ("data: {source: 'os:getcwd'}\n", "r.yaml:1: data.source: there is no module 'os'"),
    "estimator": (
        "data: {source: 'sklearn:iris'}\nbaselines: [{estimator: os.system, command: touch ran}]\n",
        "r.yaml:2: baselines.0: os.system: importing os would run its code",
    ),
    "submodule": (
        "data: {source: 'sklearn:iris'}\nbaselines: [{estimator: mine.evil.Class}]\n",
        "r.yaml:2: baselines.0: mine.evil.Class: importing mine.evil would run its code",
    ),
    "layer": (
        "data: {source: 'sklearn:iris'}\nmodel:\n  architecture: layers\n  layers:\n"
        "    - Dense: {units: 2, activation: {module: this, class_name: s, config: {}}}\n",
        "r.yaml:4: model.layers: layer 1: Dense: activation names a module",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("recipe", "said"), ATTACKS.values(), ids=ATTACKS)
def test_a_recipe_alone_runs_nothing(dlrun, tmp_path, monkeypatch, recipe, said):
    evil = tmp_path / "elsewhere" / "mine"
    evil.mkdir(parents=True)
    (evil / "__init__.py").write_text("open('ran', 'w')\n")
    monkeypatch.syspath_prepend(evil.parent)
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "r.yaml").write_text(recipe)
    ran = dlrun("validate", "r.yaml", "--build", cwd=folder)
    assert (ran.code, ran.err[: len(said)]) == (2, said)
    assert [file.name for file in folder.iterdir()] == ["r.yaml"]


def test_a_trusted_module_is_used_and_stays_in_the_next_command(dlrun, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    text = (
        "from sklearn.datasets import load_iris\n"
        "from sklearn.tree import DecisionTreeClassifier\n"
        "def rows(): return load_iris(as_frame=True).frame\n"
        "class Tree(DecisionTreeClassifier): pass\n"
    )
    (elsewhere / "my_lab.py").write_text(text)
    monkeypatch.syspath_prepend(elsewhere)
    (tmp_path / "r.yaml").write_text(
        "data: {source: 'my_lab:rows', target: target}\ntask: classification\n"
        "baselines: [{estimator: my_lab.Tree}]\n"
    )
    refused = dlrun("validate", "r.yaml", cwd=tmp_path)
    assert (refused.code, "add --trust-modules my_lab" in refused.err) == (2, True)
    ran = dlrun("validate", "r.yaml", "--trust-modules", "my_lab", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("Next: dlrun train r.yaml --trust-modules my_lab\n")
