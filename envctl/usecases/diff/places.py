"""A folder on the command line: an environment, or a project, which is known by its environment or else its locks."""

from envctl.domain.captured.side import side_of
from envctl.errors import DescriptionError
from envctl.ports import Project
from envctl.usecases import load
from envctl.usecases.diff.files import LOCK_NAME
from envctl.usecases.diff.found import Doors, Found, Use


def environment(doors: Doors, path: str, said: str) -> Found:
    """Read an environment, running nothing of it; raises ``EnvironmentFailure``."""
    doors.looking(f"reading the files of {said}")
    stamp, captured = doors.stamp(path), doors.environment(path)
    return Found(
        kind="environment",
        name=said,
        side=side_of(captured, said, stamp),
        use=Use(
            python=stamp.python if stamp else captured.python,
            platform=doors.platform(),
            groups=stamp.groups if stamp else None,
            extras=stamp.extras if stamp else None,
            profile=stamp.profile if stamp else None,
        ),
    )


def project(doors: Doors, path: str) -> Found:
    """Return a project's environment; where it has none, its locks. Raises ``DescriptionError`` for neither."""
    inner = f"{path.rstrip('/')}/.venv"
    if doors.place(inner) == "environment":
        return environment(doors, inner, inner.removeprefix("./"))
    return locks(doors.project_at(path), f"the locks of {path}")


def locks(found: Project, said: str) -> Found:
    """Return a project's locks as they lie there; raises ``DescriptionError`` where there is none."""
    names = [name for name in found.listing(".") if LOCK_NAME.fullmatch(name)]
    every = {name: lock for name in names if (lock := load.lock(found, name)) is not None}
    if not every:
        raise DescriptionError(
            "the project has no lock",
            where=said,
            hint="run `envctl lock`, or name a file, a revision or an environment",
        )
    return Found(kind="lock", name=f"{said} ({', '.join(every)})", locks=every, whole=True)
