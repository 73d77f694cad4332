"""A report of an evaluation: one self-contained HTML page, or one PNG."""

import base64
import html
from pathlib import Path

from model.errors import ReportError
from model.evaluation.curve import Scored
from model.evaluation.evaluate import metrics_text
from model.evaluation.results import Evaluation
from model.plots.panels import evaluation_panels
from model.plots.style import Background, render
from model.serving.backend import installed

WIDTH, HEIGHT = 9.0, 7.4  # inches; 1080 by 888 dots

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 1rem }}
img {{ max-width: 100% }}
table {{ border-collapse: collapse }}
td {{ padding: .2rem 1.5rem .2rem 0; border-bottom: 1px solid #8884 }}
td + td {{ text-align: right; font-variant-numeric: tabular-nums }}
</style>
<h1>{title}</h1>
<p>{subtitle}</p>{warning}
<picture>
<source media="(prefers-color-scheme: dark)" srcset="{dark}">
<img alt="Precision over recall, ROC, alerts a day, reliability" src="{light}">
</picture>
<table>
{table}
</table>
</html>
"""


def check_report(path: Path) -> None:
    """Check that a report can be written, before any time is spent on it.

    Raises:
        ReportError: the name ends neither in .html nor in .png, or its folder is missing.
        MissingExtraError: matplotlib is not installed.
    """
    if path.suffix not in {".html", ".png"}:
        raise ReportError(f"{path} must end in .html or .png, which selects the format.")
    if not path.parent.is_dir():
        raise ReportError(f"{path} cannot be written: the folder {path.parent} is missing.")
    installed("matplotlib")


def write_report(path: Path, rows: Scored, evaluation: Evaluation, *, title: str) -> None:
    """Write the report, as HTML or PNG according to the name's suffix.

    Raises:
        ReportError: as `check_report`, or it cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    check_report(path)
    page = path.suffix == ".html"
    content = _page(rows, evaluation, title).encode() if page else _plot(rows, evaluation, "light")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}.") from error


def _page(rows: Scored, evaluation: Evaluation, title: str) -> str:
    light, dark = (
        "data:image/png;base64," + base64.b64encode(_plot(rows, evaluation, ground)).decode()
        for ground in ("light", "dark")
    )
    lines = [
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>"
        for name, value in metrics_text(evaluation)
    ]
    subtitle = (
        f"{evaluation.rows:,} rows, representing {evaluation.transactions:,.0f} transactions of "
        f"{evaluation.days:.2f} days, with {evaluation.frauds:,} frauds."
    )
    return _PAGE.format(
        title=html.escape(title),
        subtitle=subtitle,
        warning=_warning(evaluation),
        light=light,
        dark=dark,
        table="\n".join(lines),
    )


def _warning(evaluation: Evaluation) -> str:
    if evaluation.warning is None:
        return ""
    return f'\n<p role="alert"><strong>Warning: {html.escape(evaluation.warning)}</strong></p>'


def _plot(rows: Scored, evaluation: Evaluation, background: Background) -> bytes:
    draw = evaluation_panels(rows, evaluation)
    return render(draw, width=WIDTH, height=HEIGHT, background=background)
