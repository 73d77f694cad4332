"""Made-up transactions that a network learns in a second."""

import numpy as np
import pandas as pd

from dataset.columns import COLUMNS, FEATURES


def transactions(rows: int, *, every: int = 20) -> pd.DataFrame:
    """Return rows of two days; one in `every` is a fraud, shifted in some of V1 to V28."""
    random = np.random.default_rng(5)
    fraud = np.arange(rows) % every == 7
    frame = pd.DataFrame(random.normal(size=(rows, len(FEATURES))), columns=list(FEATURES))
    frame.loc[fraud, "V1":"V28"] += random.choice([0.0, 2.0], size=(fraud.sum(), 28))
    frame["Time"] = np.linspace(0, 172_792, rows).round()
    frame["Amount"] = random.lognormal(3, 1.5, rows).round(2)
    frame["Class"] = fraud.astype(np.int8)
    return frame[list(COLUMNS)]
