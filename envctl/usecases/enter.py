"""What entering the project's environment means now: the first step of activate, shell and run."""

from envctl.domain import reading
from envctl.domain.activation import Activation, declared
from envctl.errors import EnvironmentFailure, ManifestError
from envctl.ports import Environments, Project
from envctl.readers.toml import read_toml
from envctl.usecases import load

LOCAL = ".envctl/local.toml"
_LOCAL_KEYS = ("env",)
_LATER = ("env-file", "machine", "mirror", "profile")


def activation(
    project: Project, environments: Environments, *, sourced: bool = False
) -> Activation:
    """Return the environment's real path and its variables; raises ``EnvironmentFailure`` when it is not there.

    ``sourced``: a shell is to read the environment's own script, which must be the one of this folder.
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
    return Activation(
        environment=current.path,
        variables=declared(load.manifest(project).env, local=local_env(project)),
        prompt=project.root.name,
    )


def local_env(project: Project) -> dict[str, str]:
    """Return the variables of ``.envctl/local.toml``, which is one person's or machine's own."""
    text = project.read(LOCAL)
    if text is None:
        return {}
    data = read_toml(text, LOCAL)
    try:
        for key in _LATER:
            if key in data:
                raise ManifestError(  # noqa: TRY301  # the place is added below
                    "this version of envctl does not read that key yet",
                    where=key,
                    hint="take it out, or use an envctl that knows it",
                )
        reading.only(data, _LOCAL_KEYS, "")
        return reading.variables(data, "env", "")
    except ManifestError as error:
        error.where = f"{LOCAL}: {error.where}"
        raise
