"""How glass boxes decide, in the report."""

from __future__ import annotations

from dataclasses import replace

from reported import make

from dlrun.contract.glass_box import AddedTerm, GlassBox, TreeRule
from dlrun.contract.inside import Inside
from dlrun.evidence.compare import compare
from dlrun.report.context import build_context
from dlrun.report.sections.glass_boxes import write_glass_boxes

RULES = (
    TreeRule(("age ≤ 40", "colour is red"), "no 90 %", 0.4),
    TreeRule(("age > 40",), "yes 70 %", 0.6),
)


def looked(name: str, glass_box: GlassBox) -> Inside:
    return Inside(name, "classic", 4, "training rows of split 5 of 5", glass_box=glass_box)


def test_rules_and_terms_are_listed():
    terms = GlassBox(terms=(AddedTerm("age", 1.25), AddedTerm("colour", 0.5)))
    inside = {
        "shallow_tree": looked("shallow_tree", GlassBox(rules=RULES)),
        "ebm": looked("ebm", terms),
    }
    made = replace(make("mlp", "shallow_tree", "ebm"), inside=inside)
    body = written(made).body
    assert '<th scope="row">age ≤ 40 and colour is red</th>\n<td>no 90 %</td>' in body
    assert '<td class="number">60 %</td>' in body
    assert '<th scope="row">age</th>\n<td class="number">1.25</td>' in body


def test_without_a_look_inside_there_is_no_section():
    assert written(make("mlp", "linear")) is None


def written(study):
    return write_glass_boxes(build_context([study], compare([study])))
