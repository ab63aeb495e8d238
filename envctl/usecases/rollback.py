"""Back to the environment of before, at once: no network, no lock, nothing is installed."""

from dataclasses import dataclass

from envctl.domain.environment import Current, SyncPlan, difference
from envctl.errors import EnvironmentFailure
from envctl.ports import Environments, Project
from envctl.usecases.wanted import same_packages

_MOVED = "it was made for another folder: this project was moved or copied"


@dataclass(frozen=True, kw_only=True, slots=True)
class Returned:
    """What is at ``.venv`` again, where, and how it differs from what was there a moment ago.

    ``aside``: where that is now, if it was somebody else's.
    """

    path: str
    plan: SyncPlan
    foreign: bool = False
    aside: str | None = None


def rollback(project: Project, environments: Environments) -> Returned | None:
    """Exchange what is at ``.venv`` with what was there before; ``None``: nothing was, or it was cleaned away.

    Raises ``EnvironmentFailure`` where it is no longer what it was; then nothing has changed.
    """
    with project.locked("roll back"):
        current, before = environments.current(), environments.previous()
        if before is None or before.path is None:
            return None
        change = difference(_packages(environments, current), _packages(environments, before))
        if before.kind == "foreign":
            path = environments.give_back(before.path)
        else:
            _usable(environments, before)
            path = environments.use(before.path)
        left = environments.previous() if current.kind == "foreign" else None
        environments.clean()
        return Returned(
            path=path,
            plan=change,
            foreign=before.kind == "foreign",
            aside=left.path if left and left.kind == "foreign" else None,
        )


def _packages(environments: Environments, which: Current) -> dict[str, str]:
    return dict(environments.packages(which.path)) if which.path else {}


def _usable(environments: Environments, before: Current) -> None:
    why = _unusable(environments, before)
    if why:
        lock = "go back to the lock of before (`git checkout REVISION -- pylock.toml`) and "
        raise EnvironmentFailure(
            f"the environment before this one cannot be used: {why}",
            where=before.path,
            hint=f"{'' if why == _MOVED else lock}run `envctl sync`",
        )


def _unusable(environments: Environments, before: Current) -> str | None:
    assert before.path is not None  # noqa: S101  # seen to by `rollback`
    if before.stamp is None:
        return before.found or "it has no stamp any more"
    if environments.made_elsewhere(before.path):
        return _MOVED
    if not same_packages(environments.packages(before.path), before.stamp.versions):
        return "another tool has installed or removed packages in it"
    if tampered := sorted({each.package for each in environments.inspect(before.path).problems}):
        return f"files of {', '.join(tampered)} were changed in it"
    return None
