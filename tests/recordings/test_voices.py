import ctypes

import librosa
import numpy as np
import pytest
import soundfile

from helpers.base.artifacts import SuiteError, read_json
from helpers.base.settings import Corpus
from helpers.recordings import voices
from helpers.recordings.espeak import SAMPLE_RATE
from helpers.recordings.voices import (
    CATEGORIES,
    EVERYDAY_EFFORT,
    SENTENCES,
    draw_speaker,
    speak,
    speakers,
    spoken_pitch,
    strangers,
    synthesise,
)

TINY = Corpus(speakers=1, sentences=1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return synthesise(tmp_path_factory.mktemp("voices") / "audio", corpus=TINY, workers=2)


def test_39_categories_3_speakers_8_sentences():
    everyone = speakers(Corpus())
    assert len(CATEGORIES) == len(set(CATEGORIES)) == 39
    assert len(everyone) == len({speaker.name for speaker in everyone}) == 117
    assert all(len(set(speaker.sentences)) == 8 for speaker in everyone)


def test_the_corpus_is_wav_at_its_rate_and_a_record_of_its_speakers(tiny):
    paths = sorted(tiny.rglob("*.wav"))
    assert len(paths) == 39 and {path.parent.name for path in paths} == {f"{gender}_{age}" for gender, age in CATEGORIES}
    info = soundfile.info(paths[0])
    assert (info.samplerate, info.channels, info.subtype) == (SAMPLE_RATE, 1, "PCM_16")
    assert all(1 < soundfile.info(path).duration < 6 for path in paths)
    assert len(read_json(tiny / "voices.json")["speakers"]) == 39


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(tiny, tmp_path):
    again = synthesise(tmp_path / "audio", corpus=TINY, workers=1)
    for path in tiny.rglob("*.wav"):
        assert (again / path.relative_to(tiny)).read_bytes() == path.read_bytes()


def test_a_finished_corpus_is_left_alone_and_other_settings_replace_it(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(voices, "ProcessPoolExecutor", None)  # any synthesis would fail
    assert synthesise(tiny, corpus=TINY) == tiny
    with pytest.raises(TypeError):
        synthesise(tiny, corpus=Corpus(speakers=1, sentences=2))
    assert (tiny / "voices.json").exists()  # what was there stays until the new corpus is whole


def test_a_corpus_of_other_published_means_is_made_again(tiny, monkeypatch):
    monkeypatch.setattr(voices, "ProcessPoolExecutor", None)  # any synthesis fails
    monkeypatch.setitem(voices.PITCH_HZ, "male", tuple(1.1 * pitch for pitch in voices.PITCH_HZ["male"]))
    with pytest.raises(TypeError):
        synthesise(tiny, corpus=TINY)


def test_measured_pitch_follows_the_speakers_pitch_and_effort(tiny):
    wanted, measured = [], []
    for speaker in speakers(TINY):
        path = next((tiny / f"{speaker.gender}_{speaker.age}").glob("*.wav"))
        samples, rate = soundfile.read(path)
        pitch = librosa.yin(samples, fmin=60, fmax=500, sr=rate)
        wanted.append(spoken_pitch(speaker, speaker.efforts[0]))
        measured.append(np.median(pitch))
    ratio = np.array(measured) / np.array(wanted)
    assert np.corrcoef(wanted, measured)[0, 1] > 0.95
    assert 0.9 < np.median(ratio) < 1.1


def test_women_speak_higher_with_higher_formants_and_the_old_speak_slower():
    everyone = speakers(Corpus(speakers=20))
    women, men = ([s for s in everyone if s.gender == gender] for gender in ("female", "male"))
    old, young = [s for s in everyone if s.age > 60], [s for s in everyone if s.age < 35]

    def mean(people, value):
        return np.mean([value(person) for person in people])

    assert mean(women, lambda s: s.pitch) > 1.5 * mean(men, lambda s: s.pitch)
    assert mean(women, lambda s: s.formants[1]) > 1.1 * mean(men, lambda s: s.formants[1])
    assert mean(old, lambda s: s.rate) < 0.93 * mean(young, lambda s: s.rate)
    assert mean(old, lambda s: s.flutter) > mean(young, lambda s: s.flutter) + 2


def test_a_mans_call_is_as_high_as_a_womans_quiet_voice():
    everyone = speakers(Corpus())
    pitch = {
        gender: np.array([spoken_pitch(s, effort) for s in everyone if s.gender == gender for effort in s.efforts])
        for gender in ("female", "male")
    }
    assert np.quantile(pitch["male"], 0.9) > np.quantile(pitch["female"], 0.1)
    assert np.median(pitch["female"]) > 1.5 * np.median(pitch["male"])  # as in the published means
    efforts = np.concatenate([speaker.efforts for speaker in everyone])
    assert efforts.min() < 0.05 and efforts.max() > 0.95 and spoken_pitch(everyone[0], EVERYDAY_EFFORT) == everyone[0].pitch


def test_speakers_of_one_category_differ():
    one, two = (draw_speaker("female", 30, number, corpus=Corpus()) for number in (1, 2))
    assert one.pitch != two.pitch and one.formants != two.formants


def test_more_sentences_than_there_are_is_one_sentence(tmp_path):
    with pytest.raises(SuiteError, match=f"has {len(SENTENCES)} sentences, but 99 were asked for"):
        synthesise(tmp_path / "audio", corpus=Corpus(sentences=99))


def test_an_unknown_voice_is_one_sentence(tmp_path):
    import espeakng_loader

    from helpers.recordings.espeak import Espeak

    assert ctypes.CDLL(espeakng_loader.get_library_path())
    with pytest.raises(SuiteError, match=r"does not know the voice xx\+nobody"):
        Espeak(tmp_path, {}).speak("Hello.", voice="xx+nobody", rate=175, seed=0)


def test_strangers_are_one_of_each_category_and_none_of_the_corpus():
    first, again, other = (strangers(Corpus(), seed=seed) for seed in (0, 0, 1))
    assert first == again and [one.name for one in first] != [one.name for one in other]
    assert sorted((one.gender, one.age) for one in first) == sorted(CATEGORIES)
    assert not {one.name for one in first} & {speaker.name for speaker in speakers(Corpus())}


def test_a_speaker_says_the_first_sentence_the_same_each_time(tiny):
    speaker = speakers(TINY)[0]
    said = speak(speaker, corpus=TINY)
    kept, rate = soundfile.read(next(tiny.rglob(f"{speaker.name}_*.wav")))  # the first of its process, so the state is the same
    assert said.sample_rate == rate and np.array_equal(said.samples, kept.astype(said.samples.dtype))
