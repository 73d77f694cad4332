"""Write what stands in docs/ and follows from the code, each section where it stands."""

from importlib.metadata import version
from pathlib import Path

from benchmarks.harness.report import write_section
from events.topics import Topics
from fraudstream.commands.messages import write as write_messages
from tools.docs import configuration, messages, metrics, pictures


def generate(folder: Path) -> None:
    """Write the sections, pictures and schemas into a folder that has the pages."""
    for page in (configuration, metrics, messages):
        for section, text in page.sections().items():
            write_section(folder / f"{page.PAGE}.md", section, text)
    write_messages(folder / "messages", Topics(), version("fraudstream"))
    for name, picture in pictures.files().items():
        (folder / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    generate(Path(__file__).resolve().parent.parent.parent / "docs")
