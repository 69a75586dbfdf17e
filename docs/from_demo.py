"""Put what the demo found into README.md and docs/images: run it after `make demo`, so that no number is written by hand.

.venv/bin/python docs/from_demo.py
"""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
DEMO = REPOSITORY / "results" / "demo"
# `<!-- demo: tables/recipe.md -->` .. `<!-- end -->`: between them stands that file of results/demo, headings left out.
BLOCK = re.compile(r"(<!-- demo: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
COLUMNS = ("ablation", "epochs", "seeds n", "train %", "test %", "95 %", "to previous")  # as many as fit a page
ALTERNATIVE = "Test accuracy of the demo study against observation ratio, with intervals, chance and ceiling"
FINDINGS = ("raises accuracy", "lowers accuracy", "cannot be told from no effect", "reversal in time")  # words of those


def main() -> None:
    """Rewrite README.md and copy the figure."""
    readme = REPOSITORY / "README.md"
    readme.write_text(filled(readme.read_text(encoding="utf-8"), DEMO), encoding="utf-8")
    figure = (DEMO / "figures" / "accuracy_against_ratio.svg").read_text(encoding="utf-8")
    told = figure.replace("<svg ", f'<svg role="img" aria-label="{ALTERNATIVE}" ', 1)
    (REPOSITORY / "docs" / "images" / "accuracy_against_ratio.svg").write_text(told, encoding="utf-8")


def filled(text: str, home: Path) -> str:
    """The text with each block filled from its file of the study that was collected in `home`."""

    def block(match: re.Match) -> str:
        said = (home / match[2]).read_text(encoding="utf-8")
        return f"{match[1]}\n{table(said) if match[2].startswith('tables') else findings(said)}\n\n{match[3]}"

    return BLOCK.sub(block, text)


def table(said: str) -> str:
    """The first table of an ablation table's Markdown, with the columns that fit a page."""
    rows = [line for line in said.partition("\n| ")[2].partition("\n\n")[0].splitlines() if line]
    cells = [[cell.strip() for cell in row.strip("| ").split("|")] for row in rows]
    kept = [place for place, name in enumerate(cells[0]) if name in COLUMNS]
    cells[1] = ["---"] * len(cells[0])
    return "\n".join(f"| {' | '.join(row[place] for place in kept)} |" for row in cells)


def findings(said: str) -> str:
    """The lines of a verdict that hold a finding, quoted; the rest stands on the page."""
    lines = [line.removeprefix("- ") for line in said.splitlines() if any(words in line for words in FINDINGS)]
    return "\n>\n".join(f"> {line}" for line in lines)


if __name__ == "__main__":
    main()
