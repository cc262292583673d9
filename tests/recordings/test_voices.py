import ctypes

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
from helpers.spectrograms.voice import median_pitch

TINY = Corpus(speakers=1, sentences=1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return synthesise(tmp_path_factory.mktemp("voices") / "audio", corpus=TINY, workers=2)


def test_39_categories_5_speakers_8_sentences():
    everyone = speakers(Corpus())
    assert len(CATEGORIES) == len(set(CATEGORIES)) == 39
    assert len(everyone) == len({speaker.name for speaker in everyone}) == 195
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


def test_measured_pitch_is_the_speakers_pitch_at_their_effort(tiny):
    for speaker in speakers(TINY):
        path = next((tiny / f"{speaker.gender}_{speaker.age}").glob("*.wav"))
        samples, rate = soundfile.read(path)
        assert median_pitch(samples, sample_rate=rate) == pytest.approx(spoken_pitch(speaker, speaker.efforts[0]), rel=0.15)


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


def test_most_clips_are_at_everyday_effort_and_calls_are_rare():
    everyone = speakers(Corpus())
    efforts = np.concatenate([speaker.efforts for speaker in everyone])
    assert np.mean(efforts) == pytest.approx(EVERYDAY_EFFORT, abs=0.01) and np.mean(efforts < 0.5) > 0.9
    assert 0 < np.mean(efforts > 0.6) < 0.03 and efforts.max() > 0.7
    assert spoken_pitch(everyone[0], EVERYDAY_EFFORT) == everyone[0].pitch


def test_a_mans_call_is_as_high_as_a_womans_quiet_voice():
    everyone = speakers(Corpus())
    women, men = (
        [[spoken_pitch(s, effort) for effort in (0, EVERYDAY_EFFORT, 1)] for s in everyone if s.gender == gender]
        for gender in ("female", "male")
    )
    (quiet, her_everyday, _), (_, his_everyday, call) = np.median(women, axis=0), np.median(men, axis=0)
    assert call > quiet and her_everyday > 1.5 * his_everyday  # the latter as in the published means


def test_speakers_of_one_category_differ():
    one, two = (draw_speaker("female", 30, number, corpus=Corpus()) for number in (1, 2))
    assert one.pitch != two.pitch and one.formants != two.formants


def test_as_many_voices_as_a_process_may_have_and_no_more(tmp_path):
    shapes = (Corpus(), Corpus(speakers=43, sentences=5), Corpus(speakers=43, sentences=16))  # the second is the study's
    for corpus in shapes:
        everyone = speakers(corpus)
        groups = voices._groups(everyone, corpus)
        assert [speaker for group in groups for speaker in group] == everyone
        assert max(len(group) for group in groups) * corpus.sentences <= voices.MOST_VOICES
    group = [draw_speaker("male", 45, number, corpus=TINY) for number in range(1, voices.MOST_VOICES + 1)]
    with voices._fresh_processes(1) as pool:  # the last voice has its place in eSpeak NG's list, too
        assert pool.submit(voices._speak_group, group, tmp_path, 0).result() == voices.MOST_VOICES
    assert len(list(tmp_path.rglob("*.wav"))) == voices.MOST_VOICES


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
