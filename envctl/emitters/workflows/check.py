"""The workflow that checks each change: verify, sync, verify, and the image."""

from envctl.domain.workflow import (
    Variant,
    Workflow,
    filter_pattern,
    hash_pattern,
    literal,
    secret_variable,
)
from envctl.emitters.quoted_yaml import quoted
from envctl.emitters.workflows.steps import (
    CACHE,
    common,
    env,
    head,
    labels,
    logins,
    placed,
    setup,
)

FILE = "envctl"
Matrix = list[dict[str, str]]
"""A row for each profile; the values are YAML already."""
_WHAT = {
    (True, True): """\
It checks that lock, environment, machines and image agree, installs what the
lock says, and builds the image.
""",
    (True, False): """\
It checks that lock, environment and machines agree, and installs what the lock
says. There is no Dockerfile of envctl's: it builds no image.
""",
    (False, True): """\
It checks that lock, machines and image agree, and builds the image.
""",
    (False, False): """\
It checks that lock and machines agree. There is no Dockerfile of envctl's: it
builds no image.
""",
}
"""By whether the environment is envctl's, and whether there is an image."""
_ON = """
on:
  push:
    branches: [%(branch)s]
%(paths)s  pull_request:
%(paths)s  workflow_dispatch:

permissions:
  contents: read

concurrency:
  group: ${{ github.workflow }}-${{ github.ref }}
  cancel-in-progress: ${{ github.event_name == 'pull_request' }}

"""
_CACHE = """\
# The lock's digest is the key: what it names is fetched once, and again when it names something else.
- uses: actions/cache@v5
  with:
    path: %s
    key: %s
"""
_KEY = "envctl-${{ runner.os }}-${{ runner.arch }}-python%s-${{ hashFiles(%s) }}"


def write(flow: Workflow, file: str) -> str:
    """Return the workflow; ``file`` is its path, as seen from the repository's top."""
    built = tuple(each for each in flow.variants if each.dockerfile)
    jobs = _job(flow, "verify", 60, _verify(flow), flow.variants, _matrix(flow))
    if built:
        image = _job(flow, "image", 120, _image(flow, built), built, _profiles(built), "verify")
        jobs += f"\n{image}"
    on = _ON % {"branch": quoted(filter_pattern(flow.branch)), "paths": _paths(flow, file)}
    return (
        head(flow, "envctl", _WHAT[flow.managed, bool(built)])
        + on
        + common(flow)
        + "\njobs:\n"
        + jobs
    )


def _paths(flow: Workflow, file: str) -> str:
    """Only what changes the project: one among others of a repository is not checked at each of their changes."""
    if not flow.folder:
        return ""
    own = (f"{filter_pattern(flow.folder)}/**", filter_pattern(file))
    return "    paths:\n" + "".join(f"      - {quoted(each)}\n" for each in own)


def _job(
    flow: Workflow,
    name: str,
    minutes: int,
    steps: str,
    variants: tuple[Variant, ...],
    matrix: Matrix,
    needs: str | None = None,
) -> str:
    several = variants[0].profile is not None
    lines = [
        f"  {name}:",
        f"    name: {name} (${{{{ matrix.profile }}}})" if several else f"    name: {name}",
        *([f"    needs: {needs}"] if needs else []),
        f"    runs-on: {'${{ matrix.runner }}' if several else labels(variants[0].runner)}",
        f"    timeout-minutes: {minutes}",
        *(_strategy(matrix) if several else ()),
        "    steps:",
    ]
    return "\n".join(lines) + "\n" + placed(setup(flow) + steps)


def _strategy(matrix: Matrix) -> list[str]:
    lines = ["    strategy:", "      fail-fast: false", "      matrix:", "        include:"]
    for row in matrix:
        keys = [f"{key}: {value}" for key, value in row.items()]
        lines += [f"          - {keys[0]}", *(f"            {key}" for key in keys[1:])]
    return lines


def _profiles(variants: tuple[Variant, ...]) -> Matrix:
    return [{"profile": quoted(v.profile or ""), "runner": labels(v.runner)} for v in variants]


def _matrix(flow: Workflow) -> Matrix:
    rows = _profiles(flow.variants)
    for row, each in zip(rows, flow.variants, strict=True):
        row["lock"] = quoted(hash_pattern(flow.path(each.lock)))
        if any(other.blind for other in flow.variants):
            row["skip"] = quoted("machine" if each.blind else "")
    return rows


def _verify(flow: Workflow) -> str:
    if not flow.managed:
        return "- name: Verify\n  run: envctl verify --only lock,fleet,image\n"
    first = flow.variants[0]
    several = first.profile is not None
    pattern = "matrix.lock" if several else literal(hash_pattern(flow.path(first.lock)))
    skip, variables = _skip(flow.variants)
    return (
        # First, so that a stale lock costs seconds and not a download.
        "- name: Verify the lock\n  run: envctl verify --only lock\n"
        + _CACHE % (CACHE, quoted(_KEY % (flow.python, pattern)))
        + "- name: Sync\n"
        + env(_profile(several=several) | logins(flow))
        + f"  run: envctl sync{_option(several=several)}\n"
        + skip
        + "- name: Verify\n"
        + env(variables)
        + f"  run: envctl verify{_skipped(flow.variants)}\n"
    )


def _skip(variants: tuple[Variant, ...]) -> tuple[str, dict[str, str]]:
    """Return what is said of the layer that is left out, and the variable that names it in a matrix."""
    if not any(each.blind for each in variants):
        return "", {}
    said = "# The runner has no GPU, and a profile needs one: `machine` is left out there.\n"
    return said, {"SKIP": "${{ matrix.skip }}"} if variants[0].profile is not None else {}


def _skipped(variants: tuple[Variant, ...]) -> str:
    if not any(each.blind for each in variants):
        return ""
    return ' ${SKIP:+--skip "$SKIP"}' if variants[0].profile is not None else " --skip machine"


def _image(flow: Workflow, built: tuple[Variant, ...]) -> str:
    several = built[0].profile is not None
    option = _option(several=several)
    names = dict.fromkeys(name for each in built for name in each.secrets)
    given = {name: secret_variable(name) for name in names}
    variables = _profile(several=several) | logins(flow)
    # Under names of their own: one may be called PATH.
    variables |= {f"BUILD_{each}": f"${{{{ secrets.{each} }}}}" for each in given.values()}
    commands = []
    if any(each.hermetic for each in built):
        commands.append(f"envctl dockerize{option}")  # it fetches the wheels
    if given:
        commands.append("umask 077")
    commands += [f'printf %s "$BUILD_{each}" > "$RUNNER_TEMP/{each}"' for each in given.values()]
    secrets = "".join(f' --secret {name}="$RUNNER_TEMP/{each}"' for name, each in given.items())
    commands.append(f"envctl image build{option}{secrets} --verify")
    script = commands[0] if len(commands) == 1 else "|\n    " + "\n    ".join(commands)
    return f"- name: Build the image\n{env(variables)}  run: {script}\n"


def _profile(*, several: bool) -> dict[str, str]:
    return {"PROFILE": "${{ matrix.profile }}"} if several else {}


def _option(*, several: bool) -> str:
    return ' --profile "$PROFILE"' if several else ""
