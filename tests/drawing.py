"""How often a law is tried."""

from hypothesis import settings


def examples(heavy: int) -> int:
    """So many in the heavy run, and in the plain one as much fewer as `conftest.py` says for all."""
    return max(1, heavy * settings().max_examples // 100)
