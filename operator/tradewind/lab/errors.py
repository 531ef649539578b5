"""What can go wrong in the lab, each with a stable reason and the next step for the person at the keyboard."""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot do what was asked.

    ``reason`` is stable and CamelCase, ``next_step`` says what to do about it.
    """

    def __init__(self, reason: str, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        """Everything that a person needs, on one or two lines."""
        text = f"{self.reason}: {self.message}"
        return f"{text}\n{self.next_step}" if self.next_step else text


class BadInputError(LabError):
    """What was asked for cannot be: a mistake in a name, an option or a file."""
