"""The codes that ``image verify`` finds in a built image."""

from envctl.domain.finding import Layer
from envctl.domain.finding.entry import Entry

_IMAGE: tuple[Layer, ...] = ("image",)
_REBUILD = "Build it again, and put nothing on top that changes this."

ENTRIES = (
    Entry(
        code="image-differs",
        layers=_IMAGE,
        severity="error",
        rarely="a warning for what changes little, such as another command",
        meaning="A package, file, byte-compiled file, label, variable, user, entry point, health check or base "
        "layer is not what the lock and the Dockerfile say, or a file lies in the image that neither brings.",
        cause="The image is older than the lock, or a layer on top changes it.",
        advice=_REBUILD,
    ),
    Entry(
        code="image-shadowed",
        layers=_IMAGE,
        severity="error",
        rarely="a warning for a changed loader of another kind of program",
        meaning="Something makes other code run before that of the environment, or instead.",
        cause="`PATH`, `LD_PRELOAD`, `PYTHONPATH`, a `sitecustomize.py`, an interpreter of its own, a changed "
        "standard library or loader, another folder to start in, a module in the source's folder that has a "
        "package's name, a volume over the environment.",
        advice=_REBUILD,
    ),
    Entry(
        code="image-secret",
        layers=_IMAGE,
        severity="error",
        meaning="A layer, a variable or the history holds something that looks like a secret. It is not shown.",
        cause="A file was copied, or a build argument or `ENV` used, where a build secret belongs.",
        advice="Revoke it, and give it to the build as a secret or at start.",
    ),
    Entry(
        code="image-setuid",
        layers=_IMAGE,
        severity="error",
        rarely="a warning outside the environment and source",
        meaning="A file above the base image runs with other rights than those of whoever starts it.",
        cause="A Debian package or a step of the build brought it.",
        advice="Take the right away.",
    ),
    Entry(
        code="image-leftover",
        layers=_IMAGE,
        severity="warning",
        meaning="Caches, package lists or temporary files stayed in a layer.",
        cause="A step of the build did not remove what it made.",
        advice="Remove them in the step that makes them.",
    ),
    Entry(
        code="image-unproved",
        layers=_IMAGE,
        severity="warning",
        rarely="a note for a package that was built from source",
        meaning="Something could not be compared; the finding says why.",
        cause="A wheel is not at hand, byte code has no Python of its release on this machine, or a base image "
        "is neither here nor in its registry.",
        advice="What would make it comparable: the finding says it.",
    ),
)
