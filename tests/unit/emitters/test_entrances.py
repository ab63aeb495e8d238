"""What leads other tools into the environment, to the letter; and that no name or value breaks out of it."""

import json
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain import seal
from envctl.domain.environment.activation import Activation, declared
from envctl.domain.environment.entrance import Entrance
from envctl.emitters import inject
from envctl.emitters.exports import DOORS, direnv, kernel, vscode

GOLDEN = Path(__file__).parents[2] / "golden"
ENV = {
    "CUDA_VISIBLE_DEVICES": "2",
    "HOSTILE": 'it\'s "a" $HOME `id` \\n\n// */ é 🦔',
    "PYTHONHASHSEED": "0",
    "REPLACED": "${env:HOME}",
}
ENTRANCE = Entrance(project='vision "two"', root="/srv/it's a pro ject", env=ENV)
FILES = {"kernel": "kernel.json", "direnv": "envrc", "vscode": "settings.json"}


@pytest.mark.parametrize(("name", "file"), FILES.items())
def test_the_whole_file(name: str, file: str) -> None:
    text = DOORS[name].emit(ENTRANCE).text
    assert text == (GOLDEN / file).read_text(encoding="utf-8")
    assert seal.intact(text)


def test_the_whole_pth() -> None:
    activation = Activation(environment="/srv/e", variables=declared(ENV), inject=True)
    assert inject.text(activation) == (GOLDEN / inject.NAME).read_text(encoding="ascii")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_a_folders_name_stays_one_word_whatever_jupyter_replaces(name: str) -> None:
    for folder in (name, f"{{{name}}}", "{prefix}{connection_file}{resource_dir}" + name):
        made = kernel.emit(Entrance(project=name, root=f"/{folder}"))
        spec = json.loads(made.text)
        script = spec["argv"][2]
        assert not re.search(r"\{(connection_file|prefix|resource_dir)\}", script)
        words = shlex.split(script, comments=False)
        assert words[words.index(".") + 1] == f"/{folder}/.venv/bin/activate"
        assert spec["display_name"] == name


NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_the_settings_hold_each_value_or_a_warning(env: dict[str, str]) -> None:
    made = vscode.emit(Entrance(project="p", root="/p", env=env))
    comment, body = made.text.split("\n", 1)
    assert comment.startswith("// ")
    terminal = json.loads(body).get("terminal.integrated.env.linux", {})
    warned = {warning.partition(" ")[0] for warning in made.warnings}
    assert {**terminal} == {name: value for name, value in env.items() if name not in warned}
    assert not any("${" in value for value in terminal.values())


def test_an_envrc_holds_nothing_of_the_project() -> None:
    other = Entrance(project="$(id)", root="/`id`", env={"A": "$(id)"})
    assert direnv.emit(other) == direnv.emit(ENTRANCE)


def test_a_kernel_without_ipykernel_is_warned_of() -> None:
    def warnings(packages: frozenset[str] | None) -> tuple[str, ...]:
        return kernel.emit(Entrance(project="p", root="/p", packages=packages)).warnings

    assert warnings(None) == warnings(frozenset({"ipykernel"})) == ()
    assert "envctl add" in warnings(frozenset({"ipython"}))[0]
