"""Checks of notebook 2: spectrograms. A docstring is the form of the answer (`helpers.lessons.checks`)."""

from dataclasses import replace
from typing import Any

import librosa
import numpy as np
from PIL import Image

from helpers.lessons.checks import Names, expect, fractions, number, numbers
from helpers.spectrograms.mel import from_image, mel_spectrogram_db, to_image


def exercise_1(answer: Any, run: Names) -> str | None:
    """A whole number: the columns of a clip of 3 s."""
    samples, hop = 3 * run.settings.sample_rate, run.settings.hop_length
    slips = [
        (samples // hop, "One is missing: the first column stands at the start, before any step."),
        (samples, "These are the samples: only every hop gives a column."),
    ]
    expect(number(answer), 1 + samples // hop, "How many steps of `hop_length` samples fit into 3 s?", slips=slips, rel=0)


def exercise_2(answer: Any, run: Names) -> str | None:
    """A number: the frequency in Hz at which the two scales differ most."""
    hertz, top = number(answer), run.settings.sample_rate / 2
    assert 20 < hertz < top, f"The frequency lies between 20 and {top:.0f} Hz. Is yours in kHz, or the number of a point?"

    def apart(at: Any) -> Any:
        slaney, textbook = (librosa.hz_to_mel(at, htk=htk) / librosa.hz_to_mel(top, htk=htk) for htk in (False, True))
        return np.abs(slaney - textbook)

    largest = apart(np.linspace(0, top, 2000)).max()
    assert apart(hertz) > 0.97 * largest, (
        f"They differ there by {apart(hertz):.2%} of the scale, elsewhere by more. Is each divided by its value at {top:.0f} Hz?"
    )
    return "So little that the score should hardly change."


def exercise_3(answer: Any, run: Names) -> str | None:
    """Four numbers from 0 to 1: the fraction of black points at 20, 40, 60 and 80 dB."""
    given, black = fractions(numbers(answer, 4)), []
    for reach in (20.0, 40.0, 60.0, 80.0):
        now = replace(run.settings, dynamic_range_db=reach, image_size=None, colour=False)
        black.append((to_image(mel_spectrogram_db(run.samples, settings=now), settings=now) == 0).mean())
    slips = [
        (black[::-1], "The order is the other way round: 20 dB first."),
        (1 - np.array(black), "These are the points that are *not* black."),
    ]
    expect(given, black, "A black point has the level 0. Is the picture in grey, and not squeezed?", slips=slips, within=0.01)
    return "A small range hides the noise of a street, and the quiet sounds of the voice with it."


def exercise_4(answer: Any, run: Names) -> str | None:
    """A number: the pitch of the vowel in Hz."""
    piece, rate = run.pieces[run.clip["clip"]], run.settings.sample_rate
    alike = np.correlate(piece, piece, "full")[len(piece) - 1 :]
    shortest, longest = rate // 400, rate // 60
    period = shortest + alike[shortest:longest].argmax()
    pitch = rate / period
    slips = [
        (period, "That is the period in samples: how many periods are there in a second?"),
        (1000 * period / rate, "That is the period in milliseconds: how many periods are there in a second?"),
        (2 * pitch, "That is an octave too high: half a period is alike, too, but a whole one is more so."),
        (pitch / 2, "That is an octave too low: two periods are alike, too, but one is enough."),
    ]
    otherwise = "Take the shift with the largest sum, between 1/400 and 1/60 s; the sample rate divided by it is the pitch."
    expect(number(answer), pitch, otherwise, slips=slips, rel=0.03)


def exercise_5(answer: Any, run: Names) -> str | None:
    """A number: the frequency in Hz at which the mean levels of the two groups differ most."""
    settings, manifest, hertz = run.settings, run.manifest, number(answer)
    column = "gender" if manifest["gender"].nunique() == 2 and (manifest["gender"] != "").all() else "label"
    training, means = manifest[manifest["split"] == "train"].groupby(column)["clip"], []
    for name in (min(manifest[column]), max(manifest[column])):
        clips = training.get_group(name)
        images = [np.asarray(Image.open(run.artifacts.image(clip))) for clip in clips.sample(min(100, len(clips)), random_state=0)]
        means.append(np.mean([from_image(image, settings=settings).mean(axis=1) for image in images], axis=0))
    centres = librosa.mel_frequencies(settings.mel_bins + 2, fmin=settings.fmin, fmax=settings.fmax)[1:-1]
    lowest, highest = 0.9 * centres[0], 1.1 * centres[-1]
    assert lowest <= hertz <= highest, (
        f"The bands lie from {centres[0]:.0f} to {centres[-1]:.0f} Hz: is yours a band's number, or in kHz?"
    )
    apart = np.abs(means[0] - means[1])
    here = np.interp(hertz, centres, apart)
    # Other clips of the two groups give a little other means.
    assert here >= 0.75 * apart.max(), (
        f"There they differ by {here:.1f} dB, elsewhere by more. Is the lowest band the first in both?"
    )
    return "Between women and men it is near men's fundamental, about 100 Hz, which women's voices do not have."


def exercise_6(answer: Any, run: Names) -> str | None:
    """A two-dimensional array of complex numbers: your transform of `samples`, one row per frequency."""
    theirs = librosa.stft(run.samples, n_fft=run.settings.n_fft, hop_length=run.settings.hop_length)
    mine = np.asarray(answer)
    assert np.iscomplexobj(mine), "These are real numbers: leave the transform as it is, without its magnitude."
    transposed = mine.shape == theirs.shape[::-1] != theirs.shape
    assert not transposed, "Rows and columns are exchanged: one row per frequency, one column per window."
    assert mine.shape == theirs.shape, (
        f"The shape is {mine.shape}, librosa's is {theirs.shape}. Are *both* sides padded? Is there one window per hop?"
    )
    difference = np.abs(mine - theirs).max() / max(np.abs(theirs).max(), 1e-12)
    assert difference < 1e-4, (
        f"It differs from librosa's by up to {difference:.1e} of the maximum. Pad with zeros; the Hann window divides by N, and "
        "`np.hanning` by N - 1."
    )
    return "What remains is rounding: librosa computes in 32 bits."


def exercise_7(answer: Any, run: Names) -> str | None:
    """Your function: a picture (rows, columns) and a factor in, the stretched picture out."""
    assert callable(answer), "The function itself is asked for, by its name, without brackets."
    rows = run.settings.mel_bins
    centres = librosa.mel_frequencies(rows + 2, fmin=run.settings.fmin, fmax=run.settings.fmax)[1:-1]
    line = np.zeros((rows, 20), np.uint8)
    line[rows // 2 - 1 : rows // 2 + 2] = 200  # a tone

    def found(factor: float) -> np.ndarray:
        return np.asarray(answer(line, factor), float).reshape(rows, 20)

    def pitch(picture: np.ndarray) -> float:
        return float(np.average(centres, weights=np.maximum(picture[::-1].mean(axis=1), 1e-9)))

    same = found(1.0)
    assert not np.allclose(same, line[::-1], atol=1), "The picture comes back upside down: its first row is the highest band."
    assert np.allclose(same, line, atol=1), "A factor of 1 should return the picture as it was."
    ratio = pitch(found(1.2)) / pitch(line)
    assert not 0.77 < ratio < 0.9, (
        "A factor of 1.2 moves a tone *down*: at which frequency must you read the level for the band at f?"
    )
    assert 1.1 < ratio < 1.3, f"A factor of 1.2 should move a tone up to 1.2 times its frequency; here it is {ratio:.2f} times."
    return "With a factor far above 1 a man's voice moves towards a woman's: the words stay, the label does not."
