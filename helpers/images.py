"""The spectrogram images that a training needs: made where they are lacking (notebooks 03 and 05)."""

from dataclasses import replace

from IPython.display import display

from helpers.base.artifacts import Artifacts, NoRecordingsError, find_recordings, read_json
from helpers.base.device import FEWEST_CLIPS, few_clips, has_gpu, made_for
from helpers.base.settings import PROFILES, Profile, choose_profile
from helpers.display.notes import Notice
from helpers.recordings.manifest import read_manifest, reject
from helpers.session import Session
from helpers.spectrograms.convert import convert


def bring_images(session: Session) -> Session:
    """Make the spectrogram images that the profile lacks, and say in large letters where it is not the one for device and clips.

    Returns
    -------
    Session
        Where the images can't be made, as the recordings are not here, its profile is that of the images that are there.

    Raises
    ------
    NoRecordingsError
        There are neither recordings nor images that fit the profile's OVERRIDES.
    """
    wanted, lacking = session.profile.name, ""
    if not images_fit(session.artifacts, profile=session.profile):
        try:
            make_images(session.artifacts, profile=session.profile)
        except NoRecordingsError as error:
            if not session.artifacts.spectrogram_settings.exists():
                raise
            there = read_json(session.artifacts.spectrogram_settings)["profile"]
            session = replace(session, profile=choose_profile(there, overrides=session.overrides))
            if not images_fit(session.artifacts, profile=session.profile):  # made with other OVERRIDES
                raise
            lacking = f"The images of the profile {wanted} can't be made here, and those of {there} are used instead: {error}"
    gpu, clips = has_gpu(), few_clips(session.artifacts)
    automatic = made_for(session.artifacts, gpu=gpu)
    chosen = "" if session.asked == "auto" else f'PROFILE = "{wanted}" was chosen; "auto" would take {automatic} here.'
    if session.profile.name != automatic:
        display(unusual(session.profile, gpu=gpu, clips=clips, why=lacking or chosen))
    elif gpu and clips and session.asked == "auto":
        print(
            f'PROFILE = "auto" is quick here, although there is a GPU: there are {clips:,} training clips, and with up to '
            f"{FEWEST_CLIPS - 1:,}, quick gets more of the test clips right than the study's recipe does (docs/results.md). "
            'To see that recipe all the same: PROFILE = "paper".'
        )
    if lacking and session.profile.name == automatic:
        print(lacking)
    return session


def images_fit(artifacts: Artifacts, *, profile: Profile) -> bool:
    """Whether there are spectrogram images, made with this profile's settings."""
    made = artifacts.spectrogram_settings
    return made.exists() and read_json(made)["settings"] == vars(profile.spectrogram)


def make_images(artifacts: Artifacts, *, profile: Profile) -> None:
    """Make the spectrogram images of all clips, as notebook 2 does, in the place of those that are there.

    Raises
    ------
    NoRecordingsError
        The recordings are not on this machine; the images stay as they are.
    """
    manifest = read_manifest(artifacts)
    if not any(sound.exists() for sound in artifacts.sounds(manifest["path"])):  # of single ones, `rejected.csv` has the reason
        raise NoRecordingsError(f"None of the {len(manifest)} recordings is in {artifacts.corpus()}: {find_recordings()}.")
    print(f"The spectrogram images of the profile {profile.name} are made now, as in notebook 2.")
    reject(artifacts, convert(manifest, artifacts, settings=profile.spectrogram, profile=profile.name))


def unusual(profile: Profile, *, gpu: bool, clips: int, why: str) -> Notice:
    """What it means to train with another profile than the one for this device and corpus; `clips` where they are few."""
    if profile.name == "quick":
        return Notice(
            f"This is not the study's {PROFILES['paper'].network.replace('resnet', 'ResNet')}",
            f"The profile {profile.name} trains {profile.network}, a small network, on smaller pictures: its scores can't be "
            f"compared with the study's, although this machine has a GPU. {why}",
        )
    if gpu:
        return Notice(
            "Few clips for the study's recipe",
            f"There are {clips:,} training clips, and with up to {FEWEST_CLIPS - 1:,}, quick gets more of the test clips right "
            f"than the study's recipe does, which memorises the training clips (docs/results.md). {why}",
        )
    return Notice(
        "This takes hours without a GPU",
        f"The profile {profile.name} trains {profile.network} on pictures of {profile.spectrogram.image_size} x "
        f'{profile.spectrogram.image_size} points, which is meant for a GPU. PROFILE = "quick" takes minutes. {why}',
    )
