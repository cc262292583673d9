"""Facts from names of files: FILE_PATTERN on small copies of public corpora."""

import pytest
from conftest import write_corpus

from helpers.base.artifacts import SuiteError, read_json
from helpers.recordings.catalogue import list_clips
from helpers.recordings.manifest import build_manifest

RAVDESS = r"\d\d-\d\d-(?P<emotion>\d\d)-\d\d-(?P<sentence>\d\d)-\d\d-(?P<speaker>(?P<male>\d[13579])|(?P<female>\d[02468]))"
FSDD = r"(?P<label>\d)_(?P<speaker>[a-z]+)_\d+"
URDU = r"(?P<speaker>S(?P<gender>[MF])\d+)_F(?P<sentence>\d+)_(?P<emotion>[AHNS])\d+"


def facts(folder, pattern, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    clips, *_ = list_clips("folder", folder, file_pattern=pattern)
    return clips[["label", "gender", "age", "speaker", "emotion", "sentence", "reason"]].fillna(0).to_numpy().tolist()


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        (RAVDESS, "Actor_01/03-01-06-02-01-02-01.wav", ["", "male", 0, "01", "06", "01", ""]),
        (RAVDESS, "Actor_12/03-01-01-01-02-01-12.wav", ["", "female", 0, "12", "01", "02", ""]),
        (FSDD, "recordings/7_jackson_32.wav", ["7", "", 0, "jackson", "", "", ""]),
        (URDU, "Angry/SM1_F4_A04.wav", ["", "male", 0, "SM1", "A", "4", ""]),
        (URDU, "Sad/SF10_F2_S012.wav", ["", "female", 0, "SF10", "S", "2", ""]),
        (r"(?P<gender>.)(?P<age>\d+)_.*", "x/f23_hello.there.MP3", ["", "female", 23, "", "", "", ""]),
        (r"(?P<label>.+)-\d+", "x/Ma\u0308dchen 9-1.wav", ["Mädchen 9", "", 0, "", "", "", ""]),
        (r"(?P<label>female_20s)_(?P<speaker>\w+)", "x/female_20s_a.wav", ["female_20s", "female", 0, "a", "", "", ""]),
        (r"(?P<speaker>\w+)-\d", "female_23/anna-1.wav", ["female_23", "female", 23, "anna", "", "", ""]),
        (r"(?P<speaker>[^/]+)/(?P<label>[^/]+)/.*", "anna/happy/1.wav", ["happy", "", 0, "anna", "", "", ""]),
        (FSDD, "recordings/readme.wav", ["", "", 0, "", "", "", "its name does not match FILE_PATTERN"]),
        (r"(?P<female>f)?(?P<male>m)?(?P<label>\d)", "x/fm1.wav", ["1", "", 0, "", "", "", ""]),
        (r"(?P<female>f)?(?P<male>m)?(?P<label>\d)", "x/m1.wav", ["1", "male", 0, "", "", "", ""]),
    ],
)
def test_names_of_files_say_who_speaks(tmp_path, pattern, name, expected):
    assert facts(tmp_path, pattern, name) == [expected]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", r"FILE_PATTERN='\(' is not a regular expression: missing \)"),
        (r"(?P<age>\d)(?P<colour>.)", "has a group 'colour': the groups can be age, emotion, female, gender, label"),
        (r"\d+_\w+", "has no named group"),
        ("(?P<age>a{99999999999})", "is not a regular expression"),
    ],
)
def test_a_wrong_pattern_is_one_sentence(corpus, pattern, message):
    with pytest.raises(SuiteError, match=message):
        list_clips("folder", corpus, file_pattern=pattern)


def test_a_pattern_is_for_folders_of_ones_own(corpus):
    with pytest.raises(SuiteError, match="FILE_PATTERN is for the files of DATASET=folder, and this is crema-d"):
        list_clips("crema-d", corpus, file_pattern=FSDD)


def test_a_table_knows_better_than_names(tmp_path):
    (tmp_path / "a_1.wav").touch()
    (tmp_path / "b.wav").touch()
    (tmp_path / "clips.csv").write_text("path,gender,speaker\na_1.wav,female,\nb.wav,male,x\n")
    clips, *_ = list_clips("folder", tmp_path / "clips.csv", file_pattern=r"(?P<speaker>\w)_(?P<male>\d)")
    assert clips[["gender", "speaker"]].to_numpy().tolist() == [["female", "a"], ["male", "x"]]


def test_a_corpus_by_its_names_and_another_pattern_is_noticed(tmp_path, artifacts, capsys):
    source = write_corpus(tmp_path / "data", clips=0, labels={"all": 0})
    for actor, pitch in ((1, 110), (2, 210), (3, 120), (4, 220), (5, 130), (6, 230)):
        write_corpus(tmp_path / "made", clips=2, labels={f"{actor:02}": pitch})
        for number in range(2):
            (tmp_path / "made" / f"{actor:02}" / f"{number}.wav").rename(
                source / "all" / f"03-01-01-01-0{number + 1}-01-{actor:02}.wav"
            )
    options = {"seed": 0, "labels": "gender", "split_method": "speaker"}
    manifest, rejected = build_manifest("folder", source, artifacts, file_pattern=RAVDESS, **options)
    assert (
        rejected.empty
        and manifest["label"].value_counts().to_dict() == {"female": 6, "male": 6}
        and manifest["speaker"].nunique() == 6
    )
    assert read_json(artifacts.dataset)["file_pattern"] == RAVDESS
    assert "FILE_PATTERN has changed" not in capsys.readouterr().out
    build_manifest(
        "folder",
        source,
        artifacts,
        file_pattern=RAVDESS.replace("?P<sentence>", "?:"),
        **options,
    )
    assert "FILE_PATTERN has changed" in capsys.readouterr().out


def test_a_label_never_becomes_a_path(tmp_path, artifacts):
    from helpers.base.settings import SpectrogramSettings
    from helpers.spectrograms.convert import convert

    source = write_corpus(tmp_path / "data", clips=3, labels={"a": 220, "b": 110, "c": 160, "d": 180})
    labels = {"a": "../../../outside/up", "b": str(tmp_path / "outside" / "absolute"), "c": "x" * 300, "d": "C:\\outside"}
    rows = [f"{name}/{n}.wav,{label}" for name, label in labels.items() for n in range(3)]
    (source / "clips.csv").write_text("path,label\n" + "\n".join(rows))
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(artifacts.folder)}
    manifest, rejected = build_manifest("folder", source / "clips.csv", artifacts, seed=0)
    failed = convert(manifest, artifacts, settings=SpectrogramSettings(), profile="quick", workers=1)
    assert set(manifest["label"]) == set(labels.values()) and rejected.empty and failed.empty
    after = {path for path in tmp_path.rglob("*") if not path.is_relative_to(artifacts.folder)}
    assert after - before <= {artifacts.folder.parent}
