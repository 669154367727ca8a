"""The numbers of a blind test, against numbers counted by hand."""

import numpy as np
import pytest
from scipy import stats

from pedigree.blind import table
from pedigree.blind.answers import MISSING, Answers
from pedigree.blind.key import Key
from pedigree.blind.questions import PHOTOS
from pedigree.blind.report import agreement, report, wilson

# Four pictures and two photos. The right choices are 1, 2, 3, 4, 5, 6.
KEY = Key(
    "abcd",
    7,
    {"m.keras": "00ff"},
    np.array(["m.keras"] * 4 + [PHOTOS] * 2),
    np.array(["n1-pug", "n1-pug", "n2-boxer", "n2-boxer", "n1-pug", "n2-boxer"]),
    np.array([1, 2, 3, 4, 5, 6]),
    6,
)


def answers(reader: str, dog: list[int], photo: list[int], breed: list[int]) -> Answers:
    return Answers(reader, *(np.array(values, np.int8) for values in (dog, photo, breed)))


ANNA = answers("anna", [1, 1, 0, 0, 1, 1], [0, 1, 0, 0, 1, 1], [1, 3, 3, 0, 5, 6])
BERT = answers("bert", [1, 0, 0, MISSING, 1, 1], [0, 0, 0, MISSING, 0, 1], [1, 2, MISSING, MISSING, 5, 1])


def test_the_shares_are_those_counted_by_hand() -> None:
    numbers = report(KEY, [ANNA, BERT])
    (drawn,), photos = numbers["generated"], numbers["photos"]
    assert (drawn["model"], drawn["sha256"], drawn["pictures"], photos["pictures"]) == ("m.keras", "00ff", 4, 2)
    assert (numbers["seed"], numbers["readers"], numbers["choices"]) == (7, ["anna", "bert"], 6)
    shares = {
        name: (drawn[name]["share"], drawn[name]["answers"], drawn[name]["pictures"])
        for name in drawn
        if "_" in name and "by" not in name
    }
    assert shares == {
        "called_a_dog": (3 / 7, 7, 4),
        "taken_for_a_photo": (1 / 7, 7, 4),
        "breed_named": (4 / 6, 6, 4),  # anna 1 and 3, bert 1 and 2; "cannot tell" is an answer
        "breed_named_of_dogs": (2 / 3, 3, 2),
    }
    assert drawn["missing"] == {"dog": 1, "photo": 1, "breed": 2}
    assert photos["missing"] == {"dog": 0, "photo": 0, "breed": 0}
    assert [photos[name]["share"] for name in ("called_a_dog", "taken_for_a_photo", "breed_named")] == [1, 3 / 4, 3 / 4]
    assert drawn["by_reader"]["anna"]["called_a_dog"]["share"] == 2 / 4
    assert drawn["by_reader"]["bert"]["called_a_dog"]["share"] == 1 / 3
    assert drawn["by_breed"]["n1-pug"] == {
        "pictures": 2,
        "called_a_dog": [3, 4],
        "taken_for_a_photo": [1, 4],
        "breed_named": [3, 4],
        "breed_named_of_dogs": [2, 3],
    }


def test_the_interval_takes_pictures_not_answers_as_cases() -> None:
    once, twice = report(KEY, [ANNA]), report(KEY, [ANNA, answers("copy", *(ANNA.dog, ANNA.photo, ANNA.breed))])
    for name in ("called_a_dog", "taken_for_a_photo", "breed_named"):
        assert once["generated"][0][name]["interval"] == twice["generated"][0][name]["interval"]
        assert twice["generated"][0][name]["answers"] == 2 * once["generated"][0][name]["answers"]


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (3, 10), (84, 120), (60, 60), (1, 1)])
def test_the_interval_is_wilsons(hits: int, count: int) -> None:
    expected = stats.binomtest(hits, count).proportion_ci(0.95, "wilson")
    assert wilson(hits / count, count) == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_agreement_counts_pairs_of_readers_that_both_answered() -> None:
    given = np.array([[1, 0, 1, MISSING], [1, 1, MISSING, MISSING], [1, 0, 0, 1]], np.int8)
    assert agreement(given) == 4 / 7  # picture 1: three of three pairs; 2: one of three; 3: none of one
    assert agreement(given[:1]) is None


def test_without_any_answer_there_is_no_share() -> None:
    silent = answers("x", *[[MISSING] * 6] * 3)
    numbers = report(KEY, [silent])
    assert numbers["photos"]["called_a_dog"] == {"share": None, "interval": None, "answers": 0, "pictures": 0}
    assert numbers["photos"]["missing"]["dog"] == 2
    assert "-" in table.render(numbers)


def test_the_table_shows_photos_beside_pictures_and_each_reader() -> None:
    lines = {line[:34].strip(): line[34:].split() for line in table.render(report(KEY, [ANNA, BERT])).splitlines()}
    assert lines["called a dog"] == ["43", "(12", "to", "81)", "100", "(34", "to", "100)"]
    assert lines["anna: dog, photo, breed"] == ["50,", "25,", "50", "100,", "100,", "100"]
    assert lines["missing answers: dog/photo/breed"] == ["1/1/2", "0/0/0"]
