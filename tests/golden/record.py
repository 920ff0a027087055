"""Put the golden studies on record anew: python tests/golden/record.py [STUDY …]."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


class Recording:
    """A plugin whose presence tells the test to write records instead of reading them."""


if __name__ == "__main__":
    chosen = ["-k", " or ".join(sys.argv[1:])] if sys.argv[1:] else []
    test = Path(__file__).with_name("test_golden.py")
    sys.exit(pytest.main([str(test), *chosen], plugins=[Recording]))
