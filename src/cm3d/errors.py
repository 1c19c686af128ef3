"""The one error that a user is meant to see."""


class InputError(Exception):
    """Something outside the code is wrong: a file, a parameter, an environment variable.

    The message is one line that names the culprit and the remedy. Stages print it without a
    traceback and exit with code 1.
    """
