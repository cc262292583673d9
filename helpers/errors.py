"""The one exception of the suite: a sentence that says what is wrong, where, and what to do next."""


class SuiteError(Exception):
    """Something the user can mend; its message is a whole sentence with the next step.

    In a notebook it is shown as that sentence alone, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython asks the exception for what to show; a student needs the sentence, not our call stack.
        return [f"\x1b[31m{self}\x1b[0m"]
