"""Run one command in the environment: everything its process is given."""

from collections.abc import Iterable, Mapping

from envctl.domain.activation import Activation, precedence
from envctl.errors import UsageError

_PATH = "/bin:/usr/bin"  # os.defpath: where a caller that has no PATH (`env -i`) finds programs


def patch(
    activation: Activation, environ: Mapping[str, str], extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the whole environment of a command: what activation does, settled by ``precedence``.

    ``environ`` is the caller's; ``extra`` is the command line's ``--env``. A host variable that the caller has keeps
    the caller's value; in a scheduler's job its device variables stay as they are, set or unset.
    """
    env = {**environ, **_entered(activation, environ)}
    env.pop("PYTHONHOME", None)
    for each in precedence(activation.variables, caller=environ, cli=extra):
        if each.value is None:
            env.pop(each.name, None)
        else:
            env[each.name] = each.value
    return env


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """Read the command line's ``K=V``; raises ``UsageError``."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.isascii() and name.isidentifier()):
            raise UsageError(
                f"`{name or text}` is not a variable with its value"
                if not equals
                else f"`{name}` is not a name for a variable",
                where="--env",
                hint="write it as NAME=VALUE",
            )
        found[name] = value
    return found


def _entered(activation: Activation, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what virtualenv's own part of ``activate`` sets."""
    rest = (environ.get("PATH") or _PATH).split(":")
    libraries = [f"{activation.environment}/lib/pkgconfig", environ.get("PKG_CONFIG_PATH", "")]
    return {
        "PATH": ":".join([activation.programs, *(p for p in rest if p != activation.programs)]),
        "PKG_CONFIG_PATH": ":".join(dict.fromkeys(path for path in libraries if path)),
        "VIRTUAL_ENV": activation.environment,
        "VIRTUAL_ENV_PROMPT": activation.label,
    }
