"""The one error a user may see: a clear sentence on what is wrong, where, and what to do."""


class UserError(Exception):
    """Bad input or a missing step. The command prints the message and exits with code 2, without a traceback."""


class DeclarationError(Exception):
    """A declaration that cannot be right; the message names its file and line."""


class Outdated(UserError):
    """A model was fitted on other declarations than those of now. The message says which one changed and what to do."""


class Damaged(UserError):
    """Something published is missing or is not what was published. The message names the file and what to do."""
