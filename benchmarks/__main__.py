"""The ratios of the main job, of locks and of `verify`. Run it on a quiet machine: `python3 noxfile.py benchmarks`."""

import compileall
import itertools
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from uv import find_uv_bin

from benchmarks import integrity, locks, preflight, stock, verify
from benchmarks.measure import Command, Ratio, compare, once, run

ROOT = Path(__file__).parents[1]
CACHE = Path.home() / ".cache" / "envctl-benchmarks"
PYTHON = sys.executable
ENVCTL = str(Path(sysconfig.get_path("scripts")) / "envctl")
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"

MANIFEST = """\
[project]
name = "bench"
version = "0"
requires-python = "=={minor}.*"
dependencies = {dependencies}

[tool.envctl]
python = "{minor}"
platforms = ["linux-x86_64"]

[[tool.envctl.index]]
name = "bench"
url = "{url}"

[tool.uv]
package = false
environments = ["sys_platform == 'linux' and platform_machine == 'x86_64'"]

[[tool.uv.index]]
name = "bench"
url = "{url}"
default = true
"""


@contextmanager
def served(folder: Path, *, delay: float = 0) -> Iterator[str]:
    """Serve a folder's wheels from a loopback index (PEP 691, PEP 658, ETag, immutable files).

    ``delay``: seconds before each answer, as a network has them.
    """
    argv = [PYTHON, "-m", "tests.index.server", "--folder", str(folder), "--mode", "json"]
    argv += ["--delay", str(delay)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield (server.stdout or sys.stdin).readline().strip()
        finally:
            server.terminate()


class Bench:
    """The folders of one run: each measured command gets a fresh one, nothing is deleted in between.

    ext4 is slow to create files for minutes after a large delete.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._numbers = itertools.count()
        self.env = {"UV_CACHE_DIR": str(root / "cache"), "NO_PROXY": "127.0.0.1"}

    def fresh(self, *files: tuple[str, str]) -> Callable[[], Path]:
        """Return a maker of new folders that hold these files."""

        def make() -> Path:
            folder = self.root / f"run{next(self._numbers)}"
            folder.mkdir(parents=True)
            for name, text in files:
                (folder / name).write_text(text, encoding="utf-8")
            return folder

        return make

    def command(
        self, name: str, prepare: Callable[[], Path], *steps: list[str], **env: str
    ) -> Command:
        """Return a command with this run's cache."""
        return Command(name=name, steps=tuple(steps), prepare=prepare, env={**self.env, **env})

    def nothing(self, prepare: Callable[[], Path]) -> Command:
        """Return the measure of small commands: an interpreter that starts and ends."""
        return self.command("python -c pass", prepare, [PYTHON, "-c", "pass"])


def help_page(bench: Bench) -> Ratio:
    """`envctl --help` against an interpreter that does nothing."""
    here = bench.fresh()
    ours = bench.command("envctl --help", here, [ENVCTL, "--help"])
    return compare("envctl --help / python -c pass", 6, ours, bench.nothing(here), pairs=15)


def hook(bench: Bench, manifest: str) -> Ratio:
    """Measure the commit hook's check of about 170 packages against an interpreter that does nothing."""
    folder = bench.fresh(("pyproject.toml", manifest))()
    for step in (["lock"], ["verify", "--only", "lock,image"]):
        run([ENVCTL, *step], folder, bench.env)
    ours = bench.command("verify", lambda: folder, [ENVCTL, "verify", "--only", "lock,image"])
    what = "envctl verify --only lock,image / python -c pass"
    return compare(what, 2.5, ours, bench.nothing(lambda: folder), pairs=25)


def lock(bench: Bench, manifest: str, *, cold: bool, network: str) -> Ratio:
    """`envctl lock` against `uv lock`, both without a lock; the cache is empty or filled."""
    here = bench.fresh(("pyproject.toml", manifest))
    counter = itertools.count()

    def cache() -> dict[str, str]:
        if not cold:
            return {}
        return {"UV_CACHE_DIR": str(bench.root / f"cold{next(counter)}")}

    def pair() -> tuple[Command, Command]:
        uv = [find_uv_bin(), "lock", "--quiet", "--python", PYTHON]
        return (
            bench.command("envctl lock", here, [ENVCTL, "lock"], **cache()),
            bench.command("uv lock", here, uv, **cache()),
        )

    if not cold:
        for command in pair():
            once(command)
    measured = [(once(ours), once(theirs)) for ours, theirs in (pair() for _ in range(9))]
    return Ratio(
        what=f"envctl lock / uv lock, 170 pkgs, {'empty' if cold else 'filled'} cache, {network}",
        limit=1.3,
        ours=tuple(a for a, _ in measured),
        theirs=tuple(b for _, b in measured),
    )


def sync(bench: Bench, manifest: str) -> Ratio:
    """`envctl sync` against `uv venv` and `uv pip sync` of the same lock, into fresh folders."""
    folder = bench.fresh(("pyproject.toml", manifest))()
    run([ENVCTL, "lock"], folder, bench.env)
    text = (folder / "pylock.toml").read_text(encoding="utf-8")
    here = bench.fresh(("pyproject.toml", manifest), ("pylock.toml", text))
    uv = find_uv_bin()
    theirs = bench.command(
        "uv venv + uv pip sync",
        here,
        [uv, "venv", "--quiet", "--python", PYTHON, ".venv"],
        [
            *(uv, "pip", "sync", "--quiet", "--preview-features", "pylock"),
            *("--python", ".venv/bin/python", "pylock.toml"),
        ],
    )
    ours = bench.command("envctl sync", here, [ENVCTL, "sync"])
    count = text.count("[[packages]]")
    what = f"envctl sync / uv venv + uv pip sync, {count} packages"
    return compare(what, 1.4, ours, theirs, pairs=9)


def settled(bench: Bench, manifest: str) -> Path:
    """Return a project whose environment is in order, and was seen to be."""
    folder = bench.fresh(("pyproject.toml", manifest))()
    for command in ("lock", "sync", "sync"):
        run([ENVCTL, command], folder, bench.env)
    run([ENVCTL, "run", "--", "true"], folder, bench.env)
    return folder


def no_op(bench: Bench, folder: Path) -> Ratio:
    """`envctl sync` against `uv pip sync`, both with nothing to do."""
    uv = [find_uv_bin(), "pip", "sync", "--quiet", "--preview-features", "pylock"]
    uv += ["--python", ".venv/bin/python", "pylock.toml"]
    theirs = bench.command("uv pip sync", lambda: folder, uv)
    ours = bench.command("envctl sync", lambda: folder, [ENVCTL, "sync"])
    return compare("envctl sync / uv pip sync, nothing to do", 0.9, ours, theirs, pairs=15)


def entering(bench: Bench, folder: Path) -> Ratio:
    """Measure what `envctl run` adds to a command, which may be two of the smallest command: three in all."""
    python = str(folder / ".venv" / "bin" / "python")
    alone = bench.command("python -c pass", lambda: folder, [python, "-c", "pass"])
    inside = [ENVCTL, "run", "--", "python", "-c", "pass"]
    within = bench.command("envctl run -- python -c pass", lambda: folder, inside)
    what = "envctl run -- python -c pass / python -c pass"
    return compare(what, 3, within, alone, pairs=25)


def main() -> None:
    """Measure all and print a line each; exit 1 when a limit is not met."""
    # As an installer leaves it: installed by uv, nothing is byte-compiled.
    compileall.compile_dir(ROOT / "envctl", quiet=1)
    compileall.compile_dir(sysconfig.get_path("purelib"), quiet=1)
    CACHE.mkdir(parents=True, exist_ok=True)
    stock.real(CACHE / f"data-stack-{MINOR}")
    ratios: list[Ratio] = []
    with tempfile.TemporaryDirectory(prefix="envctl-bench-", dir=CACHE) as temporary:
        roots = stock.made_up(Path(temporary) / "made-up")
        bench = Bench(Path(temporary) / "runs")
        starts = preflight.differences(Path(temporary) / "preflight")
        print("\n".join(each.line() for each in starts), flush=True)
        with served(Path(temporary) / "made-up") as url:
            manifest = MANIFEST.format(minor=MINOR, url=url, dependencies=list(roots))
            steps: list[Callable[[], Ratio]] = [
                lambda: help_page(bench),
                lambda: hook(bench, manifest),
                lambda: lock(bench, manifest, cold=True, network="0 ms"),
                lambda: lock(bench, manifest, cold=False, network="0 ms"),
            ]
            _report(steps, ratios)
            place = Path(temporary) / "hook"
            for ratio in verify.hook(ENVCTL, place, manifest, bench.env, url=url, tools=CACHE):
                ratios.append(ratio)
                print(ratio.line(), flush=True)
        with served(Path(temporary) / "made-up", delay=0.02) as url:
            manifest = MANIFEST.format(minor=MINOR, url=url, dependencies=list(roots))
            _report([lambda: lock(bench, manifest, cold=True, network="20 ms")], ratios)
            three = locks.manifest(list(roots), url=url)
            alone = locks.manifest(
                list(roots), url=url, platforms=("linux-x86_64",), resolver="pip-tools"
            )
            team = locks.Locks(Path(temporary) / "locks")
            steps = [
                lambda: team.three_platforms(three, "170 pkgs, 20 ms", pairs=7),
                lambda: team.unchanged(three),
                lambda: team.pip_tools(alone, url, pairs=3),
            ]
            _report(steps, ratios)
        real = locks.manifest(list(locks.REAL))
        _report([lambda: team.three_platforms(real, "real stack and index", pairs=5)], ratios)
        memory = team.peak_memory(real)
        print(
            f"peak memory of envctl lock, real stack: {memory >> 20} MB (limit 300 MB)", flush=True
        )
        with served(CACHE / f"data-stack-{MINOR}") as url:
            data = list(stock.DATA_STACK)
            manifest = MANIFEST.format(minor=MINOR, url=url, dependencies=data)
            _report([lambda: sync(bench, manifest)], ratios)
            folder = settled(bench, manifest)
            _report([lambda: no_op(bench, folder), lambda: entering(bench, folder)], ratios)
            for ratio in integrity.ratios(ENVCTL, folder, bench.env):
                ratios.append(ratio)
                print(ratio.line(), flush=True)
            _report([lambda: verify.whole(ENVCTL, folder, bench.env)], ratios)
    slow = any(ratio.median > ratio.limit for ratio in ratios)
    sys.exit(memory > 300 << 20 or slow or not all(each.met for each in starts))


def _report(steps: list[Callable[[], Ratio]], ratios: list[Ratio]) -> None:
    for step in steps:
        ratios.append(step())
        print(ratios[-1].line(), flush=True)


if __name__ == "__main__":
    main()
