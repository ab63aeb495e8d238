"""The workflows, read as YAML, judged by jactionlint (a descendant of actionlint) and shellcheck."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from envctl.domain import seal
from envctl.domain.workflow import Choice, Variant, Workflow, filter_pattern, hash_pattern
from envctl.emitters.exports import ci

SOURCE = "git+https://git.example/team/envctl@v0.1.0"
# What GitHub replaces, and with what: nothing that whoever opens a pull request has a say in.
GIVEN = {
    "github.workflow",
    "github.ref",
    "github.event_name == 'pull_request'",
    "github.token",
    "vars.ENVCTL_FROM",
    "runner.os",
    "runner.arch",
    "matrix.profile",
    "matrix.runner",
    "matrix.skip",
    "secrets.ENVCTL_TOKEN || github.token",
}
FOLDERS = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" #:'\"[]{}%"),
    min_size=1,
    max_size=20,
).filter(lambda text: "${{" not in text and text.strip("/."))


def variant(profile: str | None = None, **more: Any) -> Variant:
    ending = f".{profile}" if profile else ""
    plain = Variant(
        profile=profile,
        lock=f"pylock{ending}.toml",
        dockerfile=f"Dockerfile{ending}",
        folder=f".envctl/image{ending.replace('.', '/')}",
        runner=("ubuntu-latest",),
    )
    return replace(plain, **more)


def flow(*variants: Variant, **more: Any) -> Workflow:
    made = Workflow(
        folder="",
        branch="main",
        python="3.12",
        variants=variants or (variant(),),
        logins=("UV_INDEX_TEAM",),
        choice=Choice(source=SOURCE),
    )
    return replace(made, **more)


SEVERAL = flow(
    variant("cpu"),
    variant("cu126", blind=True, hermetic=True),
    variant("mac", runner=("macos-latest",), dockerfile=None),
    folder="libs/vi sion",
    choice=Choice(),
)
CASES = {
    "one": flow(),
    "several": SEVERAL,
    "old": flow(variant(dockerfile=None, blind=True), python="3.9", logins=()),
    "own": flow(variant(runner=("self-hosted", "gpu"), hermetic=True), branch="rel+1"),
    "secret": flow(variant(secrets=("hf_token", "my-key"))),
    "odd": flow(folder='it\'s #1 [a] {b}: *&!%@`\\ "q" $HOME $(id)'),
}


def loaded(made: Workflow) -> dict[str, dict[str, Any]]:
    """Return the two workflows; the key `on` is quoted here, because YAML 1.1 reads it as true."""
    texts = ci.emit(made, ci.FOLDER)
    quoted = {path: text.replace("\non:\n", '\n"on":\n', 1) for path, text in texts.items()}
    return {path: yaml.load(text, Loader=yaml.CSafeLoader) for path, text in quoted.items()}


def check(made: Workflow) -> dict[str, Any]:
    return loaded(made)[f"{ci.FOLDER}/{ci.name(made.suffix, 'check')}"]


def upgrade(made: Workflow) -> dict[str, Any]:
    return loaded(made)[f"{ci.FOLDER}/{ci.name(made.suffix, 'upgrade')}"]


def steps(workflow: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def run(workflow: Mapping[str, Any], name: str) -> str:
    (found,) = (step["run"] for step in steps(workflow) if step.get("name") == name)
    return str(found)


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Judge all cases in one call; findings by file."""
    top = tmp_path_factory.mktemp("linted")
    (top / ".git").mkdir()  # it looks for the repository's settings, and finds none
    folder = top / ci.FOLDER
    folder.mkdir(parents=True)
    for name, made in CASES.items():
        for path, text in ci.emit(made, ci.FOLDER).items():
            (folder / f"{name}-{Path(path).name}").write_text(text, encoding="utf-8")
    programs = Path(sys.executable).parent
    argv = [str(programs / "jactionlint"), "--format", "json", "--shellcheck"]
    files = sorted(str(path) for path in folder.iterdir())
    done = subprocess.run(
        [*argv, str(programs / "shellcheck"), *files],
        cwd=top,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, list[dict[str, Any]]] = {Path(file).name: [] for file in files}
    for each in json.loads(done.stdout):
        found[Path(each["filepath"]).name].append(each)
    return found


def test_actionlint_and_shellcheck_find_nothing(linted: dict[str, list[dict[str, Any]]]) -> None:
    assert len(linted) == 2 * len(CASES)
    told = {
        (file, each["message"])
        for file, findings in linted.items()
        for each in findings
        # A commit cannot be looked up offline; docs/how-to/ci.md says how to pin them. `gpu` is somebody's own label.
        if "unpinned-uses" not in str(each) and 'label "gpu" is unknown' not in each["message"]
    }
    assert told == set()


def test_the_linters_were_really_asked(linted: dict[str, list[dict[str, Any]]]) -> None:
    messages = [each["message"] for findings in linted.values() for each in findings]
    assert any("actions/cache@v5" in message for message in messages)


@pytest.mark.parametrize("name", CASES)
def test_what_every_workflow_keeps_to(name: str) -> None:
    made = CASES[name]
    for path, text in ci.emit(made, ci.FOLDER).items():
        assert seal.intact(text)
        assert text.startswith("# Written by `envctl export ci`")
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {"contents": "read"}
        assert "concurrency" in workflow
        for job in workflow["jobs"].values():
            assert job["timeout-minutes"] <= 120
        for step in steps(workflow):
            # Nothing that GitHub replaces stands in a script.
            assert "${{" not in step.get("run", "")
            used = step.get("uses", "actions/x@v1")
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", used), path
        for expression in re.findall(r"\$\{\{ (.*?) \}\}", text):
            known = expression in GIVEN or expression.startswith("hashFiles(")
            secret = re.fullmatch(
                r"secrets\.(UV_INDEX_TEAM_(USERNAME|PASSWORD)|HF_TOKEN|MY_KEY)", expression
            )
            assert known or secret, expression
        checkout = next(s for s in steps(workflow) if "checkout" in s.get("uses", ""))
        assert checkout["with"] == {"persist-credentials": False}


def test_only_the_last_step_of_the_upgrade_may_write() -> None:
    workflow = upgrade(flow())
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "write", "pull-requests": "write"}
    holders = [step["name"] for step in job["steps"] if "GH_TOKEN" in step.get("env", {})]
    assert holders == [job["steps"][-1]["name"]] == ["Propose"]
    logins = [step["name"] for step in job["steps"] if "UV_INDEX_TEAM_PASSWORD" in str(step)]
    assert logins == ["Upgrade"]
    assert all("permissions" not in job for job in check(flow())["jobs"].values())


def test_a_project_alone_in_its_repository() -> None:
    workflow = check(flow())
    assert workflow["on"] == {
        "push": {"branches": ["main"]},
        "pull_request": None,
        "workflow_dispatch": None,
    }
    assert workflow["env"] == {"ENVCTL_FROM": SOURCE}
    assert "working-directory" not in workflow["defaults"]["run"]
    assert list(workflow["jobs"]) == ["verify", "image"]
    assert "strategy" not in workflow["jobs"]["verify"]
    (cache,) = (step for step in steps(workflow) if "cache" in step.get("uses", ""))
    assert cache["with"] == {
        "path": "~/.cache/uv",
        "key": "envctl-${{ runner.os }}-${{ runner.arch }}-python3.12-${{ hashFiles('pylock.toml') }}",
    }
    assert run(workflow, "Sync") == "envctl sync"
    assert run(workflow, "Verify") == "envctl verify"
    assert run(workflow, "Build the image") == "envctl image build --verify"


def test_several_profiles_are_a_matrix() -> None:
    workflow = check(SEVERAL)
    jobs = workflow["jobs"]
    rows = jobs["verify"]["strategy"]["matrix"]["include"]
    assert [(row["profile"], row["skip"]) for row in rows] == [
        ("cpu", ""),
        ("cu126", "machine"),
        ("mac", ""),
    ]
    assert [row["lock"] for row in rows] == [
        f"libs/vi sion/pylock.{row['profile']}.toml" for row in rows
    ]
    assert [row["runner"] for row in rows] == ["ubuntu-latest", "ubuntu-latest", "macos-latest"]
    built = jobs["image"]["strategy"]["matrix"]["include"]
    assert [row["profile"] for row in built] == ["cpu", "cu126"]
    assert run(workflow, "Build the image").splitlines() == [
        'envctl dockerize --profile "$PROFILE"',
        'envctl image build --profile "$PROFILE" --verify',
    ]
    assert workflow["env"] == {"ENVCTL_FROM": "${{ vars.ENVCTL_FROM }}"}
    assert run(upgrade(SEVERAL), "Upgrade").splitlines() == [
        "envctl lock --upgrade --fleet",
        "envctl dockerize --profile cpu",
        "envctl dockerize --profile cu126 --no-fetch",
    ]
    added = run(upgrade(SEVERAL), "Propose").splitlines()[0].split()
    assert added[3:] == [
        *("pylock.cpu.toml", "pylock.cu126.toml", "pylock.mac.toml"),
        *("Dockerfile.cpu", ".envctl/image/cpu", "Dockerfile.cu126", ".envctl/image/cu126"),
        ".dockerignore",
    ]


def test_secrets_of_the_image_are_files_that_only_its_build_sees() -> None:
    workflow = check(CASES["secret"])
    (build,) = (s for s in steps(workflow) if "BUILD_HF_TOKEN" in s.get("env", {}))
    assert build["name"] == "Build the image"
    assert build["env"]["BUILD_MY_KEY"] == "${{ secrets.MY_KEY }}"
    given = '--secret hf_token="$RUNNER_TEMP/HF_TOKEN" --secret my-key="$RUNNER_TEMP/MY_KEY"'
    assert build["run"].splitlines() == [
        "umask 077",
        'printf %s "$BUILD_HF_TOKEN" > "$RUNNER_TEMP/HF_TOKEN"',
        'printf %s "$BUILD_MY_KEY" > "$RUNNER_TEMP/MY_KEY"',
        f"envctl image build {given} --verify",
    ]


def test_an_environment_of_another_tool_is_left_to_it() -> None:
    workflow = check(replace(flow(), managed=False))
    scripts = [step["run"] for step in workflow["jobs"]["verify"]["steps"][3:]]
    assert scripts == ["envctl verify --only lock,fleet,image"]


def test_an_old_python_comes_before_envctls_own() -> None:
    (setup,) = (s for s in steps(check(CASES["old"])) if "setup-python" in s.get("uses", ""))
    assert setup["with"]["python-version"].split() == ["3.9", "3.13"]
    assert run(check(CASES["old"]), "Verify") == "envctl verify --skip machine"


@settings(max_examples=60)
@given(folder=FOLDERS, branch=FOLDERS, label=FOLDERS, source=FOLDERS)
def test_whatever_is_named_stays_a_name(folder: str, branch: str, label: str, source: str) -> None:
    plain = flow(folder="sub")
    odd = flow(variant(runner=(label,)), folder=folder, branch=branch, choice=Choice(source=source))
    found, proposing = loaded(odd).values()
    assert found["defaults"]["run"] == {"shell": "bash", "working-directory": folder}
    assert found["env"] == {"ENVCTL_FROM": source}
    assert found["name"] == f"envctl ({folder})"
    events = found["on"]
    assert events["push"]["branches"] == [filter_pattern(branch)]
    assert events["pull_request"]["paths"][0] == f"{filter_pattern(folder)}/**"
    assert {job["runs-on"] for job in found["jobs"].values()} == {label}
    key = next(s["with"]["key"] for s in steps(found) if "cache" in s.get("uses", ""))
    quoted = hash_pattern(f"{folder}/pylock.toml").replace("'", "''")
    assert key.endswith(f"hashFiles('{quoted}') }}}}")
    # No script depends on any of them.
    for workflow, usual in zip((found, proposing), loaded(plain).values(), strict=True):
        assert workflow.keys() == usual.keys()
        assert [s.get("run") for s in steps(workflow)] == [s.get("run") for s in steps(usual)]
    proposed = next(s for s in steps(proposing) if s.get("name") == "Propose")
    assert proposed["env"]["TITLE"] == f"Upgrade the locked packages ({folder})"
    assert proposing["name"] == f"envctl upgrade ({folder})"
