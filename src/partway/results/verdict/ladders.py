"""The part of a verdict about ladders: which row is best, and which step is more than luck."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from partway.results.naming import count, listed
from partway.results.stats import Estimate
from partway.results.tables import as_p, beyond_luck, differences_of
from partway.results.tables.words import LUCK, Row, Table
from partway.results.verdict.words import Writer, odds, videos_of

TESTS = {
    "exact McNemar": "McNemar's exact test on the videos that only one of the two gets right",
    "paired over videos": "paired test over videos",
    "crossed seeds x videos": "paired test over seeds and videos",
}


def about_ladder(name: str, table: Table, writer: Writer) -> str:
    """What one ablation table says."""
    done = [row for row in table if row["top1"] is not None]
    parts = [f"## {name}: {writer.condition(table)}"]
    if not done:
        return "\n\n".join([*parts, "No run of this table is complete, so nothing can be said."])
    parts.append(_best(table, done, writer))
    if len(table) > 1:
        parts += [_steps(table, writer), *_whole_way(table, max(done, key=itemgetter("top1")), writer)]
    return "\n\n".join(parts)


def _best(table: Table, done: Table, writer: Writer) -> str:
    """The highest row, how high, and over what it was measured."""
    best = max(done, key=itemgetter("top1"))
    among = f"the best of {len(done)} rows" if len(done) > 1 else "the only row with a result"
    among += f" (of {len(table)} in the table)" if len(done) < len(table) else ""
    estimate = Estimate(best["top1"], best["low"], best["high"], best["covers"])
    is_best = f"is {among}: it recognises" if len(table) > 1 else "recognises"
    said = f"{writer.quoted(best, table)} {is_best} {writer.percent(estimate.value)} % of the "
    said += f"{videos_of(best)} ({writer.interval(estimate)}), {_seeds(best)}"
    equals = [row for row in done if row["top1"] == best["top1"] and row is not best]
    said += f"; {listed([writer.quoted(row, table) for row in equals])} did as well" if equals else ""
    chance = writer.chance(best["dataset"])
    within = (
        ""
        if not estimate.low <= chance <= estimate.high
        else ", which the interval does not exclude: it may know nothing"
    )
    return f"{said}. Guessing would get {writer.percent(chance)} %{within}."


def _steps(table: Table, writer: Writer) -> str:
    """Each row against the one above it: what helps, what hurts, and what cannot be told."""
    known = [row for row in table[1:] if row["difference_to_previous"] is not None]
    clear = [row for row in known if beyond_luck(row, "previous")]
    unclear = [row for row in known if row not in clear]
    unknown = [writer.quoted(row, table) for row in table[1:] if row not in known]
    lines = [f"Each row against the row above it, on the same videos, with 95 % intervals{_coverage(known)}:", ""]
    lines += [f"- {writer.quoted(row, table)} {_beyond(row, 'previous', table, writer)}" for row in clear]
    lines += [f"- {line}" for line in _unclear(unclear, table, writer)]
    if unknown:
        lines.append(f"- Nothing can be said about {listed(unknown)}: a run of it, or of the row above, is missing.")
    return "\n".join(lines)


def _coverage(known: Table) -> str:
    """What the intervals of steps cover."""
    found = {row["difference_to_previous_covers"] for row in known}
    if found == {"videos"}:
        return " that cover the videos only"
    if found == {"seeds and videos"}:
        return " that cover seeds and videos"
    return (
        " that cover seeds and videos, or the videos only where fewer than three seeds are in both rows"
        if found
        else ""
    )


def _unclear(rows: Table, table: Table, writer: Writer) -> Iterator[str]:
    """Steps that may be luck, what could have been seen, and those that look clear for themselves alone."""
    if not rows:
        return
    named = [
        f"{writer.quoted(row, table)} ({writer.difference(difference_of(row, 'previous'))}{_fewer(row, 'previous')})"
        for row in rows
    ]
    yield f"{listed(named)} cannot be told from no effect at all: {_not_seen(rows, 'previous', table, writer)}."
    clear = [row for row in rows if _leaves_0_out(difference_of(row, "previous"))]
    alone = [row for row in clear if row["difference_to_previous_p"] <= LUCK]
    if alone:
        number = len(differences_of(table))
        yield f"{_leave_0_out(alone, table, writer)}, but among {number} differences that may well be luck."
    if near := [row for row in clear if row not in alone]:
        yield f"{_leave_0_out(near, table, writer)} by a little, but the exact test, which is the more careful, does not."


def _leave_0_out(rows: Table, table: Table, writer: Writer) -> str:
    names = listed([writer.quoted(row, table) for row in rows])
    return f"The interval of {names} leaves 0 out" if len(rows) == 1 else f"The intervals of {names} leave 0 out"


def _not_seen(rows: Table, to: str, table: Table, writer: Writer) -> str:
    """Which differences could not have been relied on to show."""
    found = [row[f"difference_to_{to}_detectable"] for row in rows]
    least, most = writer.points(min(found)), writer.points(max(found))
    size = f"{least} points" if least == most else f"{least} to {most} points, depending on the row,"
    crossed = any(row[f"difference_to_{to}_covers"] != "videos" for row in rows)
    seeds = f"{max(row[f'difference_to_{to}_seeds'] for row in rows):.0f} seeds and " if crossed else ""
    return f"with {seeds}{_these(table)}, true differences below {size} would not have shown reliably (80 % power)"


def _whole_way(table: Table, best: Row, writer: Writer) -> Iterator[str]:
    """From the first row to the best, where that is more than one step."""
    if best["difference_to_first"] is None or best is table[1]:
        return
    way = f"The whole way from {writer.quoted(table[0], table)} to {writer.quoted(best, table)}"
    if beyond_luck(best, "first"):
        yield f"{way} {_beyond(best, 'first', table, writer)}"
        return
    told = f"{way} ({writer.difference(difference_of(best, 'first'))}{_fewer(best, 'first')}) cannot be told from no effect at all"
    yield f"{told}: {_not_seen([best], 'first', table, writer)}."


def _beyond(row: Row, to: str, table: Table, writer: Writer) -> str:
    """What a row changes that is more than luck, and how often luck alone would do that."""
    p_value, test = row[f"difference_to_{to}_p_holm"], TESTS[row[f"difference_to_{to}_test"]]
    covers = row[f"difference_to_{to}_covers"]
    luck = f"the {row['scored_on']} videos" if covers == "videos" else f"seeds and {row['scored_on']} videos"
    where = "tables" if len(differences_of(table)) > 1 else "pairs"
    told = as_p(p_value)
    p_said = f"p {told}" if told.startswith("<") else f"p = {told}"
    return (
        f"{writer.change(difference_of(row, to))}{_fewer(row, to)}: more than the luck of {luck}, which alone would show as much in "
        f"{odds(p_value)} such {where} ({p_said}, {test})."
    )


def difference_of(row: Row, to: str) -> Estimate:
    """The difference of a row to the `previous` or the `first`, which is known."""
    return Estimate(*(row[f"difference_to_{to}{end}"] for end in ("", "_low", "_high", "_covers")))


def _fewer(row: Row, to: str) -> str:
    """Over how many seeds a difference is, where the other row has fewer of those of this one."""
    seeds = row[f"difference_to_{to}_seeds"]
    return f", over the {count(int(seeds), 'seed')} that both have" if seeds < row["seeds"] else ""


def _leaves_0_out(estimate: Estimate) -> bool:
    return estimate.low > 0 or estimate.high < 0


def _seeds(row: Row) -> str:
    if row["seeds"] < row["seeds_of_grid"]:
        return f"over {row['seeds']} of {count(row['seeds_of_grid'], 'seed')}"
    return f"the mean of {count(row['seeds'], 'seed')}" if row["seeds"] > 1 else "with one seed"


def _these(table: Table) -> str:
    largest = max((row for row in table if row["videos"] is not None), key=itemgetter("videos"))
    return f"this one {largest['scored_on']} video" if largest["videos"] == 1 else f"these {videos_of(largest)}"
