"""One function for many clips, on all cores (notebooks 01, 04 and 05)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from joblib import Parallel, delayed
from tqdm import tqdm


def on_all_cores(function: Callable[[Any], Any], items: Sequence, *, title: str) -> list:
    """What a function gives for each item, in their order, with a progress bar that counts clips."""
    found = Parallel(n_jobs=-1, return_as="generator")(delayed(function)(item) for item in items)
    return list(tqdm(found, total=len(items), desc=title, unit="clip", file=sys.stdout))
