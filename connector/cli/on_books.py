"""The arguments of the commands that read the books, and of those on policies."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.app import (
    ConfigOption,
    JsonOption,
    QuietOption,
    app,
    chosen,
    policy,
    texts,
)


@app.command()
def sync(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; change nothing.")
    ] = False,
    plan_out: Annotated[
        Path | None, typer.Option("--plan-out", metavar="FILE", help="Save the plan as JSON.")
    ] = None,
    today: Annotated[
        str, typer.Option("--today", metavar="DATE", help="Another day; only with --dry-run.")
    ] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Read the books, decide, write down what is to be sent, and send what may go."""
    from connector.cli import commands

    raise typer.Exit(
        commands.sync(
            chosen(context, config),
            dry_run=dry_run,
            plan_out=plan_out,
            today=today,
            as_json=json,
            quiet=quiet or json,
        )
    )


@app.command()
def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Send what of a saved plan still holds; this counts as your approval of it."""
    from connector.cli import commands

    raise typer.Exit(commands.apply(chosen(context, config), file, json, quiet or json))


@app.command()
def rebuild(
    context: typer.Context,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Read back from the accounting software what a lost database no longer knows."""
    from connector.cli import commands

    raise typer.Exit(commands.rebuild(chosen(context, config), json, quiet or json))


@app.command()
def run(context: typer.Context, config: ConfigOption = None) -> None:
    """Run as a service: sync every so often, until it is told to stop."""
    from connector.cli import running

    raise typer.Exit(running.run(chosen(context, config)))


@app.command()
def why(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="INVOICE|CUSTOMER")],
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say why an invoice is, or is not, written about today, and what comes next."""
    from connector.cli import commands

    raise typer.Exit(commands.why(chosen(context, config), what, json, quiet or json))


@app.command()
def preview(
    context: typer.Context,
    invoice: Annotated[str, typer.Argument(metavar="INVOICE")],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the HTML part here.")
    ] = None,
    eml: Annotated[
        Path | None, typer.Option("--eml", metavar="FILE", help="Write the whole mail here.")
    ] = None,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE", help="Write the letter here.")
    ] = None,
    config: ConfigOption = None,
    quiet: QuietOption = False,
) -> None:
    """Show the message that speaks of an invoice today, as it would go."""
    from connector.cli import preview as previews

    files = previews.Files(html=html, eml=eml, pdf=pdf)
    raise typer.Exit(previews.preview(chosen(context, config), invoice, files, quiet))


@app.command()
def providers(json: JsonOption = False) -> None:
    """The accounting software that Relance knows, and what each lets it do."""
    from connector.cli import commands

    raise typer.Exit(commands.providers(json))


@policy.command()
def check(context: typer.Context, config: ConfigOption = None) -> None:
    """Check the firm's policy and texts, and tell every problem at once."""
    from connector.cli import policies

    raise typer.Exit(policies.check_policy(chosen(context, config)))


@policy.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[POLICY]")] = "",
    config: ConfigOption = None,
) -> None:
    """Show the steps of the firm's policy, or of a ready-made one."""
    from connector.cli import policies

    raise typer.Exit(policies.show_policy(chosen(context, config), name))


@policy.command()
def replay(
    context: typer.Context,
    start: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    end: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day.")],
    name: Annotated[
        str, typer.Option("--policy", metavar="NAME", help="This one, not the firm's own.")
    ] = "",
    against: Annotated[
        str, typer.Option("--against", metavar="NAME", help="Another one to compare it with.")
    ] = "",
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Save a row for each due line.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Play a policy over the past, or over the weeks to come if nobody pays."""
    from connector.cli import policies

    raise typer.Exit(
        policies.replay(
            chosen(context, config),
            start,
            end,
            policy=name,
            against=against,
            csv_file=csv,
            as_json=json,
            quiet=quiet or json,
        )
    )


@policy.command()
def manual(
    context: typer.Context,
    language: Annotated[str, typer.Option("--language", metavar="fr|en")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it here, as Markdown.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print the firm's policy as a manual for the team."""
    from connector.cli import policies

    raise typer.Exit(policies.policy_manual(chosen(context, config), language, out))


@texts.callback(invoke_without_command=True)
def list_texts(
    context: typer.Context, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """List the texts with their versions, what is to be read again, and what was said of them."""
    if context.invoked_subcommand:
        return
    from connector.cli import wording

    raise typer.Exit(wording.texts(chosen(context, config), json))


@texts.command(name="note")
def note_text(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TEXT", help="Such as fr/friendly.")],
    said: Annotated[str, typer.Option("--said", help="What was said of it.")],
    config: ConfigOption = None,
) -> None:
    """Keep what somebody says about the present wording of a text."""
    from connector.cli import wording

    raise typer.Exit(wording.say_of(chosen(context, config), name, said))
