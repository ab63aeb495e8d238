"""What entering the project's environment means now: the first step of activate, shell and run."""

from collections.abc import Mapping

from envctl.domain.activation import Activation, declared
from envctl.errors import EnvironmentFailure
from envctl.ports import Environments, Project
from envctl.usecases import choice, load


def activation(
    project: Project,
    environments: Environments,
    environ: Mapping[str, str],
    *,
    sourced: bool = False,
) -> Activation:
    """Return the environment's real path and its variables; raises ``EnvironmentFailure`` when it is not there.

    ``environ`` is the caller's: its ``ENVCTL_PROFILE`` must agree. ``sourced``: a shell is to read the environment's
    own script, which must be the one of this folder.
    """
    current = environments.current()
    if current.kind == "foreign":
        raise EnvironmentFailure(
            f".venv is {current.found}", where=".venv", hint="run `envctl sync --recreate`"
        )
    if current.path is None or current.stamp is None:
        raise EnvironmentFailure(
            "there is no finished environment", where=".venv", hint="run `envctl sync`"
        )
    if sourced and environments.made_elsewhere(current.path):
        raise EnvironmentFailure(
            "the environment was made for another folder: this project was moved or copied",
            where=".venv",
            hint="run `envctl sync`",
        )
    manifest = choice.entered(load.manifest(project), current.stamp, environ)
    return Activation(
        environment=current.path,
        variables=declared(manifest.env, local=load.local(project).env),
        prompt=project.root.name,
    )
