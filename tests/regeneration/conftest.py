from pathlib import Path

import pytest

from tests.regeneration.checkouts import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout of a test's own, at a path with a space in it."""
    return Checkout.at(tmp_path / "a checkout")
