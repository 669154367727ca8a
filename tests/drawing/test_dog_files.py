"""Names of files with one dog: they say breed, seed and index, no two are equal, and they are safe."""

import pytest

from pedigree.common.names import LONGEST_FILE_NAME, file_name
from pedigree.drawing.dog_files import file_names
from pedigree.drawing.request import Sheet


def test_a_name_says_breed_seed_and_index() -> None:
    names = file_names(Sheet(("n1-pug", "boxer"), 7, 3), ("boxer", "n1-pug", "other"))
    assert list(names) == ["n1-pug", "boxer"]
    assert names["boxer"] == {0: "boxer-7-000.png", 1: "boxer-7-001.png", 2: "boxer-7-002.png"}
    assert file_names(Sheet(("n02110958-pug",), 7, 1000, index=999), ("n02110958-pug",)) == {
        "n02110958-pug": {999: "pug-7-999.png"}
    }


@pytest.mark.parametrize(
    "breeds",
    [
        ("n00000001-pug", "n00000002-pug"),
        ("n00000001-pug", "n00000002-PUG"),
        ("a b", "a_b", "a/b", "a?b"),
        ("ñ", "n\u0303", "Ñ"),
        ("a" * 200 + "b", "a" * 200 + "c"),
        ("..", ".", "-"),
    ],
)
def test_breeds_of_similar_names_have_files_of_different_names_also_without_case(breeds: tuple[str, ...]) -> None:
    together = [rows[0] for rows in file_names(Sheet(breeds, count=1), breeds).values()]
    alone = [file_names(Sheet((breed,), count=1), breeds)[breed][0] for breed in breeds]
    assert together == alone, "the other breeds drawn do not change a name"
    assert len({name.casefold() for name in together}) == len(breeds)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("pug", "pug"),
        ("柴犬 ñandú", "柴犬_ñandú"),
        ("n\u0303", "ñ"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("-rf *", "rf__"),
        (".hidden", "hidden"),
        ("a\u202eb\u200bc\\d:e\u3000f", "a_b_c_d_e_f"),
        ("...", "_"),
        ("बिल्ली", "बिल्ली"),
    ],
)
def test_names_of_files_are_neither_hidden_nor_options_nor_paths(name: str, safe: str) -> None:
    assert file_name(name) == safe


def test_a_long_name_is_cut_between_letters() -> None:
    assert file_name("犬" * 255) == "犬" * (LONGEST_FILE_NAME // 3)
