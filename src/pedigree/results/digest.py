"""The digest of a retraining: what ran, what changed in the photos, better or worse, and where to look."""

from collections.abc import Mapping
from dataclasses import dataclass

from pedigree.common.plurals import plural
from pedigree.results.drift import SAME
from pedigree.results.gate import GateResult
from pedigree.results.highlights import Exhibit, Table, markdown_table, markdown_text

MOST_BREEDS = 10  # with changes that are named


@dataclass(frozen=True)
class Digest:
    """What a person wants to know in the morning.

    Attributes:
        outcome: "Promoted" or "Rejected".
        message: the decision and its reason.
        seconds: the stages that ran, each with its seconds.
        drift: a row per breed, by `drift.between`; None if there was no champion.
        result: the decision of the gate, with a row for each number.
    """

    outcome: str
    message: str
    seconds: Mapping[str, float]
    drift: Table | None
    result: GateResult

    def text(self) -> str:
        """Return it in a few plain sentences, for a notification."""
        return " ".join(
            [self.message, self._data(), f"Scores: {self._scores()}.", "The artifact `digest` of the run has more."]
        )

    def exhibit(self) -> Exhibit:
        """Return it as a text in Markdown."""
        lines = [
            f"## {self.outcome}",
            markdown_text(self.message),
            f"**Stages.** {self._stages()}",
            f"**Photos.** {markdown_text(self._data())}",
            f"**Scores.** {self._scores().capitalize()}.",
            self._table(),
            *(f"- {markdown_text(line)}" for line in (*self.result.reasons, *self.result.notes)),
            "**Look at** the artifacts `beside`, which shows both generators with the same latents, and `pages`. "
            "`pedigree champions` lists all champions. `make tensorboard` shows the losses.",
        ]
        return Exhibit("digest", "What this run did", text="\n\n".join(filter(None, lines)) + "\n")

    def _table(self) -> str:
        rows = self.result.rows
        return markdown_table(list(rows[0]), [map(str, row.values()) for row in rows]) if rows else ""

    def _stages(self) -> str:
        if not self.seconds:
            return "None ran: all results were there already."
        return ", ".join(f"{name} {_duration(seconds)}" for name, seconds in self.seconds.items()) + "."

    def _data(self) -> str:
        if self.drift is None:
            return "There was no champion to compare the photos with."
        changed = [row for row in self.drift if row["what"] != SAME]
        if not changed:
            return "No breed's photos have changed."
        named = "; ".join(f"{row['breed']}: {row['what']}" for row in changed[:MOST_BREEDS])
        more = f"; {len(changed) - MOST_BREEDS} more" if len(changed) > MOST_BREEDS else ""
        return f"{plural(len(changed), 'breed')} of {len(self.drift)} changed: {named}{more}."

    def _scores(self) -> str:
        counts: dict[str, int] = {}
        for row in self.result.rows:
            word = str(row["verdict"]).partition(":")[0]
            counts[word] = counts.get(word, 0) + 1
        return ", ".join(f"{count} {word}" for word, count in counts.items()) or "none"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
