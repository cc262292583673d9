"""eSpeak NG, a formant speech synthesiser, from Python (notebook 01).

The functions called are those of eSpeak NG's `speak_lib.h` and `espeak_ng.h`, through ctypes; the library and its data come
with the package espeakng-loader.
"""

import ctypes
import shutil
from pathlib import Path

import numpy as np

from helpers.base.artifacts import SuiteError

SAMPLE_RATE = 22_050  # Hz, eSpeak NG's own


class Espeak:
    """eSpeak NG in this process, with custom voices.

    The library keeps state from one utterance to the next and can be loaded once per process: for reproducible bytes,
    start a new process and speak in the same order.

    Parameters
    ----------
    data : Path
        An empty folder. The library reads voices from its data folder only, so the English part of that folder is copied here.
    voices : dict of str to str
        Name and content of voice variant files (docs/voices.md of eSpeak NG).

    Raises
    ------
    SuiteError
        The package espeakng-loader is missing or does not start.
    """

    SYNCHRONOUS, RATE, UTF8 = 2, 1, 1
    CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

    def __init__(self, data: Path, voices: dict[str, str]):
        try:
            import espeakng_loader
        except ImportError:
            raise SuiteError(
                "The voices corpus needs the package espeakng-loader: run `pip install espeakng-loader`, then this cell again."
            ) from None
        source, copy = Path(espeakng_loader.get_data_path()), data / "espeak-ng-data"
        (copy / "voices" / "!v").mkdir(parents=True)
        for name in ("phondata", "phonindex", "phontab", "intonations", "en_dict"):
            shutil.copy(source / name, copy / name)
        shutil.copytree(source / "lang" / "gmw", copy / "lang" / "gmw")
        for name, variant in voices.items():
            (copy / "voices" / "!v" / name).write_text(variant)

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        rate = self._library.espeak_Initialize(self.SYNCHRONOUS, 0, str(data).encode(), 0)
        if rate != SAMPLE_RATE:
            raise SuiteError(f"eSpeak NG did not start (it answered {rate}): reinstall the package espeakng-loader.")
        self._chunks: list[np.ndarray] = []
        self._callback = self.CALLBACK(self._collect)  # kept: ctypes does not hold a reference
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples, count, events) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def speak(self, text: str, *, voice: str, rate: int, seed: int) -> np.ndarray:
        """Speak a sentence.

        Parameters
        ----------
        text : str
        voice : str
            ``language+variant``, such as ``"en-us+anna"``.
        rate : int
            Words a minute.
        seed : int
            Of the noise in breathy voices.

        Returns
        -------
        np.ndarray [shape=(n,), dtype=int16]
            Mono, at `SAMPLE_RATE`.
        """
        self._chunks.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SuiteError(f"eSpeak NG does not know the voice {voice}: reinstall the package espeakng-loader.")
        self._library.espeak_ng_SetRandSeed(seed)
        self._library.espeak_SetParameter(self.RATE, rate, 0)
        encoded = text.encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, self.UTF8, None, None)
        return np.concatenate(self._chunks)
