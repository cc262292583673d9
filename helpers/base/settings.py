"""Profiles: every setting of a run in one place, named, printed at the top of a notebook and saved in `run.json`."""

import math
import shlex
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from helpers.base.artifacts import SuiteError

NETWORKS = (
    "small_resnet", "plain_cnn", "small_vgg", "resnet50", "resnet101", "resnet50v2", "vgg16", "inceptionv3", "xception",
    "mobilenet", "mobilenetv2", "densenet121", "efficientnetv2b0",
)  # fmt: skip
FORMER_NETWORKS = {"resnet50_flatten": "network=resnet50 head=flatten"}  # what to write for it now
WEIGHTS, WEIGHTS_FILES = ("imagenet", "voices", "none"), (".h5", ".hdf5")
# What the readers of PNG files accept: libpng a million columns, Pillow 89 million points (MAX_IMAGE_PIXELS).
MOST_COLUMNS, MOST_POINTS = 1_000_000, 80_000_000
# Lowest and highest value of a setting. All others: whole numbers from 1 on, other numbers from 0 on.
LIMITS = {
    **dict.fromkeys(
        ("seed", "corpus_seed", "frequency_mask", "time_mask", "time_shift", "early_stopping", "compare_minutes"), (0, math.inf)
    ),
    **dict.fromkeys(("dropout", "label_smoothing"), (0, 0.95)),
    "learning_rate": (1e-15, 10),
    "noise_snr_db": (-100, 100),
    "dynamic_range_db": (1, 200),
    "sample_rate": (4000, 192_000),
    "longest_s": (1, 3600),
    # What a machine's memory holds: a model's file may name any.
    **dict.fromkeys(("mel_bins", "image_size", "base_channels"), (1, 4096)),
    **dict.fromkeys(("n_fft", "window_frames", "test_windows"), (1, 100_000)),
}


class Checked:
    """Settings that refuse, when made, the first that is none of its choices or lies outside of its limits (SuiteError)."""

    def __post_init__(self):
        for setting, kind in get_type_hints(type(self)).items():
            value = getattr(self, setting)
            choices = get_args(kind) if get_origin(kind) is Literal else {"network": NETWORKS, "compare": NETWORKS}.get(setting, ())
            for chosen in value if isinstance(value, tuple) else (value,):
                if choices is NETWORKS and chosen in FORMER_NETWORKS:
                    raise SuiteError(f"The network {chosen} is now {FORMER_NETWORKS[chosen]}: write that.")
                if choices and chosen not in choices:
                    raise SuiteError(f"The setting {setting} takes one of {', '.join(choices)}, but {chosen!r} was given.")
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                lowest, highest = LIMITS.get(setting, (1 if isinstance(value, int) else 0, math.inf))
                if not lowest <= value <= highest or math.isinf(value):
                    limits = f"at least {lowest:g}" + (f" and at most {highest:g}" if highest < math.inf else "")
                    raise SuiteError(f"The setting {setting} must be {limits}, but is {value}.")


@dataclass(frozen=True)
class SpectrogramSettings(Checked):
    """How a clip becomes a picture; the reasons for the values stand in notebook 02.

    Attributes
    ----------
    sample_rate : int
        Hz; clips are resampled to it.
    n_fft, hop_length : int
        Window of the short-time Fourier transform and the step between windows, in samples.
    mel_bins : int
        Frequency bands, equally wide on the mel scale.
    fmin, fmax : float
        Lowest and highest frequency in Hz.
    dynamic_range_db : float
        What lies further below the clip's loudest point becomes black.
    image_size : int or None
        Side of a square picture that the whole clip is squeezed into, as in the study; None keeps one column a frame
        and one row a mel bin.
    colour : bool
        Colour (the map "magma") or grey.
    longest_s : int
        Of a longer clip the first so many seconds are used, by every stage.
    """

    sample_rate: int = 16_000
    n_fft: int = 1024
    hop_length: int = 160
    mel_bins: int = 96
    fmin: float = 50.0
    fmax: float = 8_000.0
    dynamic_range_db: float = 80.0
    image_size: int | None = None
    colour: bool = False
    longest_s: int = 300

    def __post_init__(self):
        super().__post_init__()
        columns = self.longest_s * self.sample_rate // self.hop_length
        if columns > MOST_COLUMNS or columns * self.mel_bins > MOST_POINTS:
            raise SuiteError(
                f"A clip of {self.longest_s} s would become {columns} x {self.mel_bins} points, more than an image can have "
                f"({MOST_COLUMNS} columns, {MOST_POINTS} points): take a larger hop_length or a smaller longest_s."
            )
        if not self.fmin < self.fmax:
            raise SuiteError(f"The setting fmax must be more than fmin ({self.fmin:g} Hz), but is {self.fmax:g}.")

    @property
    def channels(self) -> int:
        return 3 if self.colour else 1


@dataclass(frozen=True)
class Corpus(Checked):
    """Settings of the synthetic corpus.

    Attributes
    ----------
    speakers : int
        Speakers in each of the 39 categories.
    sentences : int
        Different sentences that each speaker reads, at most 16.
    corpus_seed : int
        The same seed gives the same bytes.
    """

    speakers: int = 5
    sentences: int = 8
    corpus_seed: int = 0


@dataclass(frozen=True)
class Profile(Checked):
    """All settings of a run.

    Attributes
    ----------
    name : str
    corpus : Corpus
        The synthetic corpus, where the dataset is `voices`.
    spectrogram : SpectrogramSettings
    window_frames : int or None
        Width in frames of the random window that training takes of a picture; None takes the whole picture.
    epoch_windows : int
        About as many windows make an epoch where a corpus has fewer clips: each clip is then shown more than once. In a larger
        corpus each clip is shown once.
    test_windows : int
        Evenly spaced windows of a clip whose predictions are pooled, by their geometric mean.
    frequency_mask, time_mask : int
        Widest band of mel bins and of frames that augmentation hides, twice a picture (SpecAugment, Park et al. 2019).
    time_shift : int
        Most frames by which augmentation moves a picture to either side; 0 moves none.
    gain_db : float
        Most dB by which augmentation makes a grey picture louder or quieter; 0 leaves its level.
    noise_snr_db : float or None
        Lowest signal-to-noise ratio in dB at which augmentation adds noise to a grey picture; each one's is drawn from there to
        20 dB more. None adds none.
    equaliser_db : float
        Most dB by which augmentation's random filter makes any frequency of a grey picture louder or quieter; 0 filters none.
    mixup : float
        Parameter alpha of mixup; 0 mixes nothing.
    network : str
        One of `NETWORKS`.
    compare : tuple of str
        The networks that notebook 05 sets beside it.
    compare_epochs, compare_seeds : int
        Of notebook 05: the most epochs that a network has to converge in, and how many seeds from `seed` on.
    compare_minutes : int
        After so many minutes the race of notebook 05 pauses at the end of an epoch, and goes on when it is called again; 0 never
        pauses.
    weights : str
        Where a network starts: "imagenet", one of `keras.applications` from ImageNet weights; "voices", the small ResNet from the
        ready-made ones, which have learnt the synthetic voices; "none", and all that these do not fit, from random weights. Or the
        path of a file with weights of the network of `keras.applications`, `.h5`, with or without its top.
    head : {"max_pooling", "flatten", "average_pooling"}
        What stands on a network of `keras.applications` before the Dense softmax: GlobalMaxPooling2D (the study's section 6);
        BatchNormalization, ReLU and Flatten (its section 9.2); or GlobalAveragePooling2D, as in ResNet itself.
    base_channels : int
        Channels of the first stage of the small networks.
    dropout : float
        Fraction of the features hidden from the last layer in training (small networks).
    epochs, batch_size : int
    optimizer : {"adam", "adamw", "adamw_steady"}
        "adamw" warms up for two epochs, then follows half a cosine to zero, with gradients clipped to a norm of 1. "adamw_steady",
        which notebook 05 takes in its place, comes down to a thousandth in half of the epochs, and stays there.
    learning_rate, weight_decay, label_smoothing : float
    leave_out_marked : bool
        Train without the clips that a listener has marked in notebook 04 (`review.csv`).
    early_stopping : int
        Stop when so many epochs have brought no validation loss lower by 0.5%; 0 never stops early.
    kept_epoch : {"best", "last"}
        Keep the epoch with the lowest validation loss, or the last.
    mixed_precision : {"auto", "on", "off"}
        Compute in 16 bits and keep the weights in 32; "auto" does so on a GPU alone.
    jit_compile : {"auto", "on", "off"}
        Compile the network with XLA; "auto" leaves it to Keras, which does so on a single GPU alone.
    seed : int
        Of the split, the weights, the order and the windows.
    """

    name: str
    corpus: Corpus = field(default_factory=Corpus)
    spectrogram: SpectrogramSettings = field(default_factory=SpectrogramSettings)
    window_frames: int | None = 64
    epoch_windows: int = 1440
    test_windows: int = 10
    frequency_mask: int = 6
    time_mask: int = 10
    time_shift: int = 0
    gain_db: float = 0.0
    noise_snr_db: float | None = None
    equaliser_db: float = 0.0
    mixup: float = 0.0
    network: str = "small_resnet"
    compare: tuple[str, ...] = ("plain_cnn",)
    compare_epochs: int = 50
    compare_seeds: int = 1
    compare_minutes: int = 0
    weights: str = "none"
    head: Literal["max_pooling", "flatten", "average_pooling"] = "max_pooling"
    base_channels: int = 32
    dropout: float = 0.1
    epochs: int = 34
    batch_size: int = 32
    optimizer: Literal["adam", "adamw", "adamw_steady"] = "adamw"
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    label_smoothing: float = 0.05
    leave_out_marked: bool = False
    early_stopping: int = 0
    kept_epoch: Literal["best", "last"] = "best"
    mixed_precision: Literal["auto", "on", "off"] = "auto"
    jit_compile: Literal["auto", "on", "off"] = "auto"
    seed: int = 0

    def __post_init__(self):
        super().__post_init__()
        if self.weights not in WEIGHTS and self.weights_file is None:
            raise SuiteError(
                f"The setting weights takes one of {', '.join(WEIGHTS)} or the path of a file whose name ends with .h5, but "
                f"{self.weights!r} was given."
            )

    @property
    def weights_file(self) -> Path | None:
        """The file that a network's weights come from, if `weights` is the path of one."""
        path = Path(self.weights).expanduser()
        return path if path.suffix in WEIGHTS_FILES else None

    def windows_per_clip(self, clips: int) -> int:
        """How often an epoch of so many training clips shows each: once, or more where there are few."""
        return max(1, round(self.epoch_windows / clips))

    def steps_per_epoch(self, clips: int) -> int:
        """Number of batches in an epoch of so many training clips; the last one may be smaller."""
        return -(-clips * self.windows_per_clip(clips) // self.batch_size)

    def validation_windows(self, clips: int, *, training_clips: int) -> int:
        """How many windows of each validation clip an epoch is validated on: in all, about a fifth as many as training shows.

        One a clip at least, and no more than `test_windows`.
        """
        shown = training_clips * self.windows_per_clip(training_clips)
        return max(1, min(round(shown / 5 / clips), self.test_windows))


PROFILES = {
    "quick": Profile("quick", weights="voices"),
    # The study's section 6.1. It does not give the settings of its spectrograms: these are librosa's defaults,
    # squeezed into the picture size of ResNet50.
    "paper": Profile(
        "paper",
        spectrogram=SpectrogramSettings(
            sample_rate=22_050, n_fft=2048, hop_length=512, mel_bins=128, fmin=0.0, fmax=11_025.0, image_size=224, colour=True
        ),
        window_frames=None,
        epoch_windows=1,
        test_windows=1,
        frequency_mask=24,
        time_mask=24,
        network="resnet50",
        compare=("vgg16", "mobilenetv2"),
        compare_epochs=40,
        compare_minutes=45,
        weights="imagenet",
        epochs=40,
        optimizer="adam",
        learning_rate=1e-4,
        weight_decay=0.0,
        label_smoothing=0.0,
        kept_epoch="last",  # the study's figures are those of epoch 40
    ),
}


def choose_profile(name: str, *, overrides: str = "") -> Profile:
    """A profile by name, with some of its settings replaced.

    Parameters
    ----------
    name : str
        A key of `PROFILES`.
    overrides : str, optional
        Such as ``"epochs=5, batch_size=16"``; the names are those of `Profile`, `Corpus` and `SpectrogramSettings`. A value with
        a space or a comma stands between quotes: ``weights="/content/drive/My Drive/weights.h5"``.

    Raises
    ------
    SuiteError
        An unknown profile or setting, or a value that does not fit.

    Examples
    --------
    >>> choose_profile("quick", overrides="epochs=3, mel_bins=64").spectrogram.mel_bins
    64
    """
    if name not in PROFILES:
        raise SuiteError(f"There is no profile {name!r}: choose one of {', '.join(PROFILES)}.")
    profile = PROFILES[name]
    chosen: dict[Any, dict[str, Any]] = {part: {} for part in (profile, profile.corpus, profile.spectrogram)}
    _, *known = describe(profile)  # without its name
    for item in _items(overrides):
        setting, _, text = item.partition("=")
        if setting not in known:
            raise SuiteError(f"The profile has no setting {setting!r}; write name=value with one of: {', '.join(known)}.")
        owner = next(part for part in chosen if setting in vars(part))
        chosen[owner][setting] = _value(owner, setting, text)
    corpus, spectrogram = (replace(part, **chosen[part]) for part in (profile.corpus, profile.spectrogram))
    return replace(profile, corpus=corpus, spectrogram=spectrogram, **chosen[profile])


def describe(profile: Profile) -> dict[str, Any]:
    """All settings of a profile as one flat dictionary, in the order they are declared."""
    flat: dict[str, Any] = {}
    for name, value in asdict(profile).items():
        flat |= value if isinstance(value, dict) else {name: value}
    return flat


def _items(overrides: str) -> list[str]:
    """The parts of a text between spaces and commas; quotes hold one together."""
    lexer = shlex.shlex(overrides, posix=True)
    lexer.whitespace += ","
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError:
        raise SuiteError(f"In OVERRIDES a quote is not closed: {overrides}") from None


def _value(part: Any, setting: str, text: str) -> Any:
    """Text as a value of the setting's type."""
    kind = get_type_hints(type(part))[setting]
    kinds = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    try:
        if type(None) in kinds and text.lower() == "none":
            return None
        if kinds[0] is bool:
            return {"true": True, "false": False}[text.lower()]
        if get_origin(kinds[0]) is tuple:
            return tuple(filter(None, text.split("+")))
        return kinds[0](text) if kinds[0] in (int, float) else text
    except (ValueError, KeyError):
        names = {int: "a whole number", float: "a number", bool: "true or false", type(None): "none"}
        takes = " or ".join(names[kind] for kind in kinds)
        raise SuiteError(f"The setting {setting} takes {takes}, but {text!r} was given.") from None
