"""Which candidates a person can follow."""

from __future__ import annotations

import pytest

from dlrun.catalog.glass_boxes import is_glass_box


@pytest.mark.parametrize(
    ("name", "kind", "features", "expected"),
    [
        ("linear", "classic", (), True),
        ("linear-2", "classic", (), True),
        ("linear_svm-tfidf", "classic", ("tfidf",), True),
        ("linear-embed", "classic", ("embed",), False),
        ("mini_rocket", "classic", ("mini_rocket",), False),
        ("shallow_tree", "classic", (), True),
        ("shallow_tree-tfidf", "classic", ("tfidf",), False),
        ("ebm", "classic", (), True),
        ("decision_tree", "classic", (), False),
        ("random_forest", "classic", (), False),
        ("mlp", "network", (), False),
        ("minilm", "pretrained", (), False),
        ("Lasso", "classic", (), None),
        ("blend", None, (), None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_glass_boxes(name, kind, features, expected):
    assert is_glass_box(name, kind, features) is expected
