"""`verify --fix`, `[tool.envctl.verify]` and annotations, through the command line."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.index.server import LocalIndex
from tests.integration.provoking import Near, Stage, images
from tests.integration.provoking.environments import file_modified, foreign, package_gone
from tests.integration.provoking.images import edited
from tests.integration.provoking.locks import stale
from tests.integration.world import STOCK

PROGRAM = (sys.executable, "-m", "envctl")
LAYERS = ("--only", "lock,environment,image")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A project in order, with a Dockerfile."""
    top = tmp_path_factory.mktemp("fix")
    root = top / "pro ject"
    root.mkdir()
    with LocalIndex(mode="html") as index:
        index.add(*STOCK, images.UV)
        environ = {
            "UV_CACHE_DIR": str(top / "uv cache"),
            "UV_HTTP_RETRIES": "0",
            "NO_PROXY": "127.0.0.1",
            "HOME": str(top / "home"),
            "DOCKER_HOST": "tcp://127.0.0.1:9",
        }
        near = Near(root=root, index=index, environ=environ)
        near.write("pyproject.toml", near.manifest())
        near.envctl("lock")
        near.envctl("sync")
        images.prepared(near)
        yield Stage(near)


@pytest.fixture
def near(stage: Stage) -> Near:
    return stage.fresh()


def weighed(near: Near, text: str) -> None:
    near.write("pyproject.toml", near.read("pyproject.toml") + f"\n[tool.envctl.verify]\n{text}\n")


def result(near: Near, *words: str, code: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(near.envctl(*words, "--json", code=code).stdout)
    assert found["ok"] is (code == 0)
    return found


def test_what_is_stale_is_mended_down_to_the_image_and_then_there_is_nothing_to_do(
    near: Near,
) -> None:
    stale(near)
    package_gone(near)
    shown = near.envctl("verify", "--fix", "--dry-run", *LAYERS, code=1)
    assert "would run these, in this order:\n  envctl lock  for lock-stale (2)\n" in shown.stderr
    assert near.envctl("verify", *LAYERS, code=1).stdout == shown.stdout
    done = near.envctl("verify", "--fix", *LAYERS)
    steps = [line for line in done.stderr.splitlines() if line.startswith("$ ")]
    assert steps == ["$ envctl lock", "$ envctl sync", "$ envctl dockerize"]
    assert done.stderr.index("envctl sync  for package-missing") < done.stderr.index(
        "$ envctl lock"
    )
    assert "zz-made-app 1.0 → 2.0" in done.stderr
    assert done.stdout.splitlines() == ["lock         ok", "environment  ok", "image        ok"]
    again = near.envctl("verify", "--fix", *LAYERS)
    assert "$ " not in again.stderr


def test_only_what_is_looked_at_is_mended(near: Near) -> None:
    stale(near)
    package_gone(near)
    done = result(near, "verify", "--fix", "--only", "environment", code=0)["result"]
    assert [each["command"] for each in done["ran"]] == ["envctl sync"]
    assert near.codes("--only", "lock", code=1)


def test_somebodys_work_is_left_alone_and_named(near: Near) -> None:
    file_modified(near)
    for path in near.site.glob("zz_made_test*"):
        shutil.rmtree(path)  # a plain `sync` would bring it back, in an environment made anew
    edited(near)
    before = near.read("Dockerfile")
    found = result(near, "verify", "--fix", *LAYERS, code=1)["result"]
    assert found["ran"] == []
    assert [each["command"] for each in found["left"]] == [
        "envctl sync",
        "envctl sync --repair",
        "envctl dockerize",
    ]
    assert near.read("Dockerfile") == before
    assert "debugging" in (near.site / "zz_made_lib" / "__init__.py").read_text()
    said = near.envctl("verify", "--fix", *LAYERS, code=1).stderr
    assert "not run, for a person to decide:\n  envctl sync: it puts the files back" in said


def test_a_venv_of_another_tool_is_left_alone(near: Near) -> None:
    foreign(near)
    found = result(near, "verify", "--fix", "--only", "environment", code=1)["result"]
    assert [each["command"] for each in found["left"]] == ["envctl sync --adopt"]
    assert (near.root / ".venv").is_dir()
    assert not (near.root / ".venv").is_symlink()


def test_a_fix_that_fails_ends_it_with_its_own_message_and_code(near: Near) -> None:
    near.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app<0.1"')
    package_gone(near)
    done = near.envctl("verify", "--fix", *LAYERS, code=3)
    assert "no versions satisfy all requirements" in done.stderr
    assert "`verify --fix` stops here" in done.stderr
    assert "$ envctl sync" not in done.stderr
    found = result(near, "verify", "--fix", *LAYERS, code=3)
    assert found["error"]["code"] == "resolution"
    assert "lock-stale" in {each["code"] for each in found["result"]["findings"]}


def test_a_folder_called_envctl_is_not_taken_for_the_program(near: Near) -> None:
    near.write("envctl/__init__.py", "raise SystemExit('the wrong one')\n")
    package_gone(near)
    words = ("-C", str(near.root), "verify", "--fix", "--only", "environment")
    done = near.run([*PROGRAM, *words], cwd=near.root.parent)
    assert "the wrong one" not in done.stderr
    assert "$ envctl sync" in done.stderr


def test_what_the_team_switches_off_is_told(near: Near) -> None:
    stale(near)
    weighed(near, 'severity = { lock-stale = "off" }')
    for _ in range(2):  # the second answer is the note's
        done = near.run([*PROGRAM, "verify", "--only", "lock"], env={"GITHUB_ACTIONS": "false"})
        assert done.stdout == (
            "lock         ok\n2 findings are switched off by [tool.envctl.verify]: lock-stale\n"
        )
    found = result(near, "verify", "--only", "lock", code=0)["result"]
    assert (found["findings"], found["lowered"]) == ([], [])
    assert {each["code"] for each in found["off"]} == {"lock-stale"}
    assert near.json("lock", "--check")["result"]["off"] == found["off"]
    # Nothing of it is mended, and a change of the table counts at once.
    assert result(near, "verify", "--fix", "--only", "lock", code=0)["result"]["ran"] == []
    near.edit("pyproject.toml", '"off"', '"warning"')
    lowered = near.run([*PROGRAM, "verify", "--only", "lock"]).stdout
    assert lowered.endswith("this counts less by [tool.envctl.verify]: lock-stale\n")
    near.run([*PROGRAM, "verify", "--only", "lock", "--strict"], code=1)


def test_strict_in_the_manifest_and_on_the_command_line(near: Near) -> None:
    weighed(near, 'strict = true\nseverity = { dockerfile-edited = "warning" }')
    edited(near)
    why = "\nwarnings count as errors here: strict in [tool.envctl.verify]\n"
    for words, code in (((), 1), (("--strict",), 1), (("--no-strict",), 0)):
        said = near.envctl("verify", "--only", "image", *words, code=code).stdout
        assert said.endswith(why) is (code == 1)
        assert near.run([*PROGRAM, "verify", "--only", "image", *words], code=code).stdout == said
    assert "dockerfile-edited" in near.envctl("dockerize", "--check", code=1).stdout


def test_where_there_is_no_dockerfile_nothing_is_called_ok(near: Near) -> None:
    words = [*PROGRAM, "verify", "--only", "image"]
    for name, why in (
        ("none", "there is no Dockerfile (envctl dockerize)"),
        ("foreign", "Dockerfile is not envctl's (envctl dockerize --adopt)"),
    ):
        {"none": images.none, "foreign": images.foreign}[name](near)
        for _ in range(2):  # the second answer is the note's
            assert near.run(words).stdout == f"image        skipped: {why}\n"
        for _ in range(2):
            done = json.loads(near.run([*words, "--json"]).stdout)
            assert (done["ok"], done["result"]["skipped"]) == (True, {"image": why})
    assert result(near, "verify", "--fix", "--only", "image", code=0)["result"]["ran"] == []


def test_a_renamed_profile_is_told_of_its_old_and_its_new_dockerfile(near: Near) -> None:
    images.renamed(near)
    found = {each["subject"]: each for each in near.findings("--only", "image")}
    assert {name: each["code"] for name, each in found.items()} == {
        "Dockerfile.one": "dockerfile-superfluous",
        "Dockerfile.three": "dockerfile-missing",
        "Dockerfile.two": "dockerfile-missing",
    }
    (near.root / "Dockerfile.one").unlink()
    shutil.rmtree(near.root / ".envctl/image/one")
    near.envctl("dockerize")
    assert near.findings("--only", "image") == []


def test_digests_are_shown_to_those_who_ask_and_noted_for_nobody(near: Near) -> None:
    weighed(near, 'severity = { dockerfile-stale = "warning" }')
    images.relocked(near)
    words = [*PROGRAM, "verify", "--only", "image"]
    assert "expected sha256:" in near.run([*words, "--verbose"]).stdout
    for _ in range(2):  # the second answer is the note's
        said = near.run(words).stdout
        assert "dockerfile-stale" in said
        assert "sha256:" not in said
    found = json.loads(near.run([*words, "--json"]).stdout)["result"]["findings"]
    assert all(each["expected"].startswith("sha256:") for each in found)


def test_an_unknown_code_is_refused_with_the_nearest(near: Near) -> None:
    weighed(near, 'severity = { lock-stail = "off" }')
    said = near.envctl("verify", code=3).stderr
    assert "no finding has the code `lock-stail`" in said
    assert "tool.envctl.verify.severity.lock-stail" in said
    assert "did you mean `lock-stale`?" in said
    near.edit("pyproject.toml", 'lock-stail = "off"', 'lock-stale = "loud"')
    said = near.envctl("verify", code=3).stderr
    assert all(f"`{each}`" in said or each in said for each in ("loud", "error", "note", "off"))


def test_annotations(near: Near) -> None:
    stale(near)
    words = ("verify", "--only", "lock")
    plain = near.envctl(*words, code=1).stdout
    actions = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(near.root.parent)}
    beside = near.envctl(*words, code=1, env=actions).stdout
    assert beside.startswith(plain)
    lines = beside.removeprefix(plain).splitlines()
    place = "file=pro ject/pyproject.toml,line=6,title=envctl%3A lock-stale"
    assert len(lines) == 2
    assert all(line.startswith(f"::error {place}::") for line in lines)
    assert all(line.endswith("%0Amend it with: envctl lock") for line in lines)
    alone = near.envctl(*words, "--format", "github", code=1).stdout
    assert alone.replace("file=", "file=pro ject/").splitlines() == lines
    outside = {**actions, "GITHUB_WORKSPACE": str(near.root / "nowhere")}
    there = near.envctl(*words, "--format", "github", code=1, env=outside).stdout
    assert there == alone
    asked = near.envctl(*words, "--json", code=1, env=actions)
    assert json.loads(asked.stdout)["result"]["findings"]
    assert asked.stderr.splitlines() == lines


def test_a_warning_is_annotated_each_time(near: Near) -> None:
    """The answer of the fast path has no annotations: under GitHub Actions it does not answer."""
    stale(near)
    weighed(near, 'severity = { lock-stale = "warning" }')
    for _ in range(2):
        done = near.run([*PROGRAM, "verify", "--only", "lock"], env={"GITHUB_ACTIONS": "true"})
        assert done.stdout.count("\n::warning ") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "json", "--format", "xml"), "`xml`"),
        (("--json", "--format", "text"), "contradict each other"),
        (("--dry-run",), "`envctl verify --fix --dry-run`"),
        (("--only", "lock", "--skip", "lock,image"), "nothing is left to look at"),
        (("--only", "lock,nock"), "did you mean `lock`?"),
        (("--only", "\x1b[31m"), "there is no layer"),
        (("--skip", "lock image"), "there is no layer `lock image`"),
    ],
)
def test_words_that_do_not_go(near: Near, words: tuple[str, ...], said: str) -> None:
    done = near.envctl("verify", *words, code=2)
    assert said in done.stdout + done.stderr
    assert "\x1b" not in done.stderr


def test_layers_add_up_and_are_taken_away(near: Near) -> None:
    words = ("--only", "lock,image", "--only", " environment ", "--skip", "image")
    report = json.loads(near.envctl("verify", *words, "--format", "json").stdout)
    assert report["result"]["layers"] == ["lock", "environment"]


def test_a_project_that_cannot_be_written_is_verified_all_the_same(
    near: Near, tmp_path: Path
) -> None:
    (near.root / ".envctl" / "cache").rename(tmp_path / "cache")
    (near.root / ".envctl" / "cache").write_text("in the way")
    near.envctl("verify", *LAYERS)
