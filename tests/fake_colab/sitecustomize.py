"""Sends what kagglehub asks of Kaggle to the address in FAKE_KAGGLE, where a whole copy of CREMA-D has FAKE_CLIPS clips."""

import dataclasses
import importlib.abc
import importlib.util
import os
import sys


def send_to_the_stand_in(kaggle_env):
    kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = os.environ["FAKE_KAGGLE"]


def expect_fewer_clips(catalogue):
    catalogue.DATASETS["crema-d"] = dataclasses.replace(
        catalogue.DATASETS["crema-d"], clips=int(os.environ["FAKE_CLIPS"]), megabytes=10
    )


CHANGES = {"kagglesdk.kaggle_env": send_to_the_stand_in, "helpers.recordings.catalogue": expect_fewer_clips}


class Changed(importlib.abc.MetaPathFinder):
    """Changes a module once it is imported: these are not on the path yet when Python starts."""

    def find_spec(self, name, path, target=None):
        if name not in CHANGES:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        execute = spec.loader.exec_module

        def execute_and_change(module):
            execute(module)
            CHANGES[name](module)

        spec.loader.exec_module = execute_and_change
        return spec


if "FAKE_KAGGLE" in os.environ:
    sys.meta_path.insert(0, Changed())
