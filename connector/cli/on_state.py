"""The arguments of the commands that work on what is written down: proposals, decisions."""

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.app import (
    About,
    Because,
    ConfigOption,
    JsonOption,
    KeysArgument,
    app,
    chosen,
    outbox,
)


@app.command()
def review(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="Show this one whole.")] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List the proposals that wait for your approval, or show one of them."""
    from connector.cli import boxes

    raise typer.Exit(boxes.review(chosen(context, config), key, json))


@app.command()
def approve(
    context: typer.Context,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY...", help="Keys, or their start.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also formal texts that the firm has not reviewed.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Let proposals go with the next sync, after a last look at the books."""
    from connector.cli import boxes

    raise typer.Exit(boxes.approve(chosen(context, config), keys or [], all_, yes))


@app.command()
def edit(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY")],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Take the text from here.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Change the text of a proposal in your editor; what you save is what goes out."""
    from connector.cli import boxes

    raise typer.Exit(boxes.edit(chosen(context, config), key, file))


@app.command()
def reject(
    context: typer.Context, keys: KeysArgument, because: Because, config: ConfigOption = None
) -> None:
    """Pass over this step for these lines; the ladder goes on with the next one."""
    from connector.cli import boxes

    raise typer.Exit(boxes.reject(chosen(context, config), keys, because))


@app.command()
def write(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT")],
    about: About,
    config: ConfigOption = None,
) -> None:
    """Propose a message beside the steps: thank_you, part_payment, instalments, statement,
    later_than_usual, or a text of your own."""
    from connector.cli import writing

    raise typer.Exit(writing.write(chosen(context, config), text, about))


@app.command()
def letters(
    context: typer.Context,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY...]", help="Keys, or their start.")
    ] = None,
    posted: Annotated[bool, typer.Option("--posted", help="These are posted: count them.")] = False,
    received: Annotated[
        bool, typer.Option("--received", help="These reached the customer: needs --on.")
    ] = False,
    on: Annotated[
        str, typer.Option("--on", metavar="DATE", help="They went, or came, on this day.")
    ] = "",
    proof: Annotated[
        str, typer.Option("--proof", metavar="TEXT", help="The number of the receipt.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Write the files here.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write approved letters as PDF files to print, or say which ones are posted or received."""
    from connector.cli import post

    where, found = chosen(context, config), keys or []
    if received:
        raise typer.Exit(post.receipts(where, found, on, proof, json))
    raise typer.Exit(post.letters(where, found, posted, on, out, json))


@app.command()
def status(context: typer.Context, config: ConfigOption = None, json: JsonOption = False) -> None:
    """The last runs, what waits, and what a person must see to."""
    from connector.cli import standing

    raise typer.Exit(standing.status(chosen(context, config), json))


@app.command()
def log(
    context: typer.Context, about: About, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Everything sent, refused, decided and received about an invoice or a customer."""
    from connector.cli import standing

    raise typer.Exit(standing.case(chosen(context, config), about, json))


@app.command()
def mark(
    context: typer.Context,
    about: About,
    what: Annotated[
        str,
        typer.Argument(
            metavar="[WHAT]",
            help="hold, excluded, disputed, promised, plan, insolvent, handed_over, written_off, "
            "not_delivered, in_difficulty, bill, retention, factored, reply, bounced, cause, "
            "credit_limit, credit_check, supply_stop, strategic, warning_sign, segment, terms or "
            "waived; without "
            "it, what was decided so far.",
        ),
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="DATE", help="The last day; of a promise, its day.")
    ] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="DATE", help="The first day; today if not given.")
    ] = "",
    amount: Annotated[
        str, typer.Option("--amount", metavar="X", help="The part, such as 250.00.")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="The cause.")] = "",
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Who sees to it.")] = "",
    because: Annotated[
        str, typer.Option("--because", help="The reason, kept with the decision.")
    ] = "",
    config: ConfigOption = None,
) -> None:
    """Decide about an invoice or a customer: hold, disputed, promised and so on."""
    from connector.cli import marks
    from connector.outbox.given import Given

    given = Given(
        because=because, until=until, since=since, amount=amount, reason=reason, owner=owner
    )
    raise typer.Exit(marks.mark(chosen(context, config), about, what, given))


@app.command()
def unmark(
    context: typer.Context,
    about: About,
    what: Annotated[str, typer.Argument(metavar="WHAT")],
    because: Because,
    outcome: Annotated[
        str,
        typer.Option(
            "--outcome",
            metavar="CODE",
            help="What came of a reply: paid, promise, dispute, difficulty, wrong_contact, other.",
        ),
    ] = "",
    config: ConfigOption = None,
) -> None:
    """Take a decision back; it stays in the history."""
    from connector.cli import marks

    raise typer.Exit(marks.unmark(chosen(context, config), about, what, because, outcome))


@app.command()
def call(
    context: typer.Context,
    invoice: Annotated[str, typer.Argument(metavar="INVOICE")],
    said: Annotated[str, typer.Option("--said", help="What was said.")],
    promised: Annotated[
        str, typer.Option("--promised", metavar="DATE", help="When it will be paid.")
    ] = "",
    amount: Annotated[
        str, typer.Option("--amount", metavar="X", help="How much was promised, or is disputed.")
    ] = "",
    disputed: Annotated[bool, typer.Option("--disputed", help="The customer objects.")] = False,
    cause: Annotated[str, typer.Option("--cause", metavar="CODE", help="Why it is late.")] = "",
    config: ConfigOption = None,
) -> None:
    """Record a telephone call: what was said, and what was promised."""
    from connector.cli import marks

    raise typer.Exit(
        marks.call(
            chosen(context, config),
            invoice,
            said,
            promised=promised,
            amount=amount,
            disputed=disputed,
            cause=cause,
        )
    )


@app.command()
def restart(
    context: typer.Context,
    invoice: Annotated[str, typer.Argument(metavar="INVOICE")],
    because: Because,
    config: ConfigOption = None,
) -> None:
    """Begin the reminders of an invoice anew, with the mildest step."""
    from connector.cli import marks

    raise typer.Exit(marks.restart(chosen(context, config), invoice, because))


@outbox.callback()
def _outbox(context: typer.Context, config: ConfigOption = None, json: JsonOption = False) -> None:
    """List what is on its way, unknown or refused."""
    if context.invoked_subcommand is None:
        from connector.cli import boxes

        raise typer.Exit(boxes.listing(chosen(context, config), json))


@outbox.command()
def resolve(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY")],
    outcome: Annotated[str, typer.Argument(metavar="sent|not-sent")],
    config: ConfigOption = None,
) -> None:
    """Say what became of a reminder whose outcome nobody knows."""
    from connector.cli import boxes

    raise typer.Exit(boxes.resolve(chosen(context, config), key, outcome))
