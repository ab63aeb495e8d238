"""The examples of `docs/how-to/log-runs.md` run as they stand, against what records the calls."""

import json
import re
import sys
from pathlib import Path
from unittest.mock import MagicMock, call

import pytest

from tests.unit.domain.made_runs import WHOLE

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "log-runs.md"


def example(library: str) -> str:
    blocks = re.findall(
        r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    [found] = [block for block in blocks if f"import {library}\n" in block]
    assert isinstance(found, str)
    return found


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "run.json"
    found.write_text(json.dumps(WHOLE.to_json()), encoding="utf-8")
    monkeypatch.setenv("ENVCTL_RUN", str(found))
    return found


@pytest.fixture
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """Stand in for a library that is large and no part of these tests."""
    made = MagicMock()
    monkeypatch.setitem(sys.modules, request.param, made)
    return made


@pytest.mark.parametrize("library", ["mlflow"], indirect=True)
def test_mlflow(library: MagicMock, path: Path) -> None:
    exec(example("mlflow"), {})
    assert library.log_artifact.mock_calls == [call(str(path))]
    [tags] = library.set_tags.mock_calls[0].args
    assert tags == {
        "envctl.slice": "sha256:2",
        "envctl.profile": "cu126",
        "envctl.driver": "550.90.07",
        "envctl.machine": "lab",
    }


@pytest.mark.parametrize("library", ["wandb"], indirect=True)
def test_weights_and_biases(library: MagicMock, path: Path) -> None:
    exec(example("wandb"), {})
    run = library.init.return_value.__enter__.return_value
    assert run.config.update.mock_calls == [call({"envctl": WHOLE.to_json()})]
    assert run.save.mock_calls == [call(str(path), base_path=path.parent, policy="now")]


@pytest.mark.parametrize("library", ["mlflow", "wandb"], indirect=True)
@pytest.mark.parametrize("value", ["", None])
def test_without_a_description_they_run_all_the_same(
    library: MagicMock,
    value: str | None,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if value is None:
        monkeypatch.delenv("ENVCTL_RUN", raising=False)
    else:
        monkeypatch.setenv("ENVCTL_RUN", value)
    exec(example(request.node.callspec.params["library"]), {})
    assert not library.set_tags.called
    assert not library.init.return_value.__enter__.return_value.save.called


def test_the_page_names_every_key() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("| key | value |")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines()[2:]))
    assert named == list(WHOLE.to_json())
