"""Typed in after the setup.py of transformers: a table of dependencies that only running it would tell."""

import re
import sys

from setuptools import Command, find_packages, setup

_deps = [
    "accelerate>=0.26.0",
    "filelock",
    "numpy>=1.17",
    "requests",
    "torch>=2.2",
]

deps = {b: a for a, b in (re.findall(r"^(([^!=<>~ ]+)(?:[!=<>~ ].*)?$)", x)[0] for x in _deps)}


def deps_list(*pkgs):
    return [deps[pkg] for pkg in pkgs]


extras = {}
extras["torch"] = deps_list("torch", "accelerate")
extras["testing"] = ["pytest>=7.2.0"]
extras["all"] = extras["torch"] + extras["testing"]

install_requires = [
    deps["filelock"],
    deps["numpy"],
    deps["requests"],
]

setup(
    name="transformers",
    extras_require=extras,
    python_requires=">=3.9.0",
    install_requires=list(install_requires),
    cmdclass={"deps_table_update": Command},
)
