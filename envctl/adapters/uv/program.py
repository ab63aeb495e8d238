"""uv as a program: where it is and the environment it is given.

Personal configuration may supply transport only (proxy, CA bundle, credentials, cache): every other ``UV_*`` and
``PIP_*`` variable is dropped and no configuration file but ours is read, so that two teammates get the same answer.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from envctl.adapters.index.way import Way
from envctl.adapters.uv import failures as uv_failures
from envctl.adapters.uv import progress
from envctl.domain.indexes.fetching import Heard
from envctl.errors import ToolMissingError
from envctl.ports import Completed, Runner

_TRANSPORT = re.compile(
    r"UV_(CACHE_DIR|SYSTEM_CERTS|NATIVE_TLS|HTTP_TIMEOUT|HTTP_CONNECT_TIMEOUT|HTTP_RETRIES|OFFLINE"
    r"|KEYRING_PROVIDER|CONCURRENT_\w+|LINK_MODE|LOCK_TIMEOUT|INDEX_\w+_(USERNAME|PASSWORD))"
)
_LOGIN = re.compile(r"UV_INDEX_\w+_(USERNAME|PASSWORD)")
_CA_BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@cache
def binary() -> str:
    """Return the path of the uv that is installed beside envctl; raises ``ToolMissingError``."""
    try:
        from uv import find_uv_bin  # noqa: PLC0415  # lazy: most commands never need it

        return find_uv_bin()
    except (ImportError, FileNotFoundError) as error:
        raise ToolMissingError(
            "uv was not found beside envctl",
            where=sys.executable,
            hint="reinstall envctl: uv is one of its dependencies",
        ) from error


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for uv: the caller's, less what could change the result."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("UV_", "PIP_")) or _TRANSPORT.fullmatch(name)
    }
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME"):
        kept.pop(name, None)
    # CI sets a variable to nothing where a secret is not there: uv would send an empty name and password.
    kept = {name: value for name, value in kept.items() if value or not _LOGIN.fullmatch(name)}
    if (
        kept.get("UV_LINK_MODE") == "symlink"
    ):  # then an environment's files would be the cache's own
        del kept["UV_LINK_MODE"]
    if cache := kept.get("UV_CACHE_DIR"):  # uv is started in other folders than this
        kept["UV_CACHE_DIR"] = str(Path(cache).absolute())
    bundle = next((environ[name] for name in _CA_BUNDLES if environ.get(name)), None)
    if bundle and not environ.get("SSL_CERT_FILE"):
        kept["SSL_CERT_FILE"] = bundle
    return kept | {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
        "COLUMNS": "9999",  # uv breaks its lines, addresses too, where a terminal's width is known
    }


def call(
    run: Runner,
    arguments: Sequence[str],
    *,
    cwd: Path,
    config: Path | None = None,
    way: Way | None = None,
    heard: Heard | None = None,
) -> str:
    """Run uv and return its stdout; raises the error that its stderr amounts to."""
    return completed(run, arguments, cwd=cwd, config=config, way=way, heard=heard).stdout


def completed(
    run: Runner,
    arguments: Sequence[str],
    *,
    cwd: Path,
    config: Path | None = None,
    way: Way | None = None,
    constraints: Sequence[str] = (),
    heard: Heard | None = None,
) -> Completed:
    """Do as ``call`` does, and return stderr as well.

    ``way``: how uv gets to the indexes. ``constraints``: those in its project, by which a failure is explained.
    ``heard`` is told what is fetched; uv says so unless it is called with ``--quiet``.
    """
    configuration = ["--config-file", str(config)] if config else ["--no-config"]
    env = environment(os.environ) | (way.variables(os.environ) if way else {})
    argv = [binary(), *arguments, *configuration]
    done = run(argv, cwd=cwd, env=env, heard=progress.listener(heard) if heard else None)
    said = progress.CHATTER.sub("", done.stderr)
    done = replace(done, stderr=way.plain(said) if way else said)
    if way:
        done = replace(done, stdout=way.plain(done.stdout))
    if done.code != 0:
        raise uv_failures.explain(done, constraints)
    return done


def version(run: Runner) -> str:
    """Return uv's version, for example ``0.13.8``: from its metadata folder's name, or else asked of uv itself."""
    import uv  # noqa: PLC0415

    for folder in Path(uv.__file__).parents[1].glob("uv-*.dist-info"):
        return folder.name.removesuffix(".dist-info").partition("-")[2]
    words = run([binary(), "--version"], env=environment(os.environ)).stdout.split()
    return words[1] if len(words) > 1 else "unknown"
