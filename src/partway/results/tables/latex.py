"""Tables in LaTeX: booktabs, all text escaped, a longtable where one page does not hold them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from pylatexenc.latexencode import UnicodeToLatexEncoder

PACKAGES = "array,booktabs,longtable"
MOST_LINES = 45  # of a table on one page
STYLE = r"\footnotesize\setlength{\tabcolsep}{3pt}"
STACK = r"\providecommand{\partwaystack}[1]{\begin{tabular}[t]{@{}r@{}}#1\end{tabular}}  % numbers below each other"
ENCODER = UnicodeToLatexEncoder(unknown_char_policy="keep", unknown_char_warning=False)
LIGATURE = re.compile(r"(?<=-)(?=-)|(?<=[?!`])(?=`)")  # LaTeX would make one character of these two
MINUS = re.compile(r"(?<![\w-])-(?=[\d\s])")
BEYOND = "% Letters that pdflatex does not have ({}) need XeLaTeX or LuaLaTeX, and a font with them.\n"


@lru_cache(maxsize=10_000)  # most cells of a long table say the same
def escape(text: str) -> str:
    """Any text as LaTeX prints it; letters that only XeLaTeX and LuaLaTeX have stay as they are."""
    plain = unicodedata.normalize("NFC", " ".join(text.split()))
    return LIGATURE.sub("{}", ENCODER.unicode_to_latex(plain)).replace("|", r"{\textbar}")  # else a dash


def number(text: str) -> str:
    """A number, or an interval of numbers, with real minus signs."""
    return escape(MINUS.sub("\N{MINUS SIGN}", text))


def breakable(text: str) -> str:
    """A name or value that may break behind a dot, stroke or underscore."""
    return re.sub(r"(\.|/|\\_)(?=\w)", r"\1\\allowbreak{}", escape(text))


def stack(lines: list[str]) -> str:
    """Numbers, in LaTeX, below each other in one cell, all but the first smaller."""
    first, *others = lines
    small = "".join(rf"\\{{\scriptsize {line}}}" for line in others)
    return rf"\partwaystack{{{first}{small}}}" if others else first


def labelled(text: str, below: str) -> str:
    """A cell of text, in LaTeX, with a smaller one below it, or none."""
    return rf"{text}\newline{{\scriptsize {below}}}" if below else text


def wrapped(width: float) -> str:
    """A column of text that wraps; `width` is its share of the line."""
    return rf">{{\raggedright\arraybackslash}}p{{{width:.2f}\linewidth}}"


def document(name: str, parts: list[str]) -> str:
    """A file for `\\input`, which says what it needs.

    Args:
        name: of the file, without its ending.
        parts: made by `table` and `paragraphs`.
    """
    body = "\n".join(parts)
    beyond = "".join(sorted({letter for letter in body if not letter.isascii()}))
    told = f"% Before \\begin{{document}}: \\usepackage{{{PACKAGES}}}\n% In the text: \\input{{{name}}}\n"
    return f"{told}{BEYOND.format(beyond) if beyond else ''}{STACK}\n\n{body}"


def table(caption: str, label: str, columns: list[str], heads: list[str], rows: list[list[str]], below: str) -> str:
    """One table that floats; a longtable, which may break between its rows, where it has more than `MOST_LINES`.

    Args:
        caption, heads, rows: in LaTeX.
        label: to refer to it by.
        columns: how each is aligned.
        below: made by `paragraphs`.
    """
    layout, head, body = "".join(columns), _line(heads), " \\\\\n\\addlinespace[3pt]\n".join(map(_line, rows))
    said = f"\\caption{{{caption}}}\\label{{{label}}}"
    if sum(map(_height, rows)) > MOST_LINES:
        repeated = f"\\toprule\n{head} \\\\\n\\midrule"
        return (
            f"\\begingroup{STYLE}\n\\begin{{longtable}}{{{layout}}}\n{said} \\\\\n{repeated}\n\\endfirsthead\n{repeated}\n"
            f"\\endhead\n\\midrule\n\\endfoot\n\\bottomrule\n\\endlastfoot\n{body} \\\\\n\\end{{longtable}}\n{below}"
            "\\endgroup\n"
        )
    return (
        f"\\begin{{table}}[htbp]\n\\centering\n{said}\n{STYLE}\n\\begin{{tabular}}{{{layout}}}\n\\toprule\n{head} \\\\\n"
        f"\\midrule\n{body} \\\\\n\\bottomrule\n\\end{{tabular}}\n\\par\\medskip\n{below}\\end{{table}}\n"
    )


def paragraphs(texts: list[str]) -> str:
    """Plain sentences in small print, a paragraph each."""
    said = "\\par\n".join(map(escape, texts))
    return (
        f"\\noindent\\parbox{{\\linewidth}}{{\\scriptsize\\setlength{{\\parskip}}{{2pt}}\n{said}}}\n" if texts else ""
    )


def _line(cells: list[str]) -> str:
    """A row; LaTeX would take a bracket or star at its beginning for a part of the line break before it."""
    first, *others = cells
    return " & ".join([f"{{}}{first}" if first.startswith(("[", "*")) else first, *others])


def _height(cells: list[str]) -> int:
    """How many lines a row has, for all that is known here."""
    return 1 + max(cell.count(r"\\") for cell in cells)
