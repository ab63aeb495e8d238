"""The image as another tool that starts it is told of it: an editor's container, compose."""

from dataclasses import dataclass

from envctl.domain.image import Image


@dataclass(frozen=True, kw_only=True, slots=True)
class Companion:
    """``reference``: what the image is called where it is started. ``project``: for people to read, any text."""

    project: str
    reference: str
    image: Image

    @property
    def passed(self) -> tuple[str, ...]:
        """The variables that are given at start by name: secrets, and what means something on one machine only."""
        return tuple(sorted({*self.image.variables.required, *self.image.variables.missed}))
