"""What Python compiles of a source: by it, byte-compiled files are told from such that only say they are right.

A file whose flags say "compare me with my source" (PEP 552) holds the hash of that source, and any code at all: Python
believes the hash. So the source is compiled here, which runs nothing of it, and the bytes are compared.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from envctl.domain.image.proof import ENVIRONMENT, Brought, moved
from envctl.domain.resolution import Interpreter
from envctl.ports import Runner

_SECONDS = 1800.0  # 20,000 files take less than one minute on two cores


def compiled(
    run: Runner, environment: Path, found: Mapping[str, Brought], interpreter: Interpreter
) -> dict[str, Brought]:
    """Return packages with the hashes of what their sources are compiled to in an image (``Brought.compiled``).

    ``found`` is what packages bring in the environment in that folder. A source that is not the one of its wheel is
    left out. Where the interpreter cannot be started, nothing is known.
    """
    jobs = [
        (name, path, moved(path, interpreter.minor))
        for name, each in found.items()
        for path, digests in each.rows.items()
        if path.endswith(".py") and digests
    ]
    asked = [(str(environment / path), f"/{ENVIRONMENT}/{there}") for _, path, there in jobs]
    known: dict[str, dict[str, str]] = {}
    for (name, path, there), (source, code) in zip(
        jobs, _compile(run, asked, interpreter), strict=False
    ):
        if code and source in found[name].rows[path]:
            known.setdefault(name, {})[there] = code
    return {
        name: replace(each, compiled=known.get(name, {}), compiler=interpreter.version)
        for name, each in found.items()
    }


def _compile(
    run: Runner, asked: list[tuple[str, str]], interpreter: Interpreter
) -> list[tuple[str, str]]:
    """Return the SHA-256 of each source and of what it is compiled to; empty for what cannot be."""
    script = files("envctl.adapters.bytecode").joinpath("script.py").read_text(encoding="utf-8")
    argv = [interpreter.path, "-I", "-S", "-W", "ignore", "-c", script]
    done = run(argv, stdin=json.dumps(asked), timeout=_SECONDS) if asked else None
    if done is None or done.code:
        return []
    return [(source, code) for source, code in json.loads(done.stdout)]
