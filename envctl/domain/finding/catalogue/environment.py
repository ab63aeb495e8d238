"""The codes of the layer ``environment``."""

from envctl.domain.finding.entry import Entry

_LOST = (
    "it puts the files back as they were installed, in every environment that shares them: what somebody "
    "changed or added there is lost"
)

ENTRIES = (
    Entry(
        code="platform-unserved",
        layers=("environment", "fleet"),
        severity="error",
        meaning="The lock has nothing for this machine, or for a recorded one.",
        cause="The platform is not declared, or a package has no file for it or for its C library.",
        advice="Add the platform to `tool.envctl.platforms`, then lock again.",
    ),
    Entry(
        code="environment-missing",
        layers=("environment",),
        severity="error",
        meaning="There is no environment, or it is of no profile that the project has.",
        cause="A fresh clone, or a profile that was renamed.",
        fix=("envctl sync",),
        advice="With `managed = false`: have the tool that keeps `.venv` make it.",
    ),
    Entry(
        code="environment-foreign",
        layers=("environment",),
        severity="error",
        meaning="`.venv` was not made by envctl.",
        cause="`python -m venv`, `uv venv` or an editor made it. `envctl sync --adopt` keeps it aside.",
        fix=("envctl sync --adopt",),
        advice="Where something is mounted in it: unmount it, or set `managed = false`.",
        yours="it takes the place of an environment that somebody made, and keeps that aside; "
        "`managed = false` in [tool.envctl] leaves it as it is",
    ),
    Entry(
        code="environment-unfinished",
        layers=("environment",),
        severity="error",
        meaning="The environment has no stamp that counts.",
        cause="Making it was interrupted, another tool made it anew (the message names it), or its interpreter "
        "is gone.",
        fix=("envctl sync",),
    ),
    Entry(
        code="environment-stale",
        layers=("environment",),
        severity="error",
        meaning="The versions are right, but they were installed from other files than the lock names now.",
        cause="An index replaced a file, or a package is taken from another index now.",
        fix=("envctl sync",),
    ),
    Entry(
        code="python-version",
        layers=("environment", "fleet"),
        severity="error",
        rarely="a note in the layer `fleet`: the Python that took the record is none of the lock's, and `sync` "
        "looks for another one there",
        meaning="The environment has another Python than it should have.",
        cause="`python` was changed in the manifest, or the interpreter was updated.",
        fix=("envctl sync",),
        advice="In the layer `fleet`: see that there is such a Python on that machine. With `managed = false`: "
        "have the tool that keeps `.venv` make it anew.",
    ),
    Entry(
        code="package-missing",
        layers=("environment",),
        severity="error",
        meaning="A package of the lock is not installed.",
        cause="It was uninstalled, or the lock was pulled and nothing synced since.",
        fix=("envctl sync",),
        advice="With `managed = false`: have the tool that keeps `.venv` install it.",
    ),
    Entry(
        code="package-extra",
        layers=("environment",),
        severity="error",
        meaning="A package is installed that the lock does not name.",
        cause="`pip install` or `uv pip install` was run in the environment.",
        fix=("envctl sync",),
        advice="With `managed = false`: have the tool that keeps `.venv` remove it.",
    ),
    Entry(
        code="package-version",
        layers=("environment",),
        severity="error",
        meaning="A package is there in another version.",
        cause="The lock was pulled and nothing synced since, or another tool installed it.",
        fix=("envctl sync",),
        advice="With `managed = false`: have the tool that keeps `.venv` install it.",
    ),
    Entry(
        code="project-stale",
        layers=("environment",),
        severity="error",
        meaning="The project itself is not installed, or was installed from other metadata.",
        cause="Its name, version, scripts or build system changed since.",
        fix=("envctl sync",),
    ),
    Entry(
        code="activation-stale",
        layers=("environment",),
        severity="error",
        meaning="Entering the environment does not do what the manifest says; the message says why.",
        cause="An activation script was edited, is missing, does not carry the declared variables, or leads to "
        "another folder (the project was moved or copied); or the file of "
        "[`inject`](../how-to/without-activation.md) is missing, changed, or there without being asked for.",
        fix=("envctl sync",),
    ),
    Entry(
        code="file-modified",
        layers=("environment",),
        severity="error",
        meaning="A file was changed after it was installed; how that is found, and who else has the change, is "
        "in [Bytes](../explanation/bytes.md).",
        cause="Somebody debugged in `site-packages`, here or in another environment that shares the file.",
        fix=("envctl sync --repair",),
        advice="With `managed = false`: have the tool that keeps `.venv` install the package again.",
        yours=_LOST,
    ),
    Entry(
        code="file-missing",
        layers=("environment",),
        severity="error",
        meaning="An installed file is gone.",
        cause="It was deleted, by hand or by a cleaning job.",
        fix=("envctl sync --repair",),
        advice="With `managed = false`: have the tool that keeps `.venv` install the package again.",
    ),
    Entry(
        code="file-added",
        layers=("environment",),
        severity="error",
        meaning="A file in the environment's folder belongs to no installed package.",
        cause="A program or a person wrote it there.",
        fix=("envctl sync --repair",),
        yours=_LOST,
    ),
    Entry(
        code="record-modified",
        layers=("environment",),
        severity="error",
        meaning="A package's `RECORD`, the list of its files with their hashes, was rewritten: what it says of "
        "them counts no more.",
        cause="Another installer, or somebody who hides a change.",
        fix=("envctl sync --repair",),
        yours=_LOST,
    ),
)
