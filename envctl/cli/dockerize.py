"""``envctl dockerize``."""

from dataclasses import asdict
from datetime import UTC, datetime

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, say, show
from envctl.emitters import findings_text
from envctl.usecases import dockerize, load
from envctl.usecases.lock import answers


@click.command(epilog="Example: envctl dockerize && docker build --tag vision .")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the files do not match.")
@click.option("--diff", "with_diff", is_flag=True, help="Print what changes as a diff.")
@click.option("--upgrade-base", is_flag=True, help="Take the base image that the registry has now.")
@click.option("--adopt", is_flag=True, help="Put a Dockerfile that envctl did not write aside.")
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    check: bool,
    with_diff: bool,
    upgrade_base: bool,
    adopt: bool,
    as_json: bool,
) -> None:
    """Write the Dockerfile that matches the lock, and what its build reads.

    What you write above and below the generated block of the Dockerfile stays.
    """
    manifest = load.manifest(services.project)
    lock = load.required_lock(services.project)
    paths = services.paths()
    if check:
        findings = dockerize.check(services.project, manifest, lock, paths=paths)
        bad = any(finding.severity == "error" for finding in findings)
        result = {"findings": [asdict(finding) for finding in findings]}
        show(
            envelope("dockerize", result, ok=not bad)
            if as_json
            else findings_text.report(("image",), findings, {})
        )
        ctx.exit(1 if bad else 0)
    plan = dockerize.plan(
        services.project,
        manifest,
        lock,
        registry=services.registry_digest,
        uv_pin=lambda: services.uv_pin(manifest),
        paths=paths,
        python=services.environment_python(),
        upgrade_base=upgrade_base,
        adopt=adopt,
        today=datetime.now(tz=UTC).date(),
    )
    with services.project.locked("dockerize"):
        dockerize.write(services.project, plan)
    if lock.ours and not answers(lock, manifest):
        say("note: the lock does not answer pyproject.toml any more: run `envctl lock`")
    _present(plan, with_diff=with_diff, as_json=as_json)


def _present(plan: dockerize.DockerPlan, *, with_diff: bool, as_json: bool) -> None:
    for warning in plan.warnings:
        say(f"warning: {warning}")
    if as_json:
        result = {"changed": list(plan.changed), "base": plan.base, "warnings": list(plan.warnings)}
        show(envelope("dockerize", result, ok=True))
        return
    if with_diff and plan.diff:
        show(plan.diff)
    for name in plan.changed:
        say(f"  wrote {name}")
    if not plan.changed:
        say("Dockerfile and its companions are up to date")
    say(f"base image: {plan.base}")
    for note in plan.notes:
        say(note)
