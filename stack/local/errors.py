"""The one error of the local stack."""


class StackError(Exception):
    """Something that a person can mend; the message is one line saying what, and how."""
