"""Write docs/recipe.md and docs/notes.md from the JSON schema and the catalog.

Run after a change of a key or a row: `python tests/docs/recipe_reference.py`.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.catalog.baselines import BASELINES
from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.features import FEATURES
from dlrun.catalog.losses import LOSSES
from dlrun.catalog.metrics import METRICS
from dlrun.catalog.notes import NOTES
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.catalog.schedules import SCHEDULES
from dlrun.catalog.sources import FILE_SOURCES, SOURCES
from dlrun.catalog.splits import SPLIT_METHODS
from dlrun.catalog.strategies import STRATEGIES
from dlrun.catalog.tasks import TASKS
from dlrun.contract.search import Dimension
from dlrun.recipe.write import json_schema

PAGE = Path(__file__).parents[2] / "docs" / "recipe.md"
NOTES_PAGE = PAGE.with_name("notes.md")

QUOTE = '"'

INTRODUCTION = """\
# The recipe

<!-- Written by tests/docs/recipe_reference.py; do not edit. -->

A recipe is one YAML file. Every key is optional but `data.source`, and `data.target` unless the
source brings one. Unknown keys are errors that name the right one; all faults are reported at once
with file and line. `1e-3` is a number, duplicate keys are errors. Precedence: command line, file,
default.

`dlrun schema > recipe.schema.json` writes the schema for editors, and `dlrun list` prints the names
below. How files are read, and what is found out about them: [files as they come](files.md). What
`training` chooses by itself where there is a GPU: [on a GPU](gpu.md).

```yaml
# yaml-language-server: $schema=recipe.schema.json
name: flight-delays
data:
  source: data/flights.parquet
  target: late
  features: {carrier: category, distance: number, dep_delay: number}
  split: {method: stratified, test: 0.2, validation: 0.1}
model:
  - {architecture: mlp, hidden: [128, 128], dropout: 0.1}
  - architecture: layers
    layers: [{Dense: {units: 64, activation: gelu}}, {Dropout: 0.3}]
  - {architecture: tabm, training: {epochs: 20}}
training:
  optimizer: {name: adamw, weight_decay: 1e-4}
  learning_rate: {schedule: cosine, peak: 1e-3, warmup: 0.05}
  early_stopping: {monitor: val/loss, patience: 8}
baselines:
  - linear
  - {name: knn, n_neighbors: 5}
  - {estimator: sklearn.linear_model.SGDClassifier, loss: log_loss}
evaluation: {metrics: [roc_auc, log_loss], folds: 5}
```
"""

NOTES_INTRODUCTION = """\
# Notes

<!-- Written by tests/docs/recipe_reference.py; do not edit. -->

A note says what was changed, what was guessed, or what should be known before a result is used. It
stands in the output of `validate`, `train` and `compare`, in the report, in JSON as
`{"code": …, "text": …}` and in the tracking store. Each kind has a code, which stays the same and
is never used for anything else. A recipe mutes kinds of notes everywhere:

```yaml
data: {source: houses.csv, target: price}
notes: {ignore: [DLR057]}
```

A comparison of several studies leaves out what all of their recipes mute. Notes on the data that
are marked **spoils** stand beside every verdict on them, too.
"""


def render() -> str:
    """Return the page."""
    schema = json_schema()
    parts = [INTRODUCTION, "## Keys", ""]
    parts += _section("", schema, schema["$defs"])
    parts += ["## Tasks", "", *_table(("task", "predicts", "split by default"), _tasks())]
    parts += ["## Column types", "", *_table(("type", "files"), _columns())]
    parts += ["## Sources", "", *_table(("source", "what", "streamed"), _sources())]
    parts += ["## Split methods", "", *_table(("method", "splits", "column"), _splits())]
    parts += ["## Architectures", "", *_architectures()]
    parts += ["## Baselines", "", *_table(("baseline", "what", "task", "searched"), _baselines())]
    parts += ["## Features", "", *_table(("feature", "of", "what"), _features())]
    parts += [
        "## Metrics", "",
        *_table(("metric", "title", "tasks", "better", "automatic ROPE"), _metrics()),
        "## Losses", "", *_table(("loss", "tasks"), _losses()),
        "## Schedules", "", *_table(("schedule", "what"), _titles(SCHEDULES)),
        "## Strategies", "", *_table(("strategy", "trains on"), _titles(STRATEGIES)),
        "## Stresses", "", *_table(("stress", "what"), _stresses()),
    ]  # fmt: skip
    return "\n".join(parts).rstrip() + "\n"


def render_notes() -> str:
    """Return the page of the notes."""
    rows = [
        (kind.code, kind.title + " (**spoils**)" * kind.spoils_verdict, _line(kind.rule))
        for kind in sorted(NOTES.values(), key=lambda kind: kind.code)
    ]
    return "\n".join([NOTES_INTRODUCTION, *_table(("code", "note", "given when"), rows)])


def _section(path: str, section: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of a section's keys, then those of the sections in it."""
    properties = section["properties"]
    rows = [
        (f"`{key}`", _type(value, defs), _default(key, value, section), _meaning(value, defs))
        for key, value in properties.items()
    ]
    if path:
        yield from (f"### {path}", "")
        if description := section.get("description"):
            yield from (_line(description), "")
    yield from _table(("key", "type", "default", "meaning"), rows)
    if section.get("additionalProperties") is not False:
        yield from ("Further keys are settings of the thing that is named.", "")
    for key, value in properties.items():
        for name in _sections_in(value):
            yield from _section(f"{path}.{key}".lstrip("."), defs[name], defs)


def _sections_in(value: object) -> list[str]:
    """Return the names of the sections that a value may have."""
    if isinstance(value, Mapping):
        if "$ref" in value:
            return [value["$ref"].rpartition("/")[2]]
        nested = [found for key in ("anyOf", "items", "additionalProperties")
                  for found in _sections_in(value.get(key))]  # fmt: skip
        return list(dict.fromkeys(nested))
    if isinstance(value, list):
        return list(dict.fromkeys(found for each in value for found in _sections_in(each)))
    return []


PLAIN = {"integer": "whole number", "string": "text", "boolean": "true or false"}


def _type(value: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    match value:
        case {"$ref": _}:
            return "section"
        case {"anyOf": choices}:
            return " or ".join(dict.fromkeys(_type(each, defs) for each in choices))
        case {"enum": names} if names == list(NOTES):
            shown = "codes of [notes](notes.md)"
        case {"enum": names}:
            shown = ", ".join(f"`{each}`" for each in names)
        case {"const": name}:
            shown = f"`{json.dumps(name).strip(QUOTE)}`"
        case {"type": "array"}:
            shown = f"list of {_type(value.get('items') or {}, defs)}"
        case {"type": "object", "additionalProperties": dict(inner)}:
            shown = f"mapping to {_type(inner, defs)}"
        case {"type": str(kind)}:
            shown = PLAIN.get(kind, kind) + _bounds(value)
        case _:
            shown = "anything"
    return shown


def _bounds(value: Mapping[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {value[key]:,}" for key, sign in signs.items() if key in value]
    return f" {', '.join(bounds)}" if bounds else ""


def _default(key: str, value: Mapping[str, Any], section: Mapping[str, Any]) -> str:
    if key in section.get("required", ()):
        return "**required**"
    default = value.get("default")
    if isinstance(default, dict) and "$ref" in json.dumps(value):
        return "see below"
    return f"`{json.dumps(default, ensure_ascii=False).strip(QUOTE)}`"


def _meaning(value: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    described = value.get("description")
    if described is None:
        described = next((defs[name].get("description", "") for name in _sections_in(value)), "")
    return _line(described)


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _tasks() -> list[tuple[str, ...]]:
    return [(f"`{row.name}`", row.title, f"`{row.split}`") for row in TASKS.values()]


def _columns() -> list[tuple[str, ...]]:
    return [(f"`{row.name}`", " ".join(row.suffixes)) for row in COLUMN_KINDS.values()]


def _titles(rows: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [(f"`{name}`", _line(row.title)) for name, row in rows.items()]


def _sources() -> list[tuple[str, ...]]:
    files = [
        (f"`{row.example}`", row.title, "yes" if row.is_streamed else "no") for row in FILE_SOURCES
    ]
    return [*files, *((f"`{row.name}:`", row.title, "no") for row in SOURCES.values())]


def _splits() -> list[tuple[str, ...]]:
    return [
        (f"`{row.name}`", row.title, "required" if row.needs_column else "")
        for row in SPLIT_METHODS.values()
    ]


def _architectures() -> Iterator[str]:
    yield "A model names one of these and sets their keys beside `architecture`, or names"
    yield "`module:function`, a function of yours ([Extending dlrun](extending.md)), beside the"
    yield "recipe or in a module that you trust ([what dlrun executes](trust.md))."
    yield ""
    for row in ARCHITECTURES.values():
        schema = row.settings.model_json_schema()
        kinds = ", ".join(f"`{kind}`" for kind in row.claims) or "all types"
        yield from (f"### {row.name}", "", _line(schema["description"]), "")
        yield from (f"For columns of {kinds}.", "")
        sentences = _sentences_of(row.settings)
        space = row.space
        rows = [
            (
                f"`{key}`", _type(value, {}), _default(key, value, schema),
                _searched(space.get(key)), sentences.get(key, ""),
            )
            for key, value in schema["properties"].items()
        ]  # fmt: skip
        yield from _table(("key", "type", "default", "searched", "meaning"), rows)


def _searched(values: Dimension | None) -> str:
    """Return the values that a search tries."""
    if values is None:
        return ""
    if values.choices:
        return ", ".join(f"`{json.dumps(each).strip(QUOTE)}`" for each in values.choices)
    low, high = values.bounds
    return f"{low:g} … {high:g}{', log' * bool(values.log)}"


def _sentences_of(settings: type) -> dict[str, str]:
    """Return the sentence below each key of a class and of those that it extends."""
    found: dict[str, str] = {}
    for base in reversed(settings.__mro__):
        if base.__module__ == settings.__module__:
            (tree,) = ast.parse(inspect.getsource(base)).body
            for key, below in pairwise(tree.body):
                match key, below:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name)),
                        ast.Expr(value=ast.Constant(value=str(text))),
                    ):
                        found[name] = _line(text)
    return found


def _baselines() -> list[tuple[str, ...]]:
    return [
        (
            f"`{row.name}`", _line(row.title), _sides(row.classifier, row.regressor),
            "; ".join(f"`{key}` {_searched(values)}" for key, values in row.space.items()),
        )
        for row in BASELINES.values()
    ]  # fmt: skip


def _sides(classifier: object, regressor: object) -> str:
    return "both" if classifier and regressor else "classifier" if classifier else "regressor"


def _features() -> list[tuple[str, ...]]:
    return [
        (f"`{row.name}`", ", ".join(row.column_types), _line(row.title))
        for row in FEATURES.values()
    ]


def _metrics() -> list[tuple[str, ...]]:
    return [
        (
            f"`{row.name}`",
            row.title,
            ", ".join(row.tasks),
            "lower" if row.lower_is_better else "higher",
            f"{row.rope:.0%} of the score" if row.is_rope_relative else f"up to {row.rope:g}",
        )
        for row in METRICS
    ]


def _losses() -> list[tuple[str, ...]]:
    return [(f"`{row.name}`", ", ".join(row.tasks)) for row in LOSSES.values()]


def _stresses() -> list[tuple[str, ...]]:
    return [
        (f"`{row.name}`", "; ".join(_at(row.title, level) for level in row.levels))
        for row in PERTURBATIONS.values()
        if row.is_optional
    ]


def _at(title: str, level: float) -> str:
    return title.format(level=level, percent=100 * level)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    NOTES_PAGE.write_text(render_notes(), encoding="utf-8")
