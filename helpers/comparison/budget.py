"""What a race of networks has taken and may take, before it starts (notebook 05)."""

from helpers.base.artifacts import read_table
from helpers.base.settings import Profile
from helpers.network.checkpoints import seconds_so_far
from helpers.network.run import Run


def describe(runs: list[Run], *, profile: Profile) -> str:
    """The trainings, the epochs that are done, their time, and after how many minutes the race pauses, in words."""
    done = [run.files.facts.exists() for run in runs]
    so_far = [epoch_seconds(run) for run in runs]
    seconds = [value for values in so_far for value in values]
    # Of a training that is done, no epoch is left, also where it converged before the last.
    left = sum(profile.compare_epochs - len(values) for values, over in zip(so_far, done, strict=True) if not over)
    text = f"{len(runs)} trainings of at most {profile.compare_epochs} epochs each; {sum(done)} of them are done."
    if seconds and left:
        minutes = sum(seconds) / 60
        text += f" The {len(seconds)} epochs so far took {minutes:.0f} min; at that pace the {left} others take "
        text += f"{minutes / len(seconds) * left:.0f} min at most."
    if left and profile.compare_minutes:
        text += f" After {profile.compare_minutes} min (the setting compare_minutes) this cell pauses at the end of an epoch; "
        text += "it goes on when it is run again."
    return text


def epoch_seconds(run: Run) -> list[float]:
    """Seconds of each epoch of a training that is done; of one that was stopped, as its checkpoint says."""
    files = run.files
    if files.facts.exists() and files.history.exists():
        return read_table(files.history)["seconds"].tolist()
    return seconds_so_far(run)
