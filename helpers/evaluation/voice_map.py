"""The map of voices: clips in two dimensions by a network's features, and by what they lie together (notebooks 04 and 06)."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score

from helpers.base.artifacts import SuiteError, fingerprint, read_table, write_table
from helpers.recordings.labels import known_ages, middle, parse_label
from helpers.recordings.splits import sample_clips

METHODS = ("PCA", "t-SNE")
MOST_MEASURED = 2000  # clips; each is compared with each
TOGETHER = 0.05  # a mean silhouette below says no more than chance


def place(features: pd.DataFrame, *, method: str = "PCA", kept: Path | None = None) -> pd.DataFrame:
    """Where clips lie in two dimensions.

    Parameters
    ----------
    features : pd.DataFrame [shape=(clips, values)]
        Indexed by clip.
    method : {"PCA", "t-SNE"}
        The two directions in which the features vary most; or an arrangement that keeps neighbours together, and says nothing about
        distances between groups (van der Maaten & Hinton, 2008, "Visualizing data using t-SNE", J. Machine Learning Research 9,
        2579-2605).
    kept : Path, optional
        A table of the places by t-SNE, which take seconds; used where it is of the same features, written where not.

    Returns
    -------
    pd.DataFrame [shape=(clips, 2)]
        Columns `x` and `y`, each from -1 to 1.
    """
    if method == "PCA" or len(features) < 5:
        return _scaled(_by_pca(features), features.index)
    made_of = fingerprint(np.ascontiguousarray(features, np.float32).tobytes() + "\n".join(features.index).encode())
    if kept is not None and (found := _read_places(kept, made_of)) is not None:
        return found.loc[features.index]
    tsne = TSNE(2, metric="cosine", init="pca", perplexity=min(30, (len(features) - 1) / 3), random_state=0)
    places = _scaled(tsne.fit_transform(features.to_numpy()), features.index)
    if kept is not None:
        write_table(kept, places.round(5).rename_axis("clip").reset_index().assign(made_of=made_of))
    return places


def _by_pca(features: pd.DataFrame) -> np.ndarray:
    """The first two principal components; zeros where there are fewer."""
    found = np.zeros((len(features), 2))
    components = min(2, *features.shape)
    if len(features) > 1:
        found[:, :components] = PCA(components, random_state=0).fit_transform(features.to_numpy())
    return found


def _scaled(places: np.ndarray, clips: pd.Index) -> pd.DataFrame:
    """Centred, so that the farthest lies at 1."""
    centred = places - (places.max(axis=0) + places.min(axis=0)) / 2
    return pd.DataFrame(centred / max(np.abs(centred).max(), 1e-9), clips, ["x", "y"])


def _read_places(kept: Path, made_of: str) -> pd.DataFrame | None:
    """Places that were kept; None where they are of other features, or no such table."""
    try:
        table = read_table(kept).set_index("clip")
        return table[["x", "y"]].astype(float) if (table["made_of"] == made_of).all() and len(table) else None
    except (SuiteError, ValueError, KeyError):
        return None


def silhouettes(features: pd.DataFrame, clips: pd.DataFrame) -> pd.Series:
    """How much closer clips lie to those that share a fact with them than to others: by person, gender, age and class.

    Parameters
    ----------
    features : pd.DataFrame
        Indexed by clip.
    clips : pd.DataFrame
        Manifest rows; of more than 2000, a seeded fraction of each class is measured.

    Returns
    -------
    pd.Series
        The mean silhouette of the clips, from -1 to 1, by the cosine distance (Rousseeuw, 1987, "Silhouettes: a graphical aid to
        the interpretation and validation of cluster analysis", J. Computational and Applied Mathematics 20, 53-65); the largest
        first. A fact by which not two groups of two clips are known is left out.
    """
    clips = sample_clips(clips[clips["clip"].isin(features.index)], MOST_MEASURED, seed=0).set_index("clip")
    decades = pd.Series(["" if span is None else f"{middle(span) // 10}0s" for span in known_ages(clips)], clips.index)
    found = {}
    for name, groups in {"person": clips["speaker"], "gender": clips["gender"], "age": decades, "class": clips["label"]}.items():
        groups = groups[(groups != "") & (groups.map(groups.value_counts()) > 1)]
        if groups.nunique() > 1:
            found[name] = silhouette_score(features.loc[groups.index].to_numpy(), groups.to_numpy(str), metric="cosine")
    return pd.Series(found, name="silhouette", dtype=float).sort_values(ascending=False)


def lie_together(found: pd.Series) -> str:
    """What silhouettes say, as a sentence.

    Examples
    --------
    >>> lie_together(pd.Series({"class": 0.4, "gender": 0.2, "age": 0.1, "person": 0.06}))
    'Clips lie together by gender first (silhouette 0.20), then by age (0.10), then by person (0.06).'
    >>> lie_together(pd.Series({"gender": 0.01}))
    'Clips lie together by none of gender: every silhouette is below 0.05.'
    """
    found = found.drop("class", errors="ignore")
    if found.empty:
        return "No fact is known by which clips could lie together."
    clear = found[found >= TOGETHER]
    if clear.empty:
        return f"Clips lie together by none of {', '.join(found.index)}: every silhouette is below {TOGETHER}."
    (first, value), *others = clear.items()
    words = [f"by {first} first (silhouette {value:.2f})" if len(found) > 1 else f"by {first} (silhouette {value:.2f})"]
    words += [f"then by {name} ({value:.2f})" for name, value in others]
    rest = found.index.difference(clear.index)
    return f"Clips lie together {', '.join(words)}" + (f", and not by {' or '.join(rest)}." if len(rest) else ".")


def same_errors(clip: str, features: pd.DataFrame, predicted: pd.DataFrame) -> pd.Series:
    """Five clips near a misclassified one that are misclassified alike: into the same gender, and likewise as too old or too young.

    Parameters
    ----------
    clip : str
    features : pd.DataFrame
        Each of length 1, indexed by clip.
    predicted : pd.DataFrame
        Columns `clip`, `label` and `predicted`. Where classes name neither gender nor age, alike is: taken for the same class.

    Returns
    -------
    pd.Series
        Cosine distance by clip, the nearest first.
    """
    table = predicted.set_index("clip")
    kinds = pd.Series([_kind_of_error(*pair) for pair in zip(table["label"], table["predicted"], strict=True)], table.index)
    alike = table.index[(kinds == kinds[clip]) & (table["label"] != table["predicted"])].intersection(features.index).drop(clip)
    return (1 - features.loc[alike] @ features.loc[clip]).nsmallest(5)


def _kind_of_error(label: str, predicted: str) -> tuple:
    (gender, age), (taken_for, taken_age) = parse_label(label), parse_label(predicted)
    if gender is None and age is None:
        return (predicted,)
    return gender, taken_for, None if age is None or taken_age is None else int(np.sign(taken_age - age))
