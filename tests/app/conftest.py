"""One gateway a module (tests/edge.py)."""

from tests.edge import edge, far_address

__all__ = ["edge", "far_address"]
