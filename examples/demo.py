"""envctl's main job on a real project, step by step: each command as one types it, and what came of it.

``python3 noxfile.py demo`` starts this with an envctl of its own. The project is ``examples/tabular``, copied to
``demo/`` so that the example stays as it is; look around there afterwards.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
MARK = ".made-by-envctl-demo"
IMAGE = "envctl-demo"
NUMBER = re.compile(r"R2 (\S+)")

HOOKS = """\
repos:
  - repo: local
    hooks:
      - id: envctl-verify
        name: envctl verify
        entry: envctl verify --only lock,image
        language: system
        pass_filenames: false
        files: ^(pyproject\\.toml|pylock\\.toml|Dockerfile|\\.dockerignore|\\.envctl/image/.*)$
"""


class Stopped(Exception):
    """A step did not end as it must."""


@dataclass
class Demo:
    """The project's folder, the environment of its commands, and what each step came to."""

    root: Path
    environ: Mapping[str, str]
    results: list[tuple[str, str]] = field(default_factory=list)

    def step(self, title: str, act: Callable[[], str]) -> None:
        """Do one step, and keep its result for the summary."""
        print(f"\n== {len(self.results) + 1}. {title}", flush=True)
        begin = time.monotonic()
        result = act()
        self.results.append((title, result))
        print(f"   -> {result} ({time.monotonic() - begin:.1f} s)", flush=True)

    def type(self, command: str, *, code: int = 0) -> str:
        """Show a command, run it with bash, show what it says; its exit code must be ``code``."""
        print(f"   $ {command}", flush=True)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.root,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.stdout.strip():
            print(textwrap.indent(done.stdout.rstrip(), "     "), flush=True)
        if done.returncode != code:
            raise Stopped(f"`{command}` ended with {done.returncode}, not with {code}")
        return done.stdout

    def number(self, command: str) -> str:
        """Run the training and return the number that it prints."""
        found = NUMBER.search(self.type(command))
        if found is None:
            raise Stopped(f"`{command}` printed no number")
        return found[1]

    def depend(self, requirement: str) -> None:
        """Add a dependency as a person would, in an editor."""
        print(
            f"   (an editor adds {requirement} to the dependencies in pyproject.toml)", flush=True
        )
        path = self.root / "pyproject.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(
            text.replace("dependencies = [", f'dependencies = [\n    "{requirement}",', 1),
            encoding="utf-8",
        )


def main(arguments: list[str]) -> int:
    """Run all steps; 1 when one of them did not end as it must."""
    root = Path(arguments[0] if arguments else HERE.parent / "demo").absolute()
    demo = Demo(prepared(root), environment())
    print(f"The project is {root}, a copy of {HERE / 'tabular'}.", flush=True)
    try:
        main_job(demo)
        image(demo)
        hook(demo)
    except Stopped as stopped:
        print(f"\nstopped: {stopped}", file=sys.stderr)
        return 1
    print("\nAll steps:")
    for number, (title, result) in enumerate(demo.results, 1):
        print(f"{number:3}. {title}: {result}")
    return 0


def prepared(root: Path) -> Path:
    """Copy the example; an earlier demo is replaced, anything else is left alone."""
    if root.exists() and any(root.iterdir()) and not (root / MARK).exists():
        sys.exit(f"{root} exists and was not made by the demo: move it away")
    shutil.rmtree(root, ignore_errors=True)
    hidden = shutil.ignore_patterns("__pycache__", ".*", "pylock.toml")
    shutil.copytree(HERE / "tabular", root, ignore=hidden)
    (root / MARK).touch()
    return root


def environment() -> dict[str, str]:
    """Return a fresh terminal's environment, with envctl and pre-commit on the PATH."""
    dropped = ("VIRTUAL_ENV", "PYTHONPATH", "CUDA_VISIBLE_DEVICES", "PYTHONHASHSEED")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    programs = str(Path(sys.executable).parent)
    author = {"NAME": "envctl demo", "EMAIL": "demo@example.invalid"}
    names = {
        f"GIT_{who}_{what}": author[what] for who in ("AUTHOR", "COMMITTER") for what in author
    }
    path = f"{programs}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | names | {"PATH": path, "DOCKER_BUILDKIT": "1"}


def main_job(demo: Demo) -> None:
    """From a plain project to an environment that agrees with its lock."""
    demo.step("a git repository", lambda: repository(demo))
    demo.step(
        "init: what this machine is, into pyproject.toml and .envctl/machines/",
        lambda: said(demo.type("envctl init && tail -n +15 pyproject.toml"), "written"),
    )
    demo.step(
        "lock: every package, every file of it, every hash",
        lambda: last(demo.type("envctl lock")),
    )
    demo.step("sync: the lock becomes .venv", lambda: last(demo.type("envctl sync")))
    demo.step("sync again: there is nothing to do", lambda: last(demo.type("envctl sync")))
    demo.step(
        "activate: the environment and its variables, and back",
        lambda: said(
            demo.type(
                'eval "$(envctl activate --shell bash)" && which python && '
                'echo "PYTHONHASHSEED=$PYTHONHASHSEED" && deactivate && '
                'echo "PYTHONHASHSEED=${PYTHONHASHSEED-unset}"'
            ),
            "set, and unset again",
        ),
    )
    demo.step("run: train a model", lambda: f"R2 {demo.number('envctl run -- python train.py')}")
    demo.step("run: the project's tests", lambda: last(demo.type("envctl run -- pytest -q")))
    demo.step("record: what this machine has", lambda: said(demo.type("envctl record"), "shown"))
    demo.step("verify: do all layers agree?", lambda: said(demo.type("envctl verify"), "yes"))


def repository(demo: Demo) -> str:
    """Make the project a repository that does not see the demo's own mark."""
    demo.type("git init --quiet .")
    with (demo.root / ".git" / "info" / "exclude").open("a", encoding="utf-8") as exclude:
        exclude.write(f"/{MARK}\n")
    return "made"


def image(demo: Demo) -> None:
    """Put the same packages into an image."""
    demo.step(
        "dockerize: the Dockerfile that matches the lock",
        lambda: said(demo.type("envctl dockerize && envctl dockerize --check"), "written, matches"),
    )
    demo.step("docker: build the image, train in it", lambda: built(demo))


def built(demo: Demo) -> str:
    """Build and run the image where that can be done; else say what is missing."""
    missing = no_engine(demo)
    if missing:
        return f"not done: {missing}"
    certificates = demo.environ.get("SSL_CERT_FILE")
    options = f" --network host --secret id=ca,src={certificates}" if certificates else ""
    demo.type(f"docker build --quiet --tag {IMAGE}{options} .")
    try:
        there = demo.number(f"docker run --rm --network none {IMAGE}")
    finally:
        demo.type(f"docker image rm --force {IMAGE} >/dev/null")
    here = demo.number("envctl run -- python train.py")
    if here != there:
        raise Stopped(f"the image computes {there}, this machine {here}")
    return f"R2 {there}, as on this machine"


def no_engine(demo: Demo) -> str | None:
    """Return what is missing for a build, or put the docker command that can build first on the PATH."""
    for folder in demo.environ["PATH"].split(os.pathsep):
        docker = shutil.which("docker", path=folder)
        if docker and builds(docker):
            break
    else:
        return "no docker command that can build (from version 23 on it needs its buildx plugin)"
    if asked(docker, "info", "--format", "{{.ServerVersion}}") is None:
        return "no Docker engine answers (is it running, and may you use it?)"
    text = (demo.root / "Dockerfile").read_text(encoding="utf-8")
    base = next(line.split()[1] for line in text.splitlines() if line.startswith("FROM "))
    if asked(docker, "pull", "--quiet", base) is None:
        return f"the base image {base} cannot be pulled"
    demo.environ = {**demo.environ, "PATH": f"{folder}{os.pathsep}{demo.environ['PATH']}"}
    return None


def builds(docker: str) -> bool:
    """Whether that client builds with BuildKit: Debian's 20.10 by itself, newer ones through a plug-in."""
    version = re.search(r"version (\d+)", asked(docker, "--version") or "")
    return bool(version and int(version[1]) < 23) or asked(docker, "buildx", "version") is not None


def asked(*argv: str) -> str | None:
    """Return what a command prints, or ``None`` when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 and done.stdout.strip() else None


def hook(demo: Demo) -> None:
    """Let git refuse a commit that does not fit its lock."""

    def first() -> str:
        (demo.root / ".pre-commit-config.yaml").write_text(HOOKS, encoding="utf-8")
        demo.type("cat .pre-commit-config.yaml && pre-commit install")
        demo.type("git add --all && git commit --quiet --message 'Environment'")
        return "the first commit went through"

    def stale() -> str:
        demo.depend("joblib>=1.4")
        demo.type("git commit --all --message 'Use joblib'", code=1)
        return "refused: the lock does not answer pyproject.toml any more"

    def mended() -> str:
        demo.type("envctl lock && envctl sync && envctl dockerize")
        demo.type("git add --all && git commit --message 'Use joblib'")
        return "went through"

    demo.step("pre-commit: install the hook, commit", first)
    demo.step("pre-commit: a commit with a stale lock", stale)
    demo.step("pre-commit: lock as it said, commit again", mended)
    demo.step("verify: do all layers agree still?", lambda: said(demo.type("envctl verify"), "yes"))


def said(_output: str, result: str) -> str:
    """Name the result of a step whose command has shown it."""
    return result


def last(output: str) -> str:
    """Return the last line: where a command sums up."""
    return (output.strip().splitlines() or [""])[-1].strip()


if __name__ == "__main__":
    if platform.system() == "Windows":
        sys.exit("the demo needs bash: use WSL")
    sys.exit(main(sys.argv[1:]))
