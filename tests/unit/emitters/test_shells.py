"""The patcher: idempotent, exact, and not to be fooled by a value."""

import itertools

import pytest

from envctl.domain.environment.activation import Activation, declared
from envctl.emitters.shells import SHELLS, posix
from envctl.errors import EnvironmentFailure

AT = "/project/.envctl/envs/1"
# The shape of what virtualenv 21 writes; the integration tests use the real one.
WRITTEN = f"""deactivate () {{
    unset VIRTUAL_ENV
}}

deactivate nondestructive
    VIRTUAL_ENV={AT}
export VIRTUAL_ENV
"""
BEGIN, END = "# >>> envctl >>>", "# <<< envctl <<<"


def patched(text: str, built_at: str = AT, environment: str = AT, **env: str) -> str:
    activation = Activation(environment=environment, variables=declared(env))
    return posix.patch({"activate": text}, activation, built_at=built_at)["activate"]


HOSTILE = {
    "A": f"x\n{END}\ntouch /tmp/broken-out\n{BEGIN}\n",
    "B": f"{END}\n",
    "C": f"'\n{BEGIN}",
}


@pytest.mark.parametrize("before", [{}, {"A": "1"}, HOSTILE])
@pytest.mark.parametrize("after", [{}, {"B": "2"}, HOSTILE])
def test_rendering_again_replaces_the_block(before: dict[str, str], after: dict[str, str]) -> None:
    fresh = patched(WRITTEN, **after)
    assert patched(patched(WRITTEN, **before), **after) == fresh
    assert fresh.splitlines().count(BEGIN) == fresh.splitlines().count(END) == 3


def test_the_rest_of_the_script_stays() -> None:
    inside = False
    rest = []
    for line in patched(WRITTEN, A="1").splitlines(keepends=True):
        inside = inside or line == f"{BEGIN}\n"
        if not inside:
            rest.append(line)
        inside = inside and line != f"{END}\n"
    assert "".join(rest) == WRITTEN


def test_the_undoing_comes_first_in_deactivate() -> None:
    assert patched(WRITTEN).startswith(f"deactivate () {{\n{BEGIN}\n")


def test_the_final_path_is_baked() -> None:
    text = patched(WRITTEN, environment="/real path/1")
    assert "VIRTUAL_ENV='/real path/1'\n" in text
    assert AT not in text


@pytest.mark.parametrize("final", [f"/mnt{AT}", AT.removeprefix("/project")])
def test_a_final_path_that_holds_the_other_is_baked_once(final: str) -> None:
    text = patched(patched(WRITTEN, environment=final), environment=final)
    assert f"VIRTUAL_ENV={final}\n" in text
    assert patched(text, environment=final) == text


@pytest.mark.parametrize(
    "foreign",
    ["", "echo hello\n", WRITTEN.replace("deactivate ()", "leave ()"), WRITTEN.replace(AT, "/x")],
)
def test_a_foreign_script_is_refused(foreign: str) -> None:
    with pytest.raises(EnvironmentFailure):
        patched(foreign)


def test_secrets_are_not_baked() -> None:
    activation = Activation(environment=AT, variables=declared({"HF_TOKEN": "hf_1", "A": "1"}))
    text = posix.patch({"activate": WRITTEN}, activation, built_at=AT)["activate"]
    assert "hf_1" not in text
    assert "_envctl_set HF_TOKEN 'hf_1'" in posix.script(activation)


def test_device_variables_alone_are_guarded() -> None:
    text = posix.assignments(declared({"CUDA_VISIBLE_DEVICES": "2", "LD_LIBRARY_PATH": "/l"}))
    before, _, guarded = text.partition('if [ -z "${SLURM_JOB_ID+x}${KUBERNETES_SERVICE_HOST+x}')
    assert "_envctl_set LD_LIBRARY_PATH" in before
    assert "_envctl_set CUDA_VISIBLE_DEVICES" in guarded


def test_evaluated_code_has_no_comment() -> None:
    """An interactive zsh without INTERACTIVE_COMMENTS would run it as a command."""
    text = posix.script(Activation(environment=AT, variables=declared({"A": "#\n# x\n#"})))
    assert not [line for line in text.splitlines() if line.lstrip().startswith("#")]


def test_no_quoted_line_begins_with_a_hash() -> None:
    for parts in itertools.product(["#", "\n", "'", "\\", " "], repeat=4):
        lines = posix.quote("".join(parts)).split("\n")
        assert not any(line.startswith("#") for line in lines)


@pytest.mark.parametrize("name", list(SHELLS))
def test_each_shell_is_a_module_of_the_family(name: str) -> None:
    shell = SHELLS[name]
    assert shell.SCRIPTS
    assert callable(shell.quote)
    assert callable(shell.patch)
    assert callable(shell.script)
    assert callable(shell.session)
