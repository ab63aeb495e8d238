"""Run by the interpreter that is asked, Python 3.9+, stdlib only: what sources are compiled to. Nothing of them is run.

stdin: JSON, a list of [file, the path that it has in the image]. stdout: JSON, for each [SHA-256 of the source,
SHA-256 of the byte-compiled file with a checked hash (PEP 552)], the second empty for what cannot be compiled.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import marshal
import multiprocessing
import os
import sys
from pathlib import Path

CHECKED_HASH = (0b11).to_bytes(4, "little")
MANY = 500  # a pool is worth its start


def answer(job: tuple[str, str]) -> tuple[str, str]:
    """Compile one source as importlib does."""
    file, path = job
    try:
        source = Path(file).read_bytes()
    except OSError:
        return "", ""
    known = hashlib.sha256(source).hexdigest()
    try:
        code = compile(source, path, "exec", dont_inherit=True)
        packed = marshal.dumps(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return known, ""
    head = importlib.util.MAGIC_NUMBER + CHECKED_HASH + importlib.util.source_hash(source)
    return known, hashlib.sha256(head + packed).hexdigest()


def main() -> None:
    """Answer all, on as many processors as there are."""
    jobs = json.load(sys.stdin)
    if len(jobs) < MANY or not hasattr(os, "fork"):
        found = list(map(answer, jobs))
    else:
        with multiprocessing.get_context("fork").Pool() as pool:
            found = pool.map(answer, jobs, chunksize=50)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
