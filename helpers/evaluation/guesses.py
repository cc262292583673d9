"""A listener's guesses of age and gender beside the network's, on the same clips (notebooks 00 and 04)."""

import numpy as np
import pandas as pd

from helpers.base.artifacts import Artifacts, SuiteError, read_table, write_table
from helpers.evaluation.scores import probabilities_of
from helpers.recordings.labels import parse_label

COLUMNS = ["clip", "gender", "age", "true_gender", "true_age"]
BY_NOTEBOOK_0 = "delete it and guess again in notebook 0"


def choose_clips(manifest: pd.DataFrame, *, clips: int = 5, seed: int) -> pd.DataFrame:
    """Test clips of as many speakers, spread over the ages, women and men in turn, in a random order.

    Parameters
    ----------
    manifest : pd.DataFrame
    clips : int
    seed : int

    Returns
    -------
    pd.DataFrame
        Rows of the manifest; fewer where it has no more test speakers of known gender and age.

    Raises
    ------
    SuiteError
        There is no such clip at all.
    """
    rng = np.random.default_rng(seed)
    test = manifest[(manifest["split"] == "test") & (manifest["gender"] != "") & manifest["age"].notna()]
    if test.empty:
        raise SuiteError("There is nothing to guess: no test clip has a speaker of known gender and age.")
    test = test.sample(frac=1, random_state=rng).drop_duplicates("speaker").sort_values("age", kind="stable")
    genders, chosen = rng.permutation(["female", "male"]), []
    for number, part in enumerate(np.array_split(np.arange(len(test)), min(clips, len(test)))):
        band = test.iloc[part]
        wanted = band[band["gender"] == genders[number % 2]]
        chosen.append((band if wanted.empty else wanted).sample(1, random_state=rng))
    return pd.concat(chosen).sample(frac=1, random_state=rng).reset_index(drop=True)


def network_answers(predictions: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """The gender with the largest sum of probabilities, and the expected age in years, indexed by clip.

    Raises
    ------
    SuiteError
        Not every class has a gender and an age.
    """
    people = pd.DataFrame([parse_label(label) for label in classes], columns=["gender", "age"])
    if people.isna().any(axis=None):
        raise SuiteError(
            "The network was trained on classes that do not state both gender and age, so it can't guess them: train it with "
            "labels that do (`exact` or `decade` in notebook 1)."
        )
    probabilities = probabilities_of(predictions)
    by_gender = pd.DataFrame(probabilities.T).groupby(people["gender"].to_numpy()).sum()
    ages = probabilities @ people["age"].to_numpy(float) / probabilities.sum(axis=1)
    return pd.DataFrame({"gender": by_gender.idxmax().to_numpy(), "age": ages}, index=pd.Index(predictions["clip"], name="clip"))


def compare_guesses(guesses: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Who was closer, clip by clip.

    Parameters
    ----------
    guesses : pd.DataFrame
        With `COLUMNS`.
    answers : pd.DataFrame
        As `network_answers` gives it; clips without an answer are left out.

    Returns
    -------
    pd.DataFrame
        `COLUMNS`, and `network_gender`, `network_age`; `your_error` and `network_error` in years; whether the gender is right,
        `your_gender_right` and `network_gender_right`; `closer`, who is nearer to the true age: "you", "network", or "both".
    """
    table = guesses.join(answers.add_prefix("network_"), on="clip", how="inner")
    errors = {who: (table[column] - table["true_age"]).abs() for who, column in (("your", "age"), ("network", "network_age"))}
    # As they are shown, in whole years: who sees "3 years off" twice sees a draw.
    difference = (errors["your"].round() - errors["network"].round()).astype(float)
    return table.assign(
        your_error=errors["your"],
        network_error=errors["network"],
        your_gender_right=table["gender"] == table["true_gender"],
        network_gender_right=table["network_gender"] == table["true_gender"],
        closer=np.select([difference < 0, difference > 0], ["you", "network"], "both"),
    )


def sum_up(compared: pd.DataFrame) -> pd.DataFrame:
    """Scores of "you" and "network" over the clips of `compare_guesses`: one row each.

    Returns
    -------
    pd.DataFrame
        `clips`, `age_mae_years` (mean absolute error), `gender_accuracy` (fraction of 1), and `closer`, the number of clips whose
        age that one was nearer to than the other.
    """
    rows = {"you": "your", "network": "network"}
    return pd.DataFrame(
        {
            "clips": len(compared),
            "age_mae_years": [compared[f"{prefix}_error"].mean() for prefix in rows.values()],
            "gender_accuracy": [compared[f"{prefix}_gender_right"].mean() for prefix in rows.values()],
            "closer": [int((compared["closer"] == who).sum()) for who in rows],
        },
        index=pd.Index(rows, name="guessed by"),
    )


def your_scores(artifacts: Artifacts, predictions: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """What `sum_up` gives of the guesses that are kept, beside the network of these predictions.

    Raises
    ------
    SuiteError
        There is nothing to show: nobody has guessed, the clips are others, or the classes state no gender and age.
    """
    guesses = read_guesses(artifacts)
    if guesses.empty:
        raise SuiteError(
            f"There is no row for you: nobody has guessed here (notebook 0 keeps guesses in {artifacts.guesses.name})."
        )
    compared = compare_guesses(guesses, network_answers(predictions, classes))
    if compared.empty:
        raise SuiteError(f"There is no row for you: the clips in {artifacts.guesses.name} are not among these test clips.")
    return sum_up(compared)


def write_guesses(artifacts: Artifacts, guesses: pd.DataFrame) -> None:
    """Keep a listener's guesses in `you.csv`, in place of earlier ones."""
    write_table(artifacts.guesses, guesses[COLUMNS])


def read_guesses(artifacts: Artifacts) -> pd.DataFrame:
    """The guesses in `you.csv`; no rows where nobody has guessed.

    Raises
    ------
    SuiteError
        It was changed to something that is no such table.
    """
    if not artifacts.guesses.exists():
        return pd.DataFrame(columns=COLUMNS)
    try:
        guesses = read_table(artifacts.guesses)[COLUMNS]
        guesses = guesses.astype({"gender": str, "true_gender": str, "age": float, "true_age": float})
    except (KeyError, ValueError) as error:
        raise SuiteError(f"{artifacts.guesses} can't be read as guesses ({error}): {BY_NOTEBOOK_0}.") from None
    if guesses[["age", "true_age"]].isna().any(axis=None) or guesses["clip"].duplicated().any():
        raise SuiteError(f"{artifacts.guesses} lacks an age, or has a clip twice: {BY_NOTEBOOK_0}.")
    return guesses
