"""May the probabilities be believed? Reliability, temperature scaling, and when to answer "unsure" (notebooks 04 and 06)."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from helpers.evaluation.scores import SMALLEST, errors_of, predictions_table, probabilities_of

FEWEST_ERRORS = 10  # with fewer, the best temperature is chance; with none, it is 0, and every answer would look certain
LOWEST, HIGHEST = 0.5, 5.0  # temperatures
BINS = 10  # of confidences, equally wide


def reliability(predictions: pd.DataFrame) -> pd.DataFrame:
    """Confidence and accuracy of clips of similar confidence: what a reliability diagram draws.

    Parameters
    ----------
    predictions : pd.DataFrame
        Columns `true`, `predicted`, `confidence`.

    Returns
    -------
    pd.DataFrame
        One row for each tenth of the confidences that holds clips: `from`, `to`, `clips`, `confidence`, `accuracy`.
    """
    index = np.minimum((predictions["confidence"].to_numpy() * BINS).astype(int), BINS - 1)
    right = predictions["true"] == predictions["predicted"]
    table = predictions.assign(accuracy=right, **{"from": index / BINS, "to": (index + 1) / BINS})
    means = table.groupby(["from", "to"]).agg(
        clips=("true", "size"), confidence=("confidence", "mean"), accuracy=("accuracy", "mean")
    )
    return means.reset_index()


def expected_calibration_error(predictions: pd.DataFrame) -> float:
    """Mean gap between confidence and accuracy over the bins of `reliability`, weighted by their clips, a fraction of 1.

    Guo et al. (2017), "On Calibration of Modern Neural Networks", ICML, equation 3.
    """
    table = reliability(predictions)
    return float(np.average((table["confidence"] - table["accuracy"]).abs(), weights=table["clips"]))


def fit_temperature(predictions: pd.DataFrame, classes: list[str]) -> float:
    """The temperature under which the true classes of these clips are most probable; above 1, the network was overconfident.

    Guo et al. (2017), section 4.2. Fit it on validation clips: on training clips the network is overconfident.

    It lies between 0.5 and 5. Where fewer than 10 of the clips are wrong, nothing is fitted and it is 1, which changes nothing. A
    sentence says so, and where the best one lies beyond these bounds.
    """
    wrong = len(errors_of(predictions))
    if wrong < FEWEST_ERRORS:
        print(
            f"The temperature stays 1: {wrong} of these {len(predictions)} clips are wrong, and with fewer than {FEWEST_ERRORS} "
            "errors nothing says how confident the network may be."
        )
        return 1.0
    logits = np.log(np.clip(probabilities_of(predictions), SMALLEST, 1))
    index = pd.Index(classes).get_indexer(predictions["true"])

    def loss(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[np.arange(len(index)), index].mean()

    best = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded").x
    bound = min((LOWEST, HIGHEST), key=lambda end: abs(best - np.log(end)))
    if loss(np.log(bound)) <= loss(best):  # the search comes near its bounds, and never reaches them
        end = f"below {bound:g}, the lowest" if bound == LOWEST else f"above {bound:g}, the highest"
        print(f"The best temperature lies {end} that is tried: {bound:g} is taken.")
        return bound
    return float(np.exp(best))


def temper(probabilities: np.ndarray, *, temperature: float) -> np.ndarray:
    """Probabilities [shape=(..., classes)] with their logits divided by a temperature: softer above 1, sharper below."""
    return softmax(np.log(np.clip(probabilities, SMALLEST, 1)) / temperature, axis=-1)


def with_temperature(predictions: pd.DataFrame, classes: list[str], *, temperature: float) -> pd.DataFrame:
    """The predictions with their probabilities sharpened (below 1) or softened (above 1); the predicted classes stay."""
    probabilities = temper(probabilities_of(predictions), temperature=temperature)
    scaled = predictions_table(predictions.rename(columns={"true": "label"}), probabilities, classes)
    # Classes that tie after six digits could change places.
    return scaled.assign(predicted=predictions["predicted"].to_numpy()).set_index(predictions.index)


def risk_coverage(predictions: pd.DataFrame) -> pd.DataFrame:
    """Error rate among the answers, for every threshold below which the answer is "unsure".

    El-Yaniv & Wiener (2010), "On the Foundations of Noise-free Selective Classification", J. Mach. Learn. Res. 11.

    Returns
    -------
    pd.DataFrame
        From the highest threshold to the lowest: `threshold` (answer from this confidence on), `coverage` (fraction of the clips
        that get an answer), `risk` (fraction of the answers that are wrong).
    """
    ranked = predictions.sort_values("confidence", ascending=False, kind="stable")
    answers = np.arange(1, len(ranked) + 1)
    errors = (ranked["true"] != ranked["predicted"]).to_numpy().cumsum()
    table = pd.DataFrame({"threshold": ranked["confidence"], "coverage": answers / len(ranked), "risk": errors / answers})
    return table.drop_duplicates("threshold", keep="last", ignore_index=True)  # clips of equal confidence stand or fall together


def confidence_threshold(predictions: pd.DataFrame, *, risk: float) -> float | None:
    """The lowest threshold that keeps the error rate among the answers at `risk` or below; None if none does."""
    table = risk_coverage(predictions)
    fit = table[table["risk"] <= risk]
    return float(fit["threshold"].iloc[-1]) if len(fit) else None
