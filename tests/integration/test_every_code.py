"""Every code of the catalogue comes about on a real project, and is mended by its own fix or says what to decide."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from envctl.domain.finding.catalogue import CATALOGUE
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.provoking import (
    Case,
    Near,
    Stage,
    built,
    environments,
    fleets,
    images,
    locks,
    machines,
)
from tests.integration.test_fleet import CU12, CU13, LINUX, NEW, OLD
from tests.integration.test_fleet import MANIFEST as TORCH
from tests.integration.test_fleet import STOCK as CUDA
from tests.integration.test_image_proof import MANIFEST as BUILT
from tests.integration.world import MANIFEST, MINOR, STOCK

CASES: tuple[Case, ...] = (
    *locks.CASES,
    *environments.CASES,
    *machines.CASES,
    *fleets.CASES,
    *images.CASES,
    *built.CASES,
)
ELSEWHERE = {("environment-foreign", "advice"): "a mount: test_foreign_environment.py"}
"""Ways that need more than a user's rights; they are tested in that file."""
_Give = Callable[[str], Near]


@pytest.fixture(scope="module")
def give(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Give]:
    """Lend the projects of the table, each made once and given as it was."""
    top = tmp_path_factory.mktemp("every")
    environ = {
        "UV_CACHE_DIR": str(top / "uv cache"),
        "UV_HTTP_RETRIES": "0",
        "NO_PROXY": "127.0.0.1",
        "HOME": str(top / "home"),
        "DOCKER_HOST": "tcp://127.0.0.1:9",
    }
    stages: dict[str, Stage] = {}
    with LocalIndex(mode="html") as index:
        index.add(*STOCK, *_MADE)

        def made(name: str) -> Stage:
            root = top / f"pro ject {name}"
            root.mkdir()
            near = Near(root=root, index=index, environ=environ)
            text = {"torch": TORCH, "built": BUILT}.get(name, MANIFEST)
            words = {"asked": "", "minor": MINOR, "resolver": "uv", "digest": "d" * 64}
            near.write("pyproject.toml", text.format(index=index.url, **words))
            near.envctl("lock")
            if name != "torch":
                near.envctl("sync")
            if name == "image":
                images.prepared(near)
            if name == "built":
                near.write("src/app/__main__.py", "print('ran')\n")
                near.envctl("dockerize")
            near.envctl("verify", "--only", "lock,environment,image" if name != "torch" else "lock")
            return Stage(near)

        def fresh(name: str) -> Near:
            if name not in stages:
                stages[name] = made(name)
            return stages[name].fresh()

        yield fresh


_MADE = (
    images.UV,
    images.GLIBC,
    *CUDA[1:],
    *OLD,
    NEW,
    Wheel("torch", "2.9.1+cu126", requires=CU12, tags=LINUX),
    Wheel("torch", "2.99.0+cu132", requires=CU13, tags=LINUX),
    Wheel("cupy-cuda12x", "13.6.0", tags=LINUX),
    Wheel("zz-made-cuda-a", "1.0+cu126"),
    Wheel("zz-made-cuda-b", "1.0+cu130"),
)


def look(world: Near, case: Case) -> list[dict[str, Any]]:
    found = json.loads(world.envctl(*case.words, "--json", code=None).stdout)["result"]["findings"]
    return [each for each in found if (each["code"], each["layer"]) == (case.code, case.layer)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_comes_about_and_is_mended_or_says_how(give: _Give, case: Case) -> None:
    world = give(case.stage)
    case.provoke(world)
    findings = look(world, case)
    assert findings, world.envctl(*case.words, code=None).stdout
    entry = CATALOGUE[case.code]
    for each in findings:
        assert each["message"]
        assert each["severity"] == entry.severity or entry.rarely
        assert bool(each["fix"]) != bool(each["advice"])
    finding = next(each for each in findings if each[case.way])
    if case.way == "advice":
        said = world.envctl(*case.words, code=None).stdout
        assert f"\n    {finding['advice']}\n" in said
    else:
        forms = [re.escape(each).replace("NAME", r"[a-z0-9-]+") for each in entry.fix]
        assert re.fullmatch("|".join(forms), finding["fix"]), finding["fix"]
        world.envctl(*shlex.split(finding["fix"])[1:])
        assert look(world, case) == []
        world.envctl(*case.words)  # nothing else is wrong there now


def test_each_code_and_each_way_to_mend_it_has_a_case() -> None:
    for code, entry in CATALOGUE.items():
        cases = [case for case in CASES if case.code == code]
        assert {case.layer for case in cases} == set(entry.layers), code
        ways = {
            way for way in ("fix", "advice") if getattr(entry, way) and (code, way) not in ELSEWHERE
        }
        assert {case.way for case in cases} == ways, code
