"""What entering the project's environment means now: the first step of activate, shell and run."""

from collections.abc import Mapping

from envctl.domain.environment import Current
from envctl.domain.environment.activation import Activation, declared
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
    own script, which must be the one of this folder. Here the ``env-file`` is read, and nowhere else: what ``sync``
    writes holds no secret, so a machine that only builds environments needs none.
    """
    current = environments.current()
    whole = load.manifest(project)
    path = _usable(current, managed=whole.managed)
    if current.stamp is None:
        profile = choice.present(project, environments, whole, None, environ).profile
    else:
        profile = choice.entered(whole, current.stamp, environ).profile
        if sourced and environments.made_elsewhere(path):
            raise EnvironmentFailure(
                "the environment was made for another folder: this project was moved or copied",
                where=".venv",
                hint="run `envctl sync`",
            )
    local = load.local(project)
    paths, secrets = load.env_files(project, local, environ)
    variables = declared(
        whole.env,
        profile=whole.profiles[profile].env if profile else None,
        env_file=secrets,
        local=local.env,
    )
    return Activation(
        environment=path,
        variables=variables,
        prompt=project.root.name,
        env_files=paths,
        foreign=current.kind == "foreign",
        profile=profile,
    )


def _usable(current: Current, *, managed: bool) -> str:
    """Return the real path of what is at ``.venv``, if it can be entered.

    What another tool made can be where the manifest says so.
    """
    if current.kind == "foreign" and managed:
        raise EnvironmentFailure(
            f".venv is {current.found}", where=".venv", hint="run `envctl sync --adopt`"
        )
    if current.path is None or (current.stamp is None and managed):
        raise EnvironmentFailure(
            current.found or "there is no finished environment",
            where=".venv",
            hint="run `envctl sync`" if managed else "make one with the tool that keeps .venv",
        )
    return current.path
