"""The rules of the house that a tool can check: import order, names, sizes, lean start."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "dlrun").rglob("*.py"))
HEAVY = {"tensorflow", "keras", "mlflow", "sklearn", "pandas", "scipy", "pyarrow"}


def _loaded_after(code: str, folder: Path) -> set[str]:
    """Run code in a fresh interpreter and tell which heavy packages it pulled in."""
    script = (
        f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\n"
        f"import json; print(json.dumps(sorted({HEAVY!r} & set(sys.modules))), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=folder, check=True
    )
    return set(json.loads(done.stderr.strip().splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["list"],
        ["schema"],
        ["validate", "faulty.yaml"],
        ["train", "faulty.yaml"],
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(tmp_path, arguments):
    (tmp_path / "faulty.yaml").write_text("data: {source: a.csv}\ntrainer: {}\n")
    code = f"sys.argv[1:] = {arguments!r}; from dlrun.cli import main; main()"
    assert _loaded_after(code, tmp_path) == set()


def test_importing_the_command_line_is_lean(tmp_path):
    assert _loaded_after("import dlrun.cli", tmp_path) == set()


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
