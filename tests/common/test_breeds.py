import unicodedata

import pytest

from pedigree.common.breeds import display_name, find_breed, same_breed, wordnet_id
from pedigree.errors import UsageError

FOLDERS = [
    "n02085620-Chihuahua",
    "n02085782-Japanese_spaniel",
    "n02086240-Shih-Tzu",
    "n02089078-black-and-tan_coonhound",
    "n02113799-standard_poodle",
    "7",
]


@pytest.mark.parametrize(
    ("folder", "name", "identity"),
    [
        ("n02085620-Chihuahua", "Chihuahua", "n02085620"),
        ("n02089078-black-and-tan_coonhound", "black-and-tan_coonhound", "n02089078"),
        ("n02085620", "n02085620", ""),
        ("n02085620-", "n02085620-", ""),
        ("n0208562-Chihuahua", "n0208562-Chihuahua", ""),
        ("n020856201-Chihuahua", "n020856201-Chihuahua", ""),
        ("7", "7", ""),
        ("wild-rose", "wild-rose", ""),
    ],
)
def test_a_display_name_leaves_out_only_a_wordnet_id(folder: str, name: str, identity: str) -> None:
    assert display_name(folder) == name
    assert wordnet_id(folder) == identity


@pytest.mark.parametrize(
    ("query", "folder"),
    [
        ("n02085620-Chihuahua", "n02085620-Chihuahua"),
        ("Chihuahua", "n02085620-Chihuahua"),
        ("CHIHUAHUA", "n02085620-Chihuahua"),
        ("N02085620-chihuahua", "n02085620-Chihuahua"),
        (" japanese spaniel ", "n02085782-Japanese_spaniel"),
        ("Japanese-Spaniel", "n02085782-Japanese_spaniel"),
        ("shih tzu", "n02086240-Shih-Tzu"),
        ("shih_tzu", "n02086240-Shih-Tzu"),
        ("black and tan coonhound", "n02089078-black-and-tan_coonhound"),
        ("7", "7"),
    ],
)
def test_a_breed_is_found_in_any_case_and_with_any_separators(query: str, folder: str) -> None:
    assert find_breed(query, FOLDERS) == folder


@pytest.mark.parametrize(
    ("query", "nearest"),
    [("Chiwawa", "Chihuahua"), ("Japanese spanel", "Japanese_spaniel"), ("poodle", "standard_poodle")],
)
def test_a_typo_gets_the_nearest_names(query: str, nearest: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_breed(query, FOLDERS)
    assert repr(query) in str(raised.value) and nearest in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("query", ["", "zzzz", "Shih", "8"])
def test_part_of_a_name_does_not_match(query: str) -> None:
    with pytest.raises(UsageError, match="There is no breed"):
        find_breed(query, FOLDERS)


def test_without_a_near_name_the_message_says_where_all_names_are() -> None:
    with pytest.raises(UsageError, match=r"^There is no breed 'zzzz'; `pedigree breeds` lists all 6\.$"):
        find_breed("zzzz", FOLDERS)
    with pytest.raises(UsageError, match=r"^There is no breed 'zzzz'; data/raw/Images has all 6\.$"):
        find_breed("zzzz", FOLDERS, listing="data/raw/Images has")


def test_a_name_of_two_folders_is_an_error_that_lists_both() -> None:
    twins = ["n00000002-Pug", "n00000001-pug"]
    with pytest.raises(UsageError, match="n00000001-pug, n00000002-Pug"):
        find_breed("PUG", twins)
    assert find_breed("n00000002-Pug", twins) == "n00000002-Pug"


def test_only_case_and_separators_are_ignored_when_names_are_compared() -> None:
    assert same_breed("Shih-Tzu", "shih_tzu") and same_breed("toy  poodle", "Toy-poodle")
    assert not same_breed("toy_poodle", "toy_terrier") and not same_breed("", "Pug")


@pytest.mark.parametrize("query", ["Épagneul", "épagneul", "ÉPAGNEUL", "n02101388-Épagneul"])
@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_a_breed_is_found_in_any_unicode_form(query: str, forms: tuple[str, str]) -> None:
    name, folder = (unicodedata.normalize(*pair) for pair in zip(forms, (query, "n02101388-Épagneul"), strict=True))
    assert find_breed(name, ("Boxer", folder)) == folder
    assert same_breed(name.removeprefix("n02101388-"), display_name(folder))


def test_folders_of_one_name_in_two_unicode_forms_are_listed_by_their_code_points() -> None:
    with pytest.raises(UsageError, match=r"use one of: e\\u0301-Pug, \\xe9-Pug\.$"):
        find_breed("É pug", ["e\u0301-Pug", "\xe9-Pug"])


@pytest.mark.parametrize(
    ("query", "folder", "shown"),
    [
        ("Pug\u200b", "Pug", r"'Pug\u200b'; nearest: Pug; `pedigree breeds` lists all 2."),
        ("Pug", "\uff30ug", r"'Pug'; nearest: \uff30ug; `pedigree breeds` lists all 2."),
    ],
)
def test_a_name_that_only_looks_like_a_breed_is_shown_by_its_code_points(query: str, folder: str, shown: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_breed(query, ["Boxer", folder])
    assert str(raised.value) == f"There is no breed {shown}"
