"""A lazy module is imported when it is first used."""

from __future__ import annotations

import sys

from dlrun.system.lazy import lazy


def test_a_lazy_module_is_imported_on_first_use(monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    colorsys = lazy("colorsys")
    assert "colorsys" not in sys.modules
    assert colorsys.rgb_to_hsv(0.0, 0.0, 1.0) == (2 / 3, 1.0, 1.0)
    assert "colorsys" in sys.modules
