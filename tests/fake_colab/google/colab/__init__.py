"""A stand-in for Colab's own package, for tests: what the notebooks meet there, as environment variables tell it.

FAKE_DRIVE: the folder that Drive shows when it is mounted; without it, the user has refused.
FAKE_EVAL_JS: what a panel in the browser answers, as JSON.
"""

from . import drive, files, output, userdata

__all__ = ["drive", "files", "output", "userdata"]
