"""What both workflows have: their head, and the steps that make a runner ready.

No ``${{ … }}`` stands in a script: whatever GitHub replaces reaches the shell as a variable ("Script injections"). The
actions are GitHub's own, by their major version.
"""

from collections.abc import Iterable, Mapping
from textwrap import indent

from envctl.domain import seal
from envctl.domain.workflow import Workflow
from envctl.emitters.quoted_yaml import quoted

CACHE = "~/.cache/uv"
"""Where uv keeps the wheels, which ``envctl sync`` installs from."""

_SETUP = """\
- uses: actions/checkout@v6
  with:
    persist-credentials: false
- uses: actions/setup-python@v6
  with:
    python-version: %s
- name: Install envctl
  run: |
    case "$ENVCTL_FROM" in
      */*) ;;
      *)
        echo '::error title=envctl::The variable ENVCTL_FROM of this repository must say where envctl comes from.'
        echo 'For example git+https://git.example/team/envctl@v0.1.0 (Settings, Secrets and variables, Actions).'
        exit 1
        ;;
    esac
    python -m venv "$RUNNER_TEMP/envctl"
    "$RUNNER_TEMP/envctl/bin/python" -m pip install --quiet --disable-pip-version-check -- "$ENVCTL_FROM"
    mkdir -p "$RUNNER_TEMP/bin"
    ln -sf "$RUNNER_TEMP/envctl/bin/envctl" "$RUNNER_TEMP/bin/envctl"
    echo "$RUNNER_TEMP/bin" >> "$GITHUB_PATH"
    echo "UV_CACHE_DIR=$HOME/.cache/uv" >> "$GITHUB_ENV"
"""


def head(flow: Workflow, name: str, what: str) -> str:
    """Return the first lines: who wrote the file, what was chosen, what it does, and its name."""
    return (
        f"# Written by `envctl export ci`, which leaves it alone once you have changed it. {seal.BLANK}\n"
        f"{flow.choice.line()}\n"
        f"{indent(what, '# ')}"
        f"name: {quoted(name + flow.titled)}\n"
    )


def common(flow: Workflow) -> str:
    """Return where the scripts run, and where envctl comes from."""
    folder = f"\n    working-directory: {quoted(flow.folder)}" if flow.folder else ""
    source = quoted(flow.choice.source) if flow.choice.source else "${{ vars.ENVCTL_FROM }}"
    return f"defaults:\n  run:\n    shell: bash{folder}\n\nenv:\n  ENVCTL_FROM: {source}\n"


def setup(flow: Workflow) -> str:
    """Return the steps: the repository, Python, envctl."""
    if len(flow.pythons) == 1:
        return _SETUP % quoted(flow.pythons[0])
    # The last is the one that `python` means: envctl's own.
    return _SETUP % ("|\n" + indent("\n".join(flow.pythons), " " * 6))


def env(lines: Mapping[str, str]) -> str:
    """Return a step's variables, and nothing where there are none; the values are YAML already."""
    return "".join(["  env:\n", *(f"    {n}: {v}\n" for n, v in lines.items())]) if lines else ""


def logins(flow: Workflow) -> dict[str, str]:
    """Return the variables that hold logins for the project's indexes: each is a secret's, by its name."""
    names = (f"{each}_{part}" for each in flow.logins for part in ("USERNAME", "PASSWORD"))
    return {name: f"${{{{ secrets.{name} }}}}" for name in names}


def labels(runner: Iterable[str]) -> str:
    """Return what ``runs-on`` takes: one label, or a list that a runner must have all of."""
    one, *more = (quoted(label) for label in runner)
    return f"[{', '.join((one, *more))}]" if more else one


def placed(steps: str) -> str:
    """Return steps at their place in a job."""
    return indent(steps, " " * 6)
