"""The rules of the house that a tool can check: import order, names, sizes, lean start."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "dlrun").rglob("*.py"))
HEAVY = {"tensorflow", "keras", "mlflow", "sklearn", "pandas", "scipy", "pyarrow"}


LEAN = (
    [],
    ["--help"],
    ["--version"],
    ["train", "--help"],
    ["list"],
    ["schema"],
    ["doctor"],
    ["validate", "faulty.yaml"],
    ["train", "faulty.yaml"],
)
LOADED_AFTER = f"""
import json, os, sys
from dlrun.cli import main
loaded = {{"the import": sorted({HEAVY!r} & set(sys.modules))}}
for arguments in {LEAN!r}:
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit:
        pass
    loaded[" ".join(arguments)] = sorted({HEAVY!r} & set(sys.modules))

from dlrun.report.progress import PlainReporter
PlainReporter.note = lambda self, text: sys.exit(f"said: {{text}}")
sys.argv[1:] = ["train", "good.yaml"]
try:
    main()
except SystemExit as first_word:
    loaded[str(first_word)] = sorted({HEAVY!r} & set(sys.modules))
print(json.dumps(loaded), file=sys.stderr)
"""


def test_nothing_heavy_is_imported_before_it_is_needed(tmp_path):
    """Run the lean commands, one after the other, in one fresh interpreter.

    The first word of a training comes before the first heavy import as well.
    """
    (tmp_path / "good.yaml").write_text("data: {source: sklearn:wine}\n")
    (tmp_path / "faulty.yaml").write_text("data: {source: a.csv}\ntrainer: {}\n")
    done = subprocess.run(
        [sys.executable, "-c", LOADED_AFTER],
        capture_output=True, text=True, cwd=tmp_path, check=True,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    loaded = json.loads(done.stderr.strip().splitlines()[-1])
    assert {key: heavy for key, heavy in loaded.items() if heavy} == {}
    assert list(loaded)[1 + len(LEAN) :] == ["said: reading the data of good …"]


def test_no_class_name_is_defined_twice():
    names = Counter(
        node.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, n_times in names.items() if n_times > 1] == []


def test_no_file_has_outgrown_the_house():
    sizes = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCES
    }
    assert {name: size for name, size in sizes.items() if size > 400} == {}


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("dlrun")


def test_no_circle_of_imports_among_modules(graph):
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    while leaves := {name for name, used in imports.items() if not used}:
        imports = {name: used - leaves for name, used in imports.items() if name not in leaves}
    assert not imports


def test_rooms_stand_on_at_most_eight_floors(graph):
    rooms = graph.find_children("dlrun") - {"dlrun.__main__"}
    below = {
        room: {
            other
            for other in rooms - {room}
            if graph.direct_import_exists(importer=room, imported=other, as_packages=True)
        }
        for room in rooms
    }

    def floor(room):
        return 1 + max(map(floor, below[room]), default=0)

    assert max(map(floor, rooms)) <= 8


def test_a_task_is_named_in_the_catalog_alone():
    named = [path for path in SOURCES if '"regression"' in path.read_text(encoding="utf-8")]
    assert {path.parts[len(ROOT.parts) + 1] for path in named} == {"catalog"}
    assert len(named) <= 3, named
