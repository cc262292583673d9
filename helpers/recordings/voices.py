"""The embedded corpus `voices`: synthetic speech in 39 categories of gender and age (notebook 01).

eSpeak NG, a formant synthesiser, reads short sentences in the voices of speakers whose pitch, formants,
speaking rate, breathiness and tremor follow published means for adult voices. The corpus is for teaching:
its ground truth is known, it needs no account and no network, and it holds no personal data.
**No score on it is evidence of how well a model does on people.**

What the means follow, and how closely:

- *Speaking fundamental frequency*, figures by decade: men, Hollien & Shipp (1972), "Speaking fundamental
  frequency and chronologic age in males", J. Speech Hear. Res. 15, 155-159; women, Stoicheff (1981), "Speaking
  fundamental frequency characteristics of nonsmoking female adults", J. Speech Hear. Res. 24, 437-441.
- *Formants*: women's lie about 15% above men's, Hillenbrand et al. (1995), "Acoustic characteristics of American
  English vowels", J. Acoust. Soc. Am. 97, 3099-3111; they fall with age, Linville & Rens (2001), "Vocal tract
  resonance analysis of aging voice using long-term average spectra", J. Voice 15, 323-330 (direction from there,
  the slope of 5% over 50 years is ours).
- *Speaking rate*: older adults speak about a fifth slower, Smith, Wasowicz & Preston (1987), "Temporal
  characteristics of the speech of normal elderly adults", J. Speech Hear. Res. 30, 522-529.
- *Breathiness*: more noise in older voices, Ferrand (2002), "Harmonics-to-noise ratio: an index of vocal aging",
  J. Voice 16, 480-487. *Tremor and roughness*: less stable pitch in older voices, Linville & Fisher (1985),
  "Acoustic characteristics of women's voices with advancing age", J. Gerontology 40, 324-330 (direction from
  there, the sizes are ours).
- *Vocal effort*: louder speech is higher. From a listener at 0.3 m to one at 187.5 m, the mean pitch of men and women rises by
  a factor close to two, the first formant rises, and the upper part of the spectrum gains more than the lower: Andersson,
  Eriksson & Traunmüller (1996), "Cries and whispers: acoustic effects of variations in vocal effort", TMH-QPSR 37(2), 127-130,
  and Traunmüller & Eriksson (2000), "Acoustic effects of variation in vocal effort by men, women, and children", J. Acoust. Soc.
  Am. 107, 3438-3451 (directions from there; the sizes are ours, chosen with a look at the training part of EmoDB; in all of it,
  each of the five men speaks 1.4 to 2.2 times as high in anger as in a neutral voice). A man's call is as high as a woman's
  quiet voice, so pitch alone does not always tell them apart. Efforts are drawn from Beta(2, 6), as people mostly speak at an
  everyday effort, its mean of 0.25: nine sentences in ten lie between 0.05 and 0.52, where a man's pitch changes by a factor of
  1.6; one in 16 is above 0.5, and one in 750 above 0.75, a call.
"""

import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from helpers.base.artifacts import SuiteError, read_json, write_json
from helpers.base.settings import Corpus
from helpers.recordings.decoding import Sound
from helpers.recordings.espeak import SAMPLE_RATE, Espeak
from helpers.recordings.sounds import read_sound

CATEGORIES = tuple([("female", age) for age in range(18, 76, 3)] + [("male", age) for age in range(18, 73, 3)])

# Speaking fundamental frequency in Hz at the middle of each decade of age (sources above).
DECADES = (25, 35, 45, 55, 65, 75)
PITCH_HZ = {
    "male": (119.5, 112.2, 107.1, 118.4, 112.2, 132.1),
    "female": (224.3, 213.3, 220.8, 199.3, 199.7, 202.2),
}
EVERYDAY_EFFORT = 0.25  # the mean of Beta(2, 6), on a scale from a quiet voice (0) to a call (1)
QUIET_TO_CALL = {"male": 2.8, "female": 2.2}  # how many times as high a call is as a quiet voice
# eSpeak NG's formants 4 and 5 lie lower than a man's, whose fourth is at about 3600 Hz in vowels (Hillenbrand et al., 1995).
FORMANT_FACTORS = (1.0, 1.0, 1.0, 1.0, 1.12, 1.12)
MOST_VOICES = 300  # of one process: eSpeak NG's list holds 350, its own English ones among them
ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-029")

SENTENCES = (
    "The train to the coast leaves at half past seven.",
    "She bought fresh bread and a jar of honey.",
    "A cold wind was blowing over the empty fields.",
    "Please close the window before the rain begins.",
    "My brother keeps three old clocks in the kitchen.",
    "They walked along the river until it grew dark.",
    "The doctor asked him to wait in the corridor.",
    "Every summer we paint the wooden fence green.",
    "Nobody knew why the music had stopped.",
    "The quick answer is not always the right one.",
    "He found a silver coin under the garden path.",
    "Our teacher drew a large circle on the board.",
    "You can see the mountains from the roof.",
    "The children were laughing at the little dog.",
    "I usually drink a cup of tea after lunch.",
    "Thousands of birds fly south in the autumn.",
)


@dataclass(frozen=True)
class Speaker:
    """One synthetic speaker: gender and age, and the parameters of the voice.

    Frequencies are in Hz, `rate` in words a minute, `formants` and `heights` are percentages of eSpeak's
    own voice for formants 0 to 5, `breath`, `flutter` and `roughness` are eSpeak's own scales. `pitch` is that of an everyday
    voice; `efforts` has a number for each of `sentences`, from 0 (quiet) to 1 (a call).
    """

    name: str
    gender: str
    age: int
    accent: str
    pitch: float
    pitch_range: float
    rate: int
    formants: tuple[int, ...]
    heights: tuple[int, ...]
    breath: int
    flutter: int
    roughness: int
    sentences: tuple[int, ...]
    efforts: tuple[float, ...]


def draw_speaker(gender: str, age: int, number: int, *, corpus: Corpus) -> Speaker:
    """Draw one speaker of a category: the published means with individual variation.

    Parameters
    ----------
    gender : {"female", "male"}
    age : int
        In years.
    number : int
        Index among the category's speakers, from 1.
    corpus : Corpus

    Examples
    --------
    >>> draw_speaker("male", 45, 1, corpus=Corpus()).name
    'male_45_s1'
    """
    rng = np.random.default_rng([corpus.corpus_seed, int(gender == "male"), age, number])
    old = np.clip((age - 30) / 50, 0, 1)  # 0 up to the age of 30, 1 from 80 on
    pitch = np.interp(age, DECADES, PITCH_HZ[gender]) * np.exp(rng.normal(0, 0.12))
    tract = (1.15 if gender == "female" else 1.0) * (1 - 0.05 * old) * np.exp(rng.normal(0, 0.045))
    formants = tuple(round(100 * tract * factor * np.exp(rng.normal(0, 0.045))) for factor in FORMANT_FACTORS)
    return Speaker(
        name=f"{gender}_{age}_s{number}",
        gender=gender,
        age=age,
        accent=str(rng.choice(ACCENTS)),
        pitch=round(float(pitch), 1),
        pitch_range=round(float(rng.uniform(0.25, 0.6)), 3),
        rate=round(175 * (1 - 0.2 * old) * np.exp(rng.normal(0, 0.1))),
        formants=formants,
        heights=tuple(int(h) for h in rng.integers(60, 131, size=6)),
        breath=round(float(np.clip(rng.normal(3 + 6 * old, 2), 0, 14))),
        flutter=round(float(np.clip(rng.normal(2 + 6 * old, 1.5), 0, 12))),
        roughness=round(float(np.clip(rng.normal(1 + 2 * old, 1), 0, 5))),
        sentences=tuple(int(s) for s in rng.permutation(len(SENTENCES))[: corpus.sentences]),
        efforts=tuple(round(float(e), 3) for e in rng.beta(2, 6, size=corpus.sentences)),
    )


def speakers(corpus: Corpus) -> list[Speaker]:
    """All speakers of the corpus, in the order of the categories."""
    if corpus.sentences > len(SENTENCES):
        raise SuiteError(f"The voices corpus has {len(SENTENCES)} sentences, but {corpus.sentences} were asked for: choose fewer.")
    return [
        draw_speaker(gender, age, number, corpus=corpus) for gender, age in CATEGORIES for number in range(1, corpus.speakers + 1)
    ]


def strangers(corpus: Corpus, *, seed: int) -> list[Speaker]:
    """One speaker of each category whom the corpus does not have, in a seeded order."""
    order = np.random.default_rng(seed).permutation(len(CATEGORIES))
    return [draw_speaker(*CATEGORIES[index], corpus.speakers + 1, corpus=corpus) for index in order]


def speak(speaker: Speaker, *, corpus: Corpus) -> Sound:
    """The first sentence of a speaker, who need not be one of the corpus; the same bytes each time."""
    only_first = replace(speaker, sentences=speaker.sentences[:1], efforts=speaker.efforts[:1])
    with tempfile.TemporaryDirectory() as folder, _fresh_processes(1) as pool:
        pool.submit(_speak_group, [only_first], Path(folder), corpus.corpus_seed).result()
        return read_sound(next(Path(folder).rglob("*.wav")))


def spoken_pitch(speaker: Speaker, effort: float) -> float:
    """Median pitch in Hz of a speaker at a vocal effort from 0 to 1."""
    return speaker.pitch * QUIET_TO_CALL[speaker.gender] ** (effort - EVERYDAY_EFFORT)


def synthesise(folder: Path, *, corpus: Corpus, workers: int | None = None) -> Path:
    """Make the corpus, or leave it alone if it is there with the same settings and speakers; return its folder.

    Parameters
    ----------
    folder : Path
        Where `<gender>_<age>/<speaker>_<sentence>.wav` go (22,050 Hz, mono, 16 bits), with `voices.json`,
        the settings and every speaker's parameters. The folder appears whole or not at all.
    corpus : Corpus
    workers : int, optional
        Processes; as many as cores by default. The bytes do not depend on it.
    """
    everyone = speakers(corpus)
    # By way of JSON, tuples become lists, as in a record that is read.
    record = json.loads(json.dumps({"corpus": asdict(corpus), "speakers": [asdict(speaker) for speaker in everyone]}))
    before = folder / "voices.json"
    if before.exists() and read_json(before) == record:
        return folder

    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    groups = _groups(everyone, corpus)
    workers = min(workers or os.cpu_count() or 1, len(groups))
    with (
        tqdm(total=len(everyone) * corpus.sentences, desc="synthesising", unit="clip", file=sys.stdout) as progress,
        _fresh_processes(workers) as pool,
    ):
        for spoken in pool.map(_speak_group, groups, repeat(partial), repeat(corpus.corpus_seed)):
            progress.update(spoken)
    write_json(partial / "voices.json", record)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return folder


def _groups(everyone: list[Speaker], corpus: Corpus) -> list[list[Speaker]]:
    """Speakers whose clips one process speaks.

    eSpeak NG carries state from one utterance to the next (the phase of its tremor): a new process for each group, always the
    same groups, makes the bytes independent of the number of workers. Each utterance is a voice of its own.
    """
    size = min(5 * corpus.speakers, MOST_VOICES // corpus.sentences)
    return [everyone[start : start + size] for start in range(0, len(everyone), size)]


def _fresh_processes(workers: int) -> ProcessPoolExecutor:
    """Workers that each end with their task: eSpeak NG remembers what it has spoken."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1)


def _speak_group(group: list[Speaker], folder: Path, seed: int) -> int:
    """Speak all clips of some speakers; return how many."""
    with tempfile.TemporaryDirectory() as data:
        spoken = [(speaker, *pair) for speaker in group for pair in zip(speaker.sentences, speaker.efforts, strict=True)]
        variants = {f"{speaker.name}_{sentence:02d}": _variant(speaker, effort) for speaker, sentence, effort in spoken}
        espeak = Espeak(Path(data), variants)
        for speaker, sentence, _ in spoken:
            target = folder / f"{speaker.gender}_{speaker.age}" / f"{speaker.name}_{sentence:02d}.wav"
            target.parent.mkdir(exist_ok=True)
            voice = f"{speaker.accent}+{target.stem}"
            samples = espeak.speak(SENTENCES[sentence], voice=voice, rate=speaker.rate, seed=seed * 1000 + sentence)
            soundfile.write(target, samples, SAMPLE_RATE, "PCM_16")
    return len(spoken)


def _variant(speaker: Speaker, effort: float) -> str:
    """A speaker at a vocal effort as an eSpeak NG voice variant file (docs/voices.md of eSpeak NG)."""
    raised, pitch = effort - EVERYDAY_EFFORT, spoken_pitch(speaker, effort)
    width = pitch * speaker.pitch_range
    # So that the median is the pitch asked for: eSpeak's intonation, fitted to 1,170 clips, has it 8 Hz below the point that
    # lies at 0.8 of the way between `pitch`'s two numbers.
    low = round(pitch + 8 - 0.8 * width)
    high = round(low + width)
    lines = [
        "language variant",
        f"name {speaker.name}",
        f"gender {speaker.gender} {speaker.age}",
        f"pitch {low} {high}",
        f"flutter {speaker.flutter}",
        f"roughness {speaker.roughness}",
        "breath 0 " + " ".join([str(speaker.breath)] * 7),
    ]
    for n, (frequency, height) in enumerate(zip(speaker.formants, speaker.heights, strict=True)):
        first = 1 + 0.25 * raised if n == 1 else 1.0
        lines.append(f"formant {n} {round(frequency * first)} {round(height * np.exp(0.15 * n * raised))} 100")
    return "\n".join(lines) + "\n"
