"""`fraudstream data`: the original creditcard.csv and its synthetic twin."""

import sys
from pathlib import Path
from statistics import median

import click

from dataset.columns import BYTES, FRAUDS, ROWS, SHA256
from fraudstream.options import CONTEXT, InputFile, option
from fraudstream.progress import progress_bar

INPUT = InputFile()
OUTPUT = click.Path(path_type=Path)

rows_file_option = option(
    "--rows-file",
    type=INPUT,
    help="CSV with the columns row (0-based, in the original) and weight (the number of original "
    "rows it stands for), one line per row of --data; required for a sample of the original.",
)


@click.group(context_settings=CONTEXT)
def command() -> None:
    """Get creditcard.csv: download the original, or make a synthetic twin.

    \b
    Examples:
      fraudstream data download
      fraudstream data synthesize --rows 50000 --seed 7 --out twin.csv.gz
      fraudstream data check creditcard.csv
    """


@command.command(context_settings=CONTEXT)
@option("--out", type=OUTPUT, default=Path("creditcard.csv"), help="File to write.")
@option(
    "--mirror",
    "mirrors",
    multiple=True,
    metavar="URL",
    show_default="two open ones",
    help="Mirror to use instead; may be repeated, in the order to try.",
)
def download(out: Path, mirrors: tuple[str, ...]) -> None:
    """Download the original creditcard.csv (151 MB) from an open mirror.

    284,807 card payments of two days in September 2013, 492 of them frauds, published by the
    Machine Learning Group of ULB and Worldline. Size and SHA-256 are verified before the file gets
    its name. After an interruption, the same command resumes the download.

    \b
    Examples:
      fraudstream data download
      fraudstream data download --out data/creditcard.csv
      fraudstream data download --mirror https://files.example.org/creditcard.csv
    """
    from dataset.download import MIRRORS, partial_path
    from dataset.download import download as fetch

    try:
        with progress_bar("Downloading creditcard.csv", BYTES, unit="bytes") as advance:
            fetched = fetch(out, mirrors=mirrors or MIRRORS, advance=advance, remark=_remark)
    except KeyboardInterrupt:
        part = partial_path(out)
        if part.exists():
            _remark(
                f"Stopped after {part.stat().st_size / 1e6:.0f} of {BYTES / 1e6:.0f} MB, kept in "
                f"{part}; the same command resumes the download."
            )
        raise
    result = "downloaded, size and SHA-256 verified" if fetched else "exists and is correct"
    click.echo(f"{out}: {result}.")


@command.command(context_settings=CONTEXT)
@option("--rows", type=click.IntRange(2), default=ROWS, help="Number of transactions.")
@option("--seed", type=click.IntRange(0), default=0, help="Seed of the random numbers.")
@option(
    "--out",
    type=OUTPUT,
    default=Path("creditcard.csv"),
    help="File to write; compressed if its name ends with .gz.",
)
@option(
    "--parameters",
    type=INPUT,
    show_default="the project's own",
    help="Parameter file, as written by data fit.",
)
def synthesize(rows: int, seed: int, out: Path, parameters: Path | None) -> None:
    """Make a synthetic creditcard.csv, the twin of the original, with none of its rows.

    It has the columns, class balance, amounts and hours of the original, but every number is drawn
    from distributions that were fitted to it. The rows cover the same two days, however many there
    are. 0.173 % are frauds, at least one.

    \b
    Examples:
      fraudstream data synthesize
      fraudstream data synthesize --rows 20000 --seed 7 --out twin.csv.gz
    """
    from dataset import twin
    from dataset.writer import write

    with progress_bar("Drawing transactions", rows, unit="rows") as advance:
        frame = twin.synthesize(rows, seed, parameters=parameters, advance=advance)
    with progress_bar(f"Writing {out}", rows, unit="rows") as advance:
        write(frame, out, advance=advance)
    click.echo(
        f"{out}: {rows:,} synthetic transactions, {int(frame['Class'].sum()):,} of them frauds "
        f"(seed {seed})."
    )


@command.command(context_settings=CONTEXT)
@click.argument("file", type=INPUT)
def check(file: Path) -> None:
    """Validate a creditcard.csv and summarise it.

    A defect is reported with its line and column. Plain, .gz and .zip files are accepted.

    \b
    Example:
      fraudstream data check creditcard.csv
    """
    from dataset.reader import read, sha256
    from fraudstream.tables import print_table

    frame = read(file)
    digest = sha256(file)
    frauds = int(frame["Class"].sum())
    hours = (frame["Time"].iloc[-1] - frame["Time"].iloc[0]) / 3600
    times, amounts = frame["Time"], frame["Amount"]
    print_table(
        [
            ("transactions", f"{len(frame):,}"),
            ("frauds", f"{frauds:,} ({frauds / len(frame):.3%}; original {FRAUDS / ROWS:.3%})"),
            ("duplicates", f"{int(frame.duplicated().sum()):,}"),
            ("time", f"{hours:.1f} h, from {times.iloc[0]:,.0f} s"),
            ("amount", f"mean {amounts.mean():.2f}, at most {amounts.max():.2f}"),
            ("sha256", digest),
            ("original", "yes" if digest == SHA256 else "no: the checksum differs"),
        ]
    )


@command.command(context_settings=CONTEXT)
@option("--data", type=INPUT, required=True, help="Genuine rows: the original, or a sample of it.")
@rows_file_option
@option(
    "--clock",
    type=INPUT,
    show_default="the fitted rows' own",
    help="CSV with Time and Class of the whole stream, for the times of transactions and frauds.",
)
@option("--before", type=click.IntRange(1), help="Use only rows of the original before this one.")
@option("--out", type=OUTPUT, default=Path("twin.npz"), help="Parameter file to write.")
def fit(
    data: Path, rows_file: Path | None, clock: Path | None, before: int | None, out: Path
) -> None:
    """Fit the twin to genuine rows and write its parameters.

    By default only rows before 182,277 of the original are used (the first 64 %), so that
    `fraudstream data fidelity` can evaluate on later ones. Takes about a minute. The same input
    gives the same file, byte by byte with the same machine and versions.

    \b
    Examples:
      fraudstream data fit --data creditcard.csv --clock creditcard.csv
      fraudstream data fit --data sample.csv.gz --rows-file rows.csv.gz --clock clock.csv.gz
    """
    from dataset import fitting, twin
    from dataset.reader import read
    from dataset.writer import replaced

    rows = fitting.add_row_and_weight(read(data), rows_file)
    times = None if clock is None else fitting.read_clock(clock)
    with progress_bar("Fitting the twin", len(twin.CLASSES), unit="classes") as advance:
        fitted = fitting.fit(rows, times, before=before or fitting.FITTED_BEFORE, advance=advance)
    with replaced(out) as file:
        twin.save(fitted, file)
    click.echo(f"{out}: parameters of a twin, {out.stat().st_size:,} bytes.")


@command.command(context_settings=CONTEXT)
@option("--data", type=INPUT, required=True, help="Genuine rows: the original, or a sample of it.")
@rows_file_option
@option(
    "--parameters",
    type=INPUT,
    show_default="the project's own",
    help="Parameter file, as written by data fit.",
)
@option("--seeds", type=click.IntRange(1), default=5, help="Number of twins to draw and train on.")
@option("--rows", type=click.IntRange(2), default=ROWS, help="Number of transactions in each twin.")
def fidelity(
    data: Path, rows_file: Path | None, parameters: Path | None, seeds: int, rows: int
) -> None:
    """Measure the twin: train on it alone, evaluate on genuine rows that it was not fitted to.

    Prints the average precision of gradient-boosted trees on rows 182,277 to 227,845 of the
    original, trained on twins and, to compare, on the genuine rows before them.

    \b
    Example:
      fraudstream data fidelity --data creditcard.csv
    """
    from dataset import fitting, twin
    from dataset.fidelity import measure
    from dataset.reader import read

    genuine = fitting.add_row_and_weight(read(data), rows_file)
    parameter_set = twin.bundled() if parameters is None else twin.load(parameters)
    with progress_bar("Training", 2 * seeds, unit="models") as advance:
        result = measure(parameter_set, genuine, seeds=range(seeds), size=rows, advance=advance)
    click.echo(f"evaluated on {result.rows:,} genuine rows, {result.frauds} of them frauds")
    click.echo("average precision, weighted:")
    for name, values in (("twin", result.twin), ("genuine", result.genuine)):
        each = " ".join(f"{value:.3f}" for value in values)
        click.echo(f"  trained on {name:8} median {median(values):.3f}   each seed {each}")


def _remark(sentence: str) -> None:
    print(sentence, file=sys.stderr)
