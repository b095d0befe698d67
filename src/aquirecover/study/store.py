"""What keeps results of long work, so that it is not done twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np


class Store(Protocol):
    """Keeps arrays by the key of what they follow from; see `output.array_store.ArrayStore`."""

    def load(self, key: str) -> dict[str, np.ndarray] | None:
        """Return what was kept under a key, None when it is not there or not whole."""

    def keep(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep arrays under a key."""
