"""A trained network on a corpus that it knows nothing of, without training again (notebook 05).

The other corpus gets a folder like any corpus, `other/<name>/` in the folder of the one that the network was trained on: manifest,
pictures, and in `models/<network>/` what the network says of its clips.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.base import machine
from helpers.base.artifacts import Artifacts, SuiteError, fingerprint, read_json, write_json, write_table
from helpers.base.settings import Corpus, Profile
from helpers.evaluation.intervals import bootstrap
from helpers.evaluation.scores import pitch_threshold, predictions_table, probabilities_of, read_classes, read_predictions
from helpers.recordings.catalogue import list_clips, locate
from helpers.recordings.labels import make_label, make_labels, parse_label
from helpers.recordings.manifest import build_manifest, read_manifest, reject
from helpers.spectrograms.convert import convert
from helpers.spectrograms.voice import pitch_table


def prepare_other(name: str, *, data_dir: str = "", artifacts: Artifacts, profile: Profile) -> Artifacts:
    """List and convert another corpus; what is done already is not done again.

    Parameters
    ----------
    name : str
        A key of `helpers.recordings.catalogue.DATASETS`. For `voices`, two speakers a category who are not in the corpus of
        the settings read four sentences each.
    data_dir : str
        As `helpers.recordings.catalogue.locate` takes it.
    artifacts : Artifacts
        Of the corpus that the network was trained on.
    profile : Profile
        As the network was trained with.

    Returns
    -------
    Artifacts
        Of the other corpus. Its manifest has the labels and split that notebook 01 makes by itself, so that who chooses anything by
        this corpus can choose by its training part, and report its test part once.

    Raises
    ------
    SuiteError
        It is the corpus that the network was trained on, it is not there, or nothing says who speaks in it.
    """
    other = artifacts.other({"voices": "new_voices", "folder": Path(data_dir).stem}.get(name, name))
    fresh = Corpus(speakers=2, sentences=4, corpus_seed=profile.corpus.corpus_seed + 1)
    source = locate(name, data_dir=data_dir, artifacts=other, corpus=fresh)
    if artifacts.location.exists() and Path(read_json(artifacts.location)["folder"]) in (source, source.parent):
        raise SuiteError(f"The network was trained on {source}: set OTHER_DATASET and OTHER_DATA_DIR to another corpus.")
    clips, *_ = list_clips(name, source)
    labels = "exact" if clips.loc[clips["gender"] != "", "age"].notna().all() else "gender"
    longest_s = profile.spectrogram.longest_s
    manifest, _ = build_manifest(name, source, other, seed=profile.seed, labels=labels, small_classes="merge", longest_s=longest_s)
    reject(other, convert(manifest, other, settings=profile.spectrogram, profile=profile.name))
    return other


def predict_other(network: str, other: Artifacts, *, artifacts: Artifacts, profile: Profile) -> pd.DataFrame:
    """What a trained network says of every clip of another corpus, kept as `models/<network>/predictions.csv` in its folder.

    Returns
    -------
    pd.DataFrame
        As `helpers.evaluation.scores.predictions_table` makes it. `true` is the other corpus' own label, which may be none of the
        network's classes.

    Raises
    ------
    SuiteError
        The network is not trained.
    """
    source, files = artifacts.run(network).model, other.run(network)
    classes, manifest = read_classes(artifacts), read_manifest(other)
    pictures = read_json(other.spectrogram_settings)["pictures"]
    identity = {"clips": fingerprint(other.manifest), "pictures": pictures, "model": source.exists() and fingerprint(source)}
    if not files.facts.exists() or read_json(files.facts) != identity:
        machine.load_tensorflow()
        from helpers.network.model_files import load_model
        from helpers.network.training import predict_clips

        model = load_model(source, classes=classes)
        paths = [other.image(clip) for clip in manifest["clip"]]
        probabilities = predict_clips(model.network, paths, classes=len(classes), profile=profile)
        files.facts.unlink(missing_ok=True)  # written last: without it, the predictions are of another model
        write_table(files.predictions, predictions_table(manifest, probabilities, classes))
        write_json(files.facts, identity)
    return read_predictions(files.predictions, classes)


def coarse_predictions(
    predictions: pd.DataFrame, manifest: pd.DataFrame, classes: list[str], *, kind: str
) -> tuple[pd.DataFrame, list[str]]:
    """Predictions of the gender or the age group: the probabilities of its classes added up.

    Parameters
    ----------
    predictions : pd.DataFrame
        As `helpers.evaluation.scores.predictions_table` makes it.
    manifest : pd.DataFrame
        Columns `clip`, `gender`, `age`: the truth.
    classes : list of str
        The network's.
    kind : {"gender", "age group"}

    Returns
    -------
    predictions : pd.DataFrame
        Of the clips with a label that the network has an answer for; none where its classes don't all tell the kind.
    labels : list of str
        In the order of the probability columns; empty where the classes don't all tell the kind, or tell one alone.
    """
    groups = [make_label(gender or "", age, kind=kind) for gender, age in map(parse_label, classes)]
    labels = sorted(set(groups))
    if "" in groups or len(labels) < 2:
        return predictions.iloc[:0], []
    truth = predictions["clip"].map(make_labels(manifest.set_index("clip"), kind=kind))
    known = truth.isin(labels)
    sums = probabilities_of(predictions[known]) @ (np.array(groups)[:, np.newaxis] == labels)
    return predictions_table(predictions[known].assign(label=truth[known]), sums, labels), labels


def other_scores(network: str, other: Artifacts, *, artifacts: Artifacts) -> pd.DataFrame:
    """Gender and age group on another corpus, with intervals, beside the network's own test clips and what trivial rules reach.

    The rules know the training corpus, too: its most frequent answer, and the threshold on the pitch that errs least there. The
    arguments are those of `predict_other`, which is called before.

    Returns
    -------
    pd.DataFrame
        `question` ("gender", "age group"), `answer` (who gives it), `corpus`, `part` ("all" clips or its "test" part), `clips`,
        `accuracy`, `low`, `high` (95% bootstrap intervals, see `helpers.evaluation.intervals.bootstrap`), `resampled`. No rows for
        what the network's classes don't tell.
    """
    classes, rows = read_classes(artifacts), []
    own, strange = read_manifest(artifacts), read_manifest(other)
    learnt = read_predictions(artifacts.run(network).predictions, classes, manifest=own)
    asked = read_predictions(other.run(network).predictions, classes, manifest=strange)
    training = own[own["split"] == "train"]

    for question in ("gender", "age group"):  # what corpora with different classes share
        known, labels = coarse_predictions(learnt, own, classes, kind=question)
        found, _ = coarse_predictions(asked, strange, classes, kind=question)
        if not labels or found.empty:
            continue
        most_frequent = make_labels(training, kind=question).value_counts().idxmax()
        rules = {"most frequent": np.full(len(found), most_frequent)}
        if question == "gender":
            pitch = pitch_table(strange, other).reindex(found["clip"])
            try:
                threshold, _ = pitch_threshold(training.rename(columns={"gender": "true"}), pitch_table(own, artifacts))
                by_pitch = np.where(pitch > threshold, "female", "male")
                rules[f"pitch above {threshold:.0f} Hz"] = np.where(pitch.isna(), most_frequent, by_pitch)
            except SuiteError as reason:  # such as that the recordings of the training corpus are not on this machine
                print(reason)
        tables = {network: found}
        for rule, answers in rules.items():  # always fully confident
            certain = (answers[:, np.newaxis] == np.array(labels)).astype(float)
            tables[rule] = predictions_table(found.rename(columns={"true": "label"}), certain, labels)
        parts = [(network, artifacts, own, "test", known)]
        parts += [(answer, other, strange, part, table) for answer, table in tables.items() for part in ("all", "test")]
        for answer, corpus, manifest, part, table in parts:
            clips = table if part == "all" else table[table["split"] == part]
            if len(clips):
                accuracy = bootstrap(clips, labels, manifest=manifest).loc["accuracy"]
                rows.append([question, answer, corpus.folder.name, part, len(clips), *accuracy])
    columns = ["question", "answer", "corpus", "part", "clips", "accuracy", "low", "high", "resampled"]
    return pd.DataFrame(rows, columns=columns)
