"""``envctl dockerize``."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cache

import click

from envctl.bootstrap import Services
from envctl.cli import options, verify_report
from envctl.cli.progress import progress
from envctl.cli.render import envelope, is_verbose, report, say, show
from envctl.domain.finding import Finding
from envctl.domain.finding.weights import Weights
from envctl.domain.image import settings as image_settings
from envctl.domain.lock import Lock
from envctl.domain.lock.state import answers
from envctl.domain.manifest import Manifest, restricted
from envctl.domain.profile import variant, variants
from envctl.emitters import findings_text
from envctl.usecases import bundle, dockerize, dockerize_base, image_libraries, load


@click.command(epilog="Example: envctl dockerize && envctl image build")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the files do not match.")
@click.option(
    *("--diff", "with_diff"),
    is_flag=True,
    help="Print what changes in all files as a diff; nothing is written with --check.",
)
@options.selection
@options.profile
@click.option("--upgrade-base", is_flag=True, help="Take the base image that the registry has now.")
@click.option("--adopt", is_flag=True, help="Put a Dockerfile that envctl did not write aside.")
@click.option(
    "--no-fetch", is_flag=True, help="Leave the wheels of a hermetic image for another time."
)
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    check: bool,
    with_diff: bool,
    groups: tuple[str, ...],
    extras: tuple[str, ...],
    no_default_groups: bool,
    profile: str | None,
    upgrade_base: bool,
    adopt: bool,
    no_fetch: bool,
    as_json: bool,
) -> None:
    """Write the Dockerfile that matches the lock, and what its build reads.

    With `build = "hermetic"` that is the wheels as well: those that are not there yet are fetched.
    What you write above and below the generated block of the Dockerfile stays.
    Groups and extras that you name here are remembered in it.
    """
    whole = load.manifest(services.project)
    chosen = [_locked(services, each) for each in _asked(whole, profile)]
    if groups or extras or no_default_groups:
        chosen = [(_chosen(*pair, groups, extras, no_default_groups), pair[1]) for pair in chosen]
    paths = services.paths()
    today = datetime.now(tz=UTC).date()
    pin = cache(lambda: services.uv_pin(whole))
    files = cache(lambda: services.uv_files(whole))

    def planned() -> list[dockerize.DockerPlan]:
        return [
            dockerize.plan(
                services.project,
                manifest,
                lock,
                registry=services.registry_digest,
                uv_pin=pin,
                uv_files=files,
                paths=paths,
                python=services.environment_python(),
                upgrade_base=upgrade_base,
                adopt=adopt,
                today=today,
            )
            for manifest, lock in chosen
        ]

    for manifest, lock in chosen:
        if lock.ours and not answers(lock, manifest):
            say(f"note: {manifest.lock_name} does not answer pyproject.toml: run `envctl lock`")
    if check:
        if with_diff and not as_json:
            for plan in planned():
                show(plan.diff)
        findings = [
            finding
            for manifest, lock in chosen
            for finding in (
                *dockerize.check(
                    services.project,
                    manifest,
                    lock,
                    paths=paths,
                    shelves=services.shelves,
                    today=today,
                ),
                *dockerize_base.look(services.project, manifest, lock, services.registry),
            )
        ]
        bad = _judged(whole.verify, findings, as_json=as_json)
        ctx.exit(1 if bad else 0)
    plans = planned()
    with services.project.locked("dockerize"):
        fetched = () if no_fetch else _fetched(services, plans)
        dockerize.write(services.project, plans)
        bundle.clear(services.shelves, plans)
    looked = [
        finding
        for manifest, lock in chosen
        for finding in dockerize_base.look(services.project, manifest, lock, services.registry)
    ]
    current = services.environments.current()
    looked += [
        finding
        for manifest, lock in chosen
        for finding in image_libraries.expected(
            services.project, manifest, lock, current, services.libraries
        )
    ]
    _present(plans, fetched, looked, with_diff=with_diff, as_json=as_json)


def _judged(weights: Weights, found: list[Finding], *, as_json: bool) -> bool:
    """Print what `--check` found, as the team counts it; return whether the answer is no."""
    weighed = weights.weigh(found)
    bad = weighed.fails(strict=weights.strict)
    if as_json:
        findings = [asdict(finding) for finding in weighed.findings]
        result = {"findings": findings, **verify_report.counted(weighed)}
        show(envelope("dockerize", result, ok=not bad))
    else:
        report(
            findings_text.report(
                *(("image",), weighed.findings, {}),
                weighed=weighed,
                strict=findings_text.STRICT if weights.strict else "",
                verbose=is_verbose(),
            )
        )
    return bad


def _asked(whole: Manifest, profile: str | None) -> list[Manifest]:
    """Return the variants to write images for; one that is not for Linux has none, unless it is named."""
    if profile is not None:
        return [variant(whole, profile)]
    every = variants(whole)
    linux = [each for each in every if each.for_linux]
    for each in every:
        if each not in linux and linux:
            say(f"note: profile {each.profile} is not for Linux: there is no image of it")
    return linux or list(every)


def _locked(services: Services, manifest: Manifest) -> tuple[Manifest, Lock]:
    lock = load.required_lock(services.project, manifest.lock_name)
    return restricted(manifest, lock.only), lock


def _chosen(
    manifest: Manifest,
    lock: Lock,
    groups: tuple[str, ...],
    extras: tuple[str, ...],
    no_default: bool,  # Click's word
) -> Manifest:
    """Return the manifest with the command line's groups and extras, on top of those of ``image``."""
    image = manifest.image
    default = replace(manifest, default_groups=image.groups, default_extras=image.extras)
    found = options.chosen(default, lock, groups, extras, no_default=no_default)
    return image_settings.choose(manifest, *found)


def _fetched(services: Services, plans: list[dockerize.DockerPlan]) -> tuple[str, ...]:
    """Fetch the wheels that the builds read."""
    if not any(plan.bundle for plan in plans):
        return ()
    with progress() as watch:
        return bundle.fetch(services.shelves, plans, watch.heard)


def _present(
    plans: list[dockerize.DockerPlan],
    fetched: tuple[str, ...],
    looked: list[Finding],
    *,
    with_diff: bool,
    as_json: bool,
) -> None:
    for warning in dict.fromkeys(warning for plan in plans for warning in plan.warnings):
        say(f"warning: {warning}")
    for line in dockerize_base.lines(looked):
        say(line)
    if as_json:
        images = [
            {
                "changed": list(p.changed),
                "base": p.base,
                "warnings": list(p.warnings),
                "bundle": [f"{p.folder}/{file.path}" for file in p.bundle],
            }
            for p in plans
        ]
        changed = [name for plan in plans for name in plan.changed]
        result = {
            "changed": changed,
            "fetched": list(fetched),
            "images": images,
            "findings": [asdict(finding) for finding in looked],
        }
        show(envelope("dockerize", result, ok=True))
        return
    for name in fetched:
        say(f"  fetched {name}")
    for plan in plans:
        _tell(plan, with_diff=with_diff)


def _tell(plan: dockerize.DockerPlan, *, with_diff: bool) -> None:
    if with_diff and plan.diff:
        show(plan.diff)
    elif plan.renewed:
        say(plan.renewed.rstrip("\n"), whole=True)
    for name in plan.changed:
        say(f"  wrote {name}")
    if not plan.changed:
        say("Dockerfile and its companions are up to date")
    say(f"base image: {plan.base}")
    for note in plan.notes:
        say(note)
