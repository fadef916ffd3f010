"""Errors of the local functions host. Each names what is wrong, why, and how to put it right."""


class HostError(Exception):
    """The host cannot start or continue because of something a person has to change.

    Args:
        resource: The file, setting or function that is at fault.
        cause: What is wrong with it.
        fix: What to do about it.
    """

    def __init__(self, *, resource: str, cause: str, fix: str) -> None:
        super().__init__(f"{resource}: {cause} {fix}")
        self.resource = resource
        self.cause = cause
        self.fix = fix


class UndecodableMessageError(Exception):
    """A queue message is not what host.json's ``messageEncoding`` promises."""
