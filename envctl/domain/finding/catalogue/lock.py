"""The codes of the layer ``lock``."""

from envctl.domain.finding.entry import Entry

ENTRIES = (
    Entry(
        code="lock-missing",
        layers=("lock",),
        severity="error",
        meaning="There is no `pylock.toml`, or none of a profile.",
        cause="Nobody has locked yet, or the file was not committed.",
        fix=("envctl lock",),
    ),
    Entry(
        code="lock-unreadable",
        layers=("lock", "fleet"),
        severity="error",
        meaning="The lock cannot be read.",
        cause="It holds merge-conflict markers, or was cut short. The layer `fleet` says it where it is asked "
        "alone (`--only fleet`).",
        fix=("envctl lock",),
    ),
    Entry(
        code="lock-foreign",
        layers=("lock",),
        severity="error",
        meaning="Another tool wrote the lock; what envctl keeps in it is not there.",
        cause="`uv export`, `pip lock` or the like wrote a `pylock.toml`.",
        fix=("envctl lock",),
        yours="it resolves anew; `envctl lock --adopt` takes the lock as it is instead",
    ),
    Entry(
        code="lock-stale",
        layers=("lock",),
        severity="error",
        meaning="The manifest asks for something else than the lock was made for. One finding for each "
        "difference.",
        cause="A requirement, a group, an index, a platform or a variable was changed in `pyproject.toml` "
        "without locking again.",
        fix=("envctl lock",),
    ),
    Entry(
        code="lock-edited",
        layers=("lock",),
        severity="error",
        meaning="A package's entry is not as envctl wrote it.",
        cause="The lock was edited by hand or by another tool, or two branches were merged line by line.",
        fix=("envctl lock",),
    ),
    Entry(
        code="lock-incomplete",
        layers=("lock",),
        severity="error",
        meaning="A package that another one needs is not in the lock.",
        cause="A merge of two branches can leave that without a conflict.",
        fix=("envctl lock",),
    ),
    Entry(
        code="profile-skew",
        layers=("lock",),
        severity="error",
        meaning="A package is not the same version in all [profiles](../how-to/profiles.md), and is none that "
        "may differ.",
        cause="One profile's lock was merged or locked without the others.",
        fix=("envctl lock",),
    ),
    Entry(
        code="lock-superfluous",
        layers=("lock",),
        severity="error",
        meaning="There is a `pylock.toml` beside the locks of the profiles; nobody keeps it true.",
        cause="The project got profiles after it was locked. `envctl lock` removes the file, as it removes the "
        "lock of a profile that is gone.",
        fix=("envctl lock",),
    ),
    Entry(
        code="lock-local-url",
        layers=("lock",),
        severity="error",
        meaning="A package comes from a path that only one machine has.",
        cause="A requirement, an index or the configuration of the resolver named a folder.",
        advice="Put the file on an index that the whole team reaches, then lock again.",
    ),
    Entry(
        code="cuda-conflict",
        layers=("lock",),
        severity="error",
        meaning="Packages that are installed together are made for two CUDA major versions.",
        cause="Two frameworks, such as torch and jax, each brought its own CUDA.",
        advice="Choose releases that agree on one.",
    ),
    Entry(
        code="cuda-closure",
        layers=("lock",),
        severity="error",
        meaning="A package loads a library of CUDA's, such as cuDNN or NCCL, and the lock does not install it "
        "with it, in at least one way of asking for extras and groups.",
        cause="A requirement is missing in the package's metadata, or was cut by a constraint: the import "
        "fails on a machine with a GPU.",
        advice="Add the library to what brings the package.",
    ),
    Entry(
        code="cuda-outside",
        layers=("lock",),
        severity="note",
        meaning="A package uses CUDA, and the lock has none of CUDA's libraries.",
        cause="Some packages lock them with an extra only. That is right where the machines have CUDA "
        "installed.",
        advice="The extra that locks them too.",
    ),
    Entry(
        code="gpu-tables-old",
        layers=("lock",),
        severity="note",
        meaning="The lock has a release that is newer than "
        "[envctl's tables](../explanation/gpu-contract.md) know, or a build of torch whose kernels they do "
        "not have; the message says what is assumed.",
        cause="The package is younger than this envctl.",
        advice="Update envctl.",
    ),
    Entry(
        code="gpu-contract-old",
        layers=("lock",),
        severity="note",
        meaning="The lock's contract rests on such an assumption, and the tables know better by now.",
        cause="This envctl is newer than the one that wrote the lock.",
        fix=("envctl lock",),
    ),
)
