"""The codes of the layer ``image`` that files tell: the Dockerfile and what it starts from."""

from envctl.domain.finding import Layer
from envctl.domain.finding.entry import Entry

_IMAGE: tuple[Layer, ...] = ("image",)

ENTRIES = (
    Entry(
        code="dockerfile-missing",
        layers=_IMAGE,
        severity="error",
        rarely="a note of `envctl verify`, where another profile has one, or had one under another name",
        meaning="There is no Dockerfile. Where no profile has one, `envctl verify` says `skipped`, and only "
        "`envctl dockerize --check` misses it.",
        cause="Nobody has run `envctl dockerize` yet, or a profile is new or has a new name.",
        fix=("envctl dockerize",),
    ),
    Entry(
        code="dockerfile-foreign",
        layers=_IMAGE,
        severity="error",
        rarely="a note of `envctl verify`, where another profile has one of envctl's",
        meaning="There is a Dockerfile that envctl did not write. Where there is no other, `envctl verify` says "
        "`skipped`, and only `envctl dockerize --check` reports it.",
        cause="The project had one before. `--adopt` keeps it as `Dockerfile.before-envctl`.",
        fix=("envctl dockerize --adopt",),
        yours="it takes the place of a Dockerfile that somebody wrote, and keeps that aside",
    ),
    Entry(
        code="dockerfile-stale",
        layers=_IMAGE,
        severity="error",
        meaning="The Dockerfile was made from another slice of the lock, or from other settings.",
        cause="A package that is in the image, or a key of `[tool.envctl.image]`, has changed.",
        fix=("envctl dockerize",),
        advice="Where no image can be made any more: the finding says why.",
    ),
    Entry(
        code="dockerfile-edited",
        layers=_IMAGE,
        severity="error",
        meaning="The generated part, or a file that the build reads, was changed.",
        cause="It was edited by hand.",
        fix=("envctl dockerize",),
        advice="Where the markers themselves are damaged: the finding says how to mend them.",
        yours="it writes over what somebody changed by hand; what should stay goes above or below the block",
    ),
    Entry(
        code="dockerfile-conflict",
        layers=_IMAGE,
        severity="error",
        meaning="A merge left its markers in the Dockerfile, or in a file that the build reads.",
        cause="Two branches changed the lock, and each had its own Dockerfile made. Settle the conflict in "
        "`pyproject.toml` first, then run `envctl lock`: [how to merge](../how-to/upgrade.md#merge-two-branches).",
        fix=("envctl dockerize",),
        advice="Where the markers stand in your own lines, above or below the block: settle them there.",
    ),
    Entry(
        code="dockerfile-superfluous",
        layers=_IMAGE,
        severity="warning",
        meaning="A Dockerfile of envctl's is of a profile that is no more; nobody keeps it true.",
        cause="A profile was renamed or removed, or the project got profiles.",
        advice="Delete it, and its folder in `.envctl/image`; `envctl dockerize` makes those of the profiles "
        "that there are.",
    ),
    Entry(
        code="bundle-missing",
        layers=_IMAGE,
        severity="note",
        rarely="an error of `envctl dockerize --check`",
        meaning="Files that a [hermetic build](../how-to/hermetic-images.md) reads are not here.",
        cause="They are not committed: a fresh clone has none.",
        fix=("envctl dockerize",),
    ),
    Entry(
        code="bundle-altered",
        layers=_IMAGE,
        severity="error",
        meaning="A file of the bundle is not the one that the lock means. Said by `envctl dockerize --check`, "
        "which opens them; the build refuses it as well.",
        cause="A download was replaced or damaged.",
        fix=("envctl dockerize",),
    ),
    Entry(
        code="base-unpinned",
        layers=_IMAGE,
        severity="warning",
        meaning="An image behind `FROM` has no digest: what a build starts from may change any day.",
        cause="No registry answered when the Dockerfile was written.",
        fix=("envctl dockerize",),
    ),
    Entry(
        code="base-end-of-life",
        layers=_IMAGE,
        severity="warning",
        meaning="The Python or the system of the base image is out of support, by a table that carries its "
        "date.",
        cause="Time has passed.",
        advice="Set a newer `python`, or name another `base`.",
    ),
    Entry(
        code="base-without-python",
        layers=_IMAGE,
        severity="error",
        meaning="The base image that the manifest names has no Python.",
        cause="It is `debian`, `nvidia/cuda` or the like. CUDA comes with the wheels.",
        advice="Name an image that has one.",
    ),
    Entry(
        code="base-other-python",
        layers=_IMAGE,
        severity="error",
        meaning="The base image has another Python than the image is for.",
        cause="Its tag says so, or, where a registry is asked, the image itself.",
        advice="Name an image with that Python, or set `python` to what it has.",
    ),
    Entry(
        code="base-without-glibc",
        layers=_IMAGE,
        severity="error",
        meaning="The base image has musl, and the lock's wheels need glibc.",
        cause="It is made from Alpine.",
        advice="Name an image that is not.",
    ),
    Entry(
        code="base-libc-too-old",
        layers=_IMAGE,
        severity="error",
        meaning="The base image's glibc is older than a wheel of the lock needs; the finding names the "
        "package.",
        cause="A package dropped older systems, or the base is an old release.",
        advice="Name an image with a newer Debian, or choose a version of the package with wheels for older "
        "systems.",
    ),
    Entry(
        code="library-missing",
        layers=_IMAGE,
        severity="warning",
        rarely="a note where a named system package may bring it",
        meaning="A file of the environment needs a shared library that neither a package of the lock nor the "
        "base image has; the finding names the file and, where one is known, the Debian package. Also said "
        "by `envctl dockerize` and `envctl image verify`.",
        cause="Some wheels expect a library of the system: OpenCV expects libGL.",
        advice="Add the package to `system-packages`.",
    ),
    Entry(
        code="base-gone",
        layers=_IMAGE,
        severity="error",
        rarely="a warning with the digest still there",
        meaning="The registry has no such digest or tag any more. Said by `envctl dockerize`.",
        cause="Registries delete what is old.",
        fix=("envctl dockerize --upgrade-base",),
        advice="Where the tag itself is gone: name another image.",
    ),
    Entry(
        code="base-moved",
        layers=_IMAGE,
        severity="note",
        meaning="The tag has another digest now. Said by `envctl dockerize`.",
        cause="The image was updated.",
        fix=("envctl dockerize --upgrade-base",),
        advice="Where the manifest names the digest: change it there.",
    ),
    Entry(
        code="base-architecture",
        layers=_IMAGE,
        severity="error",
        rarely="a note where `platforms` does not name that machine",
        meaning="The base image is not made for a machine that the project is for. Said by `envctl dockerize`.",
        cause="Not every image is built for ARM.",
        advice="Name another image, or take the machine out of `platforms`.",
    ),
    Entry(
        code="base-unchecked",
        layers=_IMAGE,
        severity="note",
        meaning="Nothing is known of what the registry has now. Said by `envctl dockerize`.",
        cause="The registry did not answer.",
        advice="See that it can be reached, then look again.",
    ),
)
