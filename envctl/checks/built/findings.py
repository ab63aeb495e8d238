"""The findings about a built image, in one spelling."""

from collections.abc import Sequence

from envctl.domain.finding import Finding, Severity
from envctl.domain.finding.codes import Code

REBUILD = "envctl dockerize, and build the image again"
_SHOWN = 3


def differs(
    subject: str,
    message: str,
    *,
    expected: str | None = None,
    actual: str | None = None,
    advice: str = "build the image again from its Dockerfile, and use no layer on top that changes this",
    severity: Severity = "error",
    code: Code = "image-differs",
) -> Finding:
    """Return the finding that an image is not what it must be."""
    return Finding(
        code=code,
        layer="image",
        severity=severity,
        subject=subject,
        message=message,
        expected=expected,
        actual=actual,
        advice=advice,
    )


def shadowed(
    subject: str, message: str, *, expected: str | None = None, actual: str | None = None
) -> Finding:
    """Return the finding that something comes before the environment, or changes how its Python starts."""
    return differs(subject, message, code="image-shadowed", expected=expected, actual=actual)


def listed(paths: Sequence[str]) -> str:
    """Return the first few of many."""
    shown = ", ".join(paths[:_SHOWN])
    return f"{shown} and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else shown
