"""What git must not see of envctl's own files, and the lines that say so to git."""

from fnmatch import fnmatchcase

# ``.venv`` is a link, and git takes a pattern that ends in a slash for folders only: hence none here.
UNSEEN = (
    ".venv",
    "/.envctl/envs/",
    "/.envctl/cache/",
    "/.envctl/runs/",
    "/.envctl/local.toml",
    "/.envctl/state.lock",
)
_HEADING = "# envctl: what belongs to one machine only"


OWN_IGNORE = ".envctl/.gitignore"


def own_ignore() -> str:
    """Return the text of ``.envctl/.gitignore``: what stays on one machine, itself included."""
    inside = (pattern.removeprefix("/.envctl") for pattern in UNSEEN if pattern != ".venv")
    return "".join(f"{line}\n" for line in (_HEADING, "/.gitignore", *inside))


def with_unseen(text: str) -> str:
    """Return the text of a ``.gitignore`` with the patterns that it lacks; one that covers them counts."""
    missing = [pattern for pattern in UNSEEN if not _covered(text, pattern)]
    if not missing:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    head = [] if _HEADING in text.splitlines() else [_HEADING]
    gap = "" if not text else newline if text.endswith("\n") else newline * 2
    return text + gap + "".join(f"{line}{newline}" for line in [*head, *missing])


def hides_records(text: str) -> bool:
    """Whether the whole of ``.envctl`` is ignored, so that machine records and image files are not shared."""
    return _covered(text, "/.envctl/machines/")


def _covered(text: str, pattern: str) -> bool:
    """Whether git would ignore that file or folder (gitignore(5): the last line that matches decides)."""
    folder = pattern.endswith("/")
    steps = pattern.strip("/").split("/")
    covered = False
    for line in text.splitlines():
        rule = line.rstrip()
        if rule and not rule.startswith("#") and _matches(rule.removeprefix("!"), steps, folder):
            covered = not rule.startswith("!")
    return covered


def _matches(rule: str, steps: list[str], folder: bool) -> bool:
    """Whether a rule matches the path or a folder above it."""
    for depth in range(1, len(steps) + 1):
        if rule.endswith("/") and depth == len(steps) and not folder:
            continue
        bare = rule.strip("/").removeprefix("**/").removesuffix("/**")
        here = steps[:depth]
        if ("/" in bare and fnmatchcase("/".join(here), bare)) or (
            "/" not in bare
            and fnmatchcase(here[-1] if not rule.startswith("/") else "/".join(here), bare)
        ):
            return True
    return False
