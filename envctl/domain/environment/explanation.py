"""What a command in the environment would be given, and whose word each variable is."""

from dataclasses import dataclass

from envctl.domain.environment.activation import Assignment


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """What ``envctl run`` would start with.

    ``program``: the path of the command's program; ``None``: no command was named, or there is no such program.
    ``active``: the caller has entered this environment already. ``left_out``: how many of the caller's variables an
    isolated command does without; ``None``: it is not isolated, and all that are not listed stay as they are.
    ``env_file``: there is one, from which the caller's own values may come.
    """

    environment: str
    variables: tuple[Assignment, ...]
    scheduler: str | None = None
    active: bool = False
    left_out: int | None = None
    program: str | None = None
    env_file: bool = False
